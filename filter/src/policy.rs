//! A loaded policy: the verified program, and what it takes to feed it.

use ambit_bytecode::Source;
use ambit_eval::{Program, Protocol, VerifyError};
use ambit_request::extract::SelectionError;

use crate::evidence::{Records, Showing};
use crate::intake::{A2aRest, A2aRpc, Http, Mcp};

/// Suffixes of the mesh where the configuration names none: what Kubernetes calls its services.
pub(crate) const DEFAULT_MESH: [&str; 2] = ["svc", "svc.cluster.local"];

/// A verified program with what it takes to feed it.
#[derive(Debug)]
pub struct Policy {
    program: Program<Vec<u8>>,
    /// By field id of the program.
    bindings: Vec<Binding>,
    queries: usize,
    reads_peer_address: bool,
    readers: Readers,
    /// Suffixes of names that are of the mesh.
    mesh: Vec<String>,
    records: Records,
    /// By field id of the program.
    showing: Vec<Showing>,
}

/// Where the value of a field is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// In the head of the request.
    Head,
    /// In the query, at this place among the query fields.
    Query(usize),
    /// In the body.
    Body,
}

/// How bodies are read, for each kind of them that the workload may be sent.
#[derive(Debug)]
pub(crate) struct Readers {
    pub(crate) http: Http,
    pub(crate) mcp: Option<Mcp>,
    pub(crate) a2a_rpc: Option<A2aRpc>,
    pub(crate) a2a_rest: Option<A2aRest>,
}

/// Why a blob cannot be loaded.
#[derive(Debug)]
pub enum PolicyError {
    /// It does not verify.
    Verify(VerifyError),
    /// It reads more of a body than the filter extracts.
    Selection(SelectionError),
    /// A key of a body field is not UTF-8, or a field describes nothing.
    Field,
    /// The workload speaks both MCP and A2A, whose requests cannot be told apart.
    Protocols,
}

impl Policy {
    /// Verifies a blob and prepares what its conditions read.
    ///
    /// # Errors
    /// [`PolicyError`]; nothing is kept then.
    pub fn load(blob: Vec<u8>) -> Result<Self, PolicyError> {
        let program = Program::verify(blob).map_err(PolicyError::Verify)?;
        let mut bindings = Vec::with_capacity(usize::from(program.fields()));
        let mut queries = 0_usize;
        let mut reads_peer_address = false;
        for field in 0..program.fields() {
            let source = program.field(field).ok_or(PolicyError::Field)?.source;
            reads_peer_address |= source == Source::PeerAddress;
            bindings.push(match source {
                Source::Query => {
                    let place = queries;
                    queries = queries.saturating_add(1);
                    Binding::Query(place)
                }
                Source::Body => Binding::Body,
                _ => Binding::Head,
            });
        }
        let mut reads = vec![None; usize::from(program.fields())];
        program.for_each_read(|field, is_list| {
            if let Some(read) = reads.get_mut(usize::from(field)) {
                *read = (*read).max(Some(is_list));
            }
        });
        let readers = Readers::build(&program, &reads)?;
        let digest = |read: &Option<bool>| if read.is_some() { Showing::Digest } else { Showing::Not };
        let showing = reads.iter().map(digest).collect();
        let records = Records::default();
        let mesh = DEFAULT_MESH.map(String::from).to_vec();
        let policy = Self { program, bindings, queries, reads_peer_address, readers, mesh, records, showing };
        Ok(policy.recorded(Records::default()))
    }

    /// The same policy in a mesh whose names have these suffixes.
    pub(crate) fn in_mesh(self, mesh: &[String]) -> Self {
        Self { mesh: mesh.to_vec(), ..self }
    }

    /// Suffixes of names that are of the mesh.
    pub(crate) fn mesh(&self) -> &[String] {
        &self.mesh
    }

    /// The same policy, with what its records may show.
    #[must_use]
    pub fn recorded(mut self, records: Records) -> Self {
        for (showing, field) in self.showing.iter_mut().zip(0..) {
            if *showing != Showing::Not {
                *showing = records.showing(&self.program, field);
            }
        }
        self.records = records;
        self
    }

    /// What its records may show.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// What a record says of a field.
    pub(crate) fn showing(&self, field: u16) -> Showing {
        self.showing.get(usize::from(field)).copied().unwrap_or(Showing::Not)
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Program<Vec<u8>> {
        &self.program
    }

    /// Whether the policy is for the workload of a certificate with this URI SAN. A SAN that names no Kubernetes service
    /// account says nothing of it, so that there is nothing to hold against the policy.
    #[must_use]
    pub fn is_for(&self, san: &[u8]) -> bool {
        let Some((namespace, account)) = kubernetes(san) else { return true };
        self.program.workload() == (namespace, account)
    }

    /// How bodies are read.
    pub(crate) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Whether any condition reads the downstream address.
    pub(crate) const fn reads_peer_address(&self) -> bool {
        self.reads_peer_address
    }

    pub(crate) fn binding(&self, field: u16) -> Option<Binding> {
        self.bindings.get(usize::from(field)).copied()
    }

    /// How many query fields there are.
    pub(crate) const fn queries(&self) -> usize {
        self.queries
    }
}

/// Namespace and service account of `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
fn kubernetes(san: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = san.strip_prefix(b"spiffe://")?.split(|byte| *byte == b'/').skip(1);
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        (b"ns", namespace, b"sa", account, None) => Some((namespace, account)),
        _ => None,
    }
}

impl Readers {
    fn build(program: &Program<Vec<u8>>, reads: &[Option<bool>]) -> Result<Self, PolicyError> {
        let (mcp, a2a) = (program.speaks(Protocol::Mcp), program.speaks(Protocol::A2a));
        if mcp && a2a {
            // `tasks/get`, for one, is a method of both.
            return Err(PolicyError::Protocols);
        }
        Ok(Self {
            http: Http::build(program, reads, mcp || a2a)?,
            mcp: mcp.then(|| Mcp::build(program, reads)).transpose()?,
            a2a_rpc: a2a.then(|| A2aRpc::build(program, reads)).transpose()?,
            a2a_rest: a2a.then(|| A2aRest::build(program, reads)).transpose()?,
        })
    }
}

impl core::fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Verify(error) => {
                let section = error.section.map_or("framing", |section| section.word());
                write!(formatter, "code={} section={section} offset={}", error.kind.word(), error.offset)
            }
            Self::Selection(error) => write!(formatter, "code=policy-reads-too-much reason={error}"),
            Self::Field => write!(formatter, "code=policy-field-unreadable"),
            Self::Protocols => write!(formatter, "code=policy-mixes-mcp-and-a2a"),
        }
    }
}
