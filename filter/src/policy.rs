//! A loaded policy: the verified program, and which fields of a body it reads.

use ambit_bytecode::Source;
use ambit_eval::{Program, Protocol, VerifyError};
use ambit_request::extract::{FieldId, Root, Selection, SelectionError, Step};

/// A verified program with what it takes to feed it.
#[derive(Debug)]
pub struct Policy {
    program: Program<Vec<u8>>,
    protocol: Protocol,
    selection: Selection,
    /// By field id of the program.
    bindings: Vec<Binding>,
    queries: usize,
    reads_peer_address: bool,
}

/// Where the value of a field is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// In the head of the request.
    Head,
    /// In the query, at this place among the query fields.
    Query(usize),
    /// In the body.
    Body {
        /// The field; inside a list, its value in each element.
        field: FieldId,
        /// For a list, the elements themselves.
        elements: Option<FieldId>,
    },
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
}

impl Policy {
    /// Verifies a blob and prepares what its conditions read.
    ///
    /// # Errors
    /// [`PolicyError`]; nothing is kept then.
    pub fn load(blob: Vec<u8>) -> Result<Self, PolicyError> {
        let program = Program::verify(blob).map_err(PolicyError::Verify)?;
        let mut lists = vec![false; usize::from(program.fields())];
        program.for_each_list(|field| {
            if let Some(list) = lists.get_mut(usize::from(field)) {
                *list = true;
            }
        });
        let protocol = Protocol::ALL
            .into_iter()
            .rev()
            .find(|protocol| program.speaks(*protocol))
            .unwrap_or(Protocol::Http);
        let mut builder = Selection::builder(Root::Document);
        let mut bindings = Vec::with_capacity(lists.len());
        let mut queries = 0_usize;
        for (field, is_list) in (0..program.fields()).zip(lists) {
            let description = program.field(field).ok_or(PolicyError::Field)?;
            bindings.push(match description.source {
                Source::Query => {
                    let place = queries;
                    queries = queries.saturating_add(1);
                    Binding::Query(place)
                }
                Source::Body => {
                    let mut path = Vec::new();
                    if let Some(list) = description.list {
                        path.extend(steps(&program, list)?);
                        path.push(Step::Elements);
                    }
                    path.extend(steps(&program, field)?);
                    let selected = builder.field(&path).map_err(PolicyError::Selection)?;
                    path.push(Step::Elements);
                    let elements =
                        is_list.then(|| builder.field(&path)).transpose().map_err(PolicyError::Selection)?;
                    Binding::Body { field: selected, elements }
                }
                _ => Binding::Head,
            });
        }
        let selection = builder.build();
        let sources = (0..program.fields()).filter_map(|field| program.field(field));
        let reads_peer_address = sources.into_iter().any(|field| field.source == Source::PeerAddress);
        Ok(Self { program, protocol, selection, bindings, queries, reads_peer_address })
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Program<Vec<u8>> {
        &self.program
    }

    /// What requests are read as.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The fields of a body that conditions read.
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.selection
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

/// The steps to a body field, from the root or from the element.
fn steps(program: &Program<Vec<u8>>, field: u16) -> Result<Vec<Step<'_>>, PolicyError> {
    let keys = program.field(field).ok_or(PolicyError::Field)?.keys;
    (0..keys)
        .map(|place| {
            let key = program.field_key(field, place).ok_or(PolicyError::Field)?;
            core::str::from_utf8(key).map(Step::Key).map_err(|_| PolicyError::Field)
        })
        .collect()
}

impl core::fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Verify(error) => {
                let section = error.section.map_or("framing", |section| section.word());
                write!(formatter, "code={} section={section} offset={}", error.kind.word(), error.offset)
            }
            Self::Selection(_) => write!(formatter, "code=policy-reads-too-much"),
            Self::Field => write!(formatter, "code=policy-field-unreadable"),
        }
    }
}
