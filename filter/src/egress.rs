//! What leaves the mesh, judged without a host: a call, of which the proxy sees the request, or a connection, of which it
//! sees the server name and the address.
//!
//! The caller is the workload itself, and everyone on whose behalf it acts counts, as for a request within the mesh.

use core::cell::Cell;

use ambit_bytecode::Code;
use ambit_eval::{Caller, Key, Protocol, Request, Statement, Verdict};
use ambit_lineage::Lineage;
use ambit_request::destination::DestinationError;
use ambit_request::path::{PathBuffer, canonicalize};

use crate::decision::{Decision, Form};
use crate::destination::{Destination, Ends, Route};
use crate::evidence::{self, Evidence};
use crate::facts::{Body, Outside, RequestFacts};
use crate::head::{Head, Pairs, split, with_lineage};
use crate::limits::MAX_LOGGED_DESTINATION_BYTES;
use crate::outbound::{Call, stays_in_mesh};
use crate::policy::Policy;
use crate::settings::{Egress, Settings};

/// The action of a call whose request the proxy sees.
const HTTP: &[u8] = b"http";

/// The action of a connection of which it sees nothing inside.
const CONNECT: &[u8] = b"connect";

/// Something that leaves the mesh.
#[derive(Debug)]
pub struct Leaving<'a> {
    /// By what it is judged.
    pub policy: &'a Policy,
    /// The SPIFFE id of the workload that it comes from.
    pub agent: &'a str,
    destination: Result<Destination, DestinationError>,
    /// What stands there in the place of a destination that cannot be told.
    said: &'a [u8],
    /// The method and the path, where they are seen.
    request: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Leaving<'a> {
    /// A call. None if it stays in the mesh, or if nothing is configured to judge what does not.
    #[must_use]
    pub fn call(settings: &'a Settings, call: &Call<'a>, route: &Route) -> Option<Self> {
        let (policy, egress) = settings.egress()?;
        let live = settings.live.as_ref()?;
        let destination = Destination::of_call(call.authority, call.scheme, route);
        // A name says nothing of what goes to the address that the application chose: then there is none.
        let is_named = destination.as_ref().is_ok_and(|destination| destination.name.is_some());
        if is_named && stays_in_mesh(call.authority, &live.mesh) {
            return None;
        }
        let request = Some((call.method, call.path));
        Self::beyond(policy, egress, destination, call.authority, request)
    }

    /// A connection. None if it stays in the mesh.
    #[must_use]
    pub fn connection(settings: &'a Settings, ends: &'a Ends) -> Option<Self> {
        let (policy, egress) = settings.egress()?;
        let live = settings.live.as_ref()?;
        let destination = Destination::of_connection(ends);
        let is_named = !ends.server_name.is_empty();
        // A name that someone chose does not make an address one of the mesh, where its addresses are known.
        let is_inside =
            |destination: &Destination| egress.internal.is_empty() || destination.is_in(&egress.internal);
        if is_named {
            let stays = stays_in_mesh(&ends.server_name, &live.mesh);
            if stays && destination.as_ref().is_ok_and(is_inside) {
                return None;
            }
            let said = &ends.server_name;
            return Some(Self { policy, agent: &egress.agent, destination, said, request: None });
        }
        Self::beyond(policy, egress, destination, &ends.address, None)
    }

    /// None if the address is one of the mesh.
    fn beyond(
        policy: &'a Policy,
        egress: &'a Egress,
        destination: Result<Destination, DestinationError>,
        said: &'a [u8],
        request: Option<(&'a [u8], &'a [u8])>,
    ) -> Option<Self> {
        let is_internal = destination.as_ref().is_ok_and(|destination| destination.is_in(&egress.internal));
        (!is_internal).then_some(Self { policy, agent: &egress.agent, destination, said, request })
    }

    /// Judges it, on behalf of this lineage; a lineage that cannot be told refuses it. `now` is in Unix seconds.
    #[must_use]
    pub fn judge(&self, lineage: Result<&Lineage<'_>, Code>, now: u64) -> Decision {
        let most = self.policy.program().max_depth();
        let evidence = Cell::new(None);
        let verdict = match lineage {
            Ok(lineage) => with_lineage(lineage, most, &|statement| self.decide(statement, now, &evidence)),
            Err(code) => self.decide(Statement::Refused(code), now, &evidence),
        };
        let mut decision = Decision::new(verdict, Form::Http);
        decision.evidence = evidence.take();
        // Something else may have refused it first.
        if decision.verdict.code == Code::EgressNotAllowed {
            decision.detail = self.destination.as_ref().err().map(|error| error.word());
        }
        decision
    }

    fn decide(&self, statement: Statement<'_>, now: u64, evidence: &Cell<Option<Evidence>>) -> Verdict {
        let mut buffer = PathBuffer::new();
        let path = self.request.and_then(|(_, path)| canonicalize(path, &mut buffer).ok());
        let action = if self.request.is_some() { HTTP } else { CONNECT };
        let unknown = Destination::default();
        let (key, destination) = match &self.destination {
            Ok(destination) => (Key::Known(action), destination),
            Err(_) => (Key::Refused(Code::EgressNotAllowed), &unknown),
        };
        let (pairs, head) = (Pairs::default(), Head::default());
        let outside = Outside { destination, method: self.request.map(|(method, _)| method), path };
        let facts = RequestFacts::outside(self.policy, &pairs, &head, outside);
        let caller = Caller::Proven(split(self.agent));
        let request = Request { caller, statement, protocol: Protocol::Egress, key, facts: &facts, now };
        let verdict = self.policy.program().decide(&request);
        if !verdict.allows() {
            evidence.set(Some(evidence::write(self.policy, &request, Body::Absent, None, &verdict)));
        }
        verdict
    }

    /// Where it goes, for the log: the name or else the address, with the port. What is no destination stands there as it
    /// came, cut where it is too long.
    #[must_use]
    pub fn destination(&self) -> Vec<u8> {
        match &self.destination {
            Ok(destination) => destination.shown(),
            Err(_) => self.said.get(..MAX_LOGGED_DESTINATION_BYTES).unwrap_or(self.said).to_vec(),
        }
    }

    /// The address beside the name, for the log.
    #[must_use]
    pub fn address(&self) -> Option<&[u8]> {
        let destination = self.destination.as_ref().ok()?;
        destination.address.as_deref().filter(|_| destination.name.is_some())
    }
}
