//! What leaves the mesh, judged without a host: a call, of which the proxy sees the request, or a connection, of which it
//! sees the server name and the address.
//!
//! The caller is the workload itself, and everyone on whose behalf it acts counts, as for a request within the mesh.

use core::cell::Cell;

use ambit_bytecode::Code;
use ambit_eval::{Caller, Key, Protocol, Request, Statement, Verdict};
use ambit_lineage::Lineage;
use ambit_request::destination::{DestinationError, Url};
use ambit_request::path::{PathBuffer, canonicalize};

use crate::decision::{Decision, Form};
use crate::destination::{Destination, Ends, Route};
use crate::evidence::{self, Evidence};
use crate::facts::{Body, Outside, RequestFacts};
use crate::head::{Head, Pairs, with_lineage};
use crate::limits::MAX_LOGGED_DESTINATION_BYTES;
use crate::outbound::{Call, stays_in_mesh};
use crate::policy::Policy;
use crate::record::Json;
use crate::settings::Settings;
use crate::telemetry;

/// The action of a call whose request the proxy sees.
const HTTP: &[u8] = b"http";

/// The method of a push notification (A2A 1.0, section 13).
const PUSH_METHOD: &[u8] = b"POST";

/// The action of a connection of which it sees nothing inside.
const CONNECT: &[u8] = b"connect";

/// Something that leaves the mesh.
#[derive(Debug)]
pub struct Leaving<'a> {
    /// By what it is judged.
    pub policy: &'a Policy,
    /// Who causes it, last of all.
    caller: Caller<'a>,
    destination: Result<Destination, DestinationError>,
    /// What stands there in the place of a destination that cannot be told.
    said: &'a [u8],
    /// The method and the path, where they are seen.
    request: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Leaving<'a> {
    /// A call of the workload. None if it stays in the mesh, or if nothing is configured to judge what does not.
    #[must_use]
    pub fn call(settings: &'a Settings, call: &Call<'a>, route: &Route) -> Option<Self> {
        let (policy, egress) = settings.egress()?;
        let destination = Destination::of_call(call.authority, call.scheme, route);
        let stays = match &destination {
            // A name says nothing of what goes to the address that the application chose: then there is none.
            Ok(Destination { name: Some(name), .. }) => stays_in_mesh(name, policy.mesh()),
            Ok(destination) => destination.is_in(&egress.internal),
            Err(_) => false,
        };
        let request = Some((call.method, call.path));
        (!stays).then(|| Self { policy, caller: egress.caller(), destination, said: call.authority, request })
    }

    /// A connection of the workload. None if it stays in the mesh.
    #[must_use]
    pub fn connection(settings: &'a Settings, ends: &'a Ends) -> Option<Self> {
        let (policy, egress) = settings.egress()?;
        let destination = Destination::of_connection(ends);
        let (stays, said) = match &destination {
            // A name that someone chose does not make an address one of the mesh, where its addresses are known.
            Ok(found @ Destination { name: Some(name), .. }) => {
                let may_stay = egress.internal.is_empty() || found.is_in(&egress.internal);
                (may_stay && stays_in_mesh(name, policy.mesh()), &ends.server_name)
            }
            Ok(found) => (found.is_in(&egress.internal), &ends.address),
            Err(_) => (false, &ends.server_name),
        };
        (!stays).then(|| Self { policy, caller: egress.caller(), destination, said, request: None })
    }

    /// A call that the workload is made to make, by a URL that `caller` names. None if it stays in the mesh, or if nothing
    /// bounds what callers have called outside.
    pub(crate) fn push(policy: &'a Policy, caller: Caller<'a>, url: &'a [u8]) -> Option<Self> {
        if !policy.program().speaks(Protocol::Egress) {
            return None;
        }
        let (destination, target) = match Url::parse(url) {
            Ok(url) => (Ok(Destination::of_url(&url)), url.target),
            Err(error) => (Err(error), &b""[..]),
        };
        if let Ok(Destination { name: Some(name), .. }) = &destination
            && stays_in_mesh(name, policy.mesh())
        {
            return None;
        }
        let target = if target.is_empty() { b"/" } else { target };
        Some(Self { policy, caller, destination, said: url, request: Some((PUSH_METHOD, target)) })
    }

    /// Judges it, on behalf of this lineage; a lineage that cannot be told refuses it. `now` is in Unix seconds.
    #[must_use]
    pub fn judge(&self, lineage: Result<&Lineage<'_>, Code>, now: u64) -> Decision {
        let most = self.policy.program().max_depth();
        let evidence = Cell::new(None);
        let verdict = match lineage {
            Ok(lineage) => with_lineage(lineage, most, &|statement| self.verdict(statement, now, &evidence)),
            Err(code) => self.verdict(Statement::Refused(code), now, &evidence),
        };
        let mut decision = self.decision(verdict, Form::Http);
        decision.evidence = evidence.take();
        decision
    }

    /// What the program says of it, and of a deny what it is made of.
    pub(crate) fn verdict(
        &self,
        statement: Statement<'_>,
        now: u64,
        evidence: &Cell<Option<Evidence>>,
    ) -> Verdict {
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
        let request =
            Request { caller: self.caller, statement, protocol: Protocol::Egress, key, facts: &facts, now };
        let verdict = self.policy.program().decide(&request);
        telemetry::count_steps(&verdict);
        if !verdict.allows() {
            evidence.set(Some(evidence::write(self.policy, &request, Body::Absent, None, &verdict)));
        }
        verdict
    }

    /// A verdict on it, and what exactly is wrong with the destination, if that is the reason.
    pub(crate) fn decision(&self, verdict: Verdict, form: Form) -> Decision {
        let mut decision = Decision::new(verdict, form);
        // Something else may have refused it first.
        if decision.verdict.code == Code::EgressNotAllowed {
            decision.detail = self.destination.as_ref().err().map(|error| error.word());
        }
        decision
    }

    /// Writes to a record from whom it comes and where it goes. What is no destination stands there as it came, cut where
    /// it is too long.
    pub(crate) fn record(&self, line: &mut Json) {
        if let Caller::Proven(agent) = self.caller {
            line.text("agent", agent.whole);
        }
        match &self.destination {
            Ok(Destination { name, address, port }) => {
                let host = name.as_deref().or(address.as_deref()).unwrap_or(b"unknown");
                line.text("destination", host);
                if let (Some(_), Some(address)) = (name, address) {
                    line.text("address", address);
                }
                if let Some(port) = port {
                    line.number("port", port);
                }
            }
            Err(_) => {
                let said = self.said.get(..MAX_LOGGED_DESTINATION_BYTES).unwrap_or(self.said);
                line.text("destination", said);
            }
        }
    }
}
