//! One request: callbacks to facts, verdict to action.
//!
//! What can be decided at the headers is. Where policy needs the body, headers go on and the body is held: a filter
//! that pauses at the headers would never be shown the body (host facts, 4.3), unless Envoy was told that it is to be,
//! and the configuration says so (`holdHeaders`). Whatever is not decided denies.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_eval::Verdict;
use ambit_lineage::header::HEADER_NAME;
use ambit_lineage::shared::Ticket;

use crate::decision::Decision;
use crate::head::Pairs;
use crate::host::{self, Action};
use crate::inbound::{Inbound, Passing, Reading, Step};
use crate::listing::{self, Listing, Passed};
use crate::live;
use crate::policy::Policy;
use crate::reply::Reply;
use crate::report::{self, report};
use crate::root::Configured;
use crate::settings::Identity;
use crate::telemetry;

pub(crate) struct Http {
    configured: Option<Rc<Configured>>,
    state: State,
    /// The reply, if it is to be cut down, whatever the request's body still does.
    listing: Option<Box<Listing>>,
    /// The context of the request, to be ended with it.
    ticket: Option<Ticket>,
}

impl Drop for Http {
    /// The stream is over, however it ended.
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            live::end(ticket);
        }
    }
}

enum State {
    /// Nothing has come yet.
    Fresh,
    /// The verdict waits for the body.
    Reading(Held),
    /// It may pass.
    Passed,
    /// It may pass, if its body does not become too large.
    Bounded(Box<Bounded>),
    /// It was answered.
    Denied,
}

/// What is kept of a request while its body comes.
struct Held {
    inbound: Inbound,
    reading: Box<Reading>,
}

/// What is kept of a request while its body passes.
struct Bounded {
    inbound: Inbound,
    passing: Passing,
    /// What counts when all of it has; none if it does not.
    verdict: Option<Verdict>,
}

impl Drop for Bounded {
    fn drop(&mut self) {
        if let Some(verdict) = self.verdict.take() {
            telemetry::count(&verdict);
        }
    }
}

impl Http {
    pub(crate) const fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured, state: State::Fresh, listing: None, ticket: None }
    }

    /// The headers are there.
    pub(crate) fn headers(&mut self, end_of_stream: bool) -> Action {
        match self.state {
            State::Fresh => self.begin(end_of_stream),
            _ => self.after(),
        }
    }

    /// The host has `size` bytes of the body in all.
    pub(crate) fn body(&mut self, size: usize, end_of_stream: bool) -> Action {
        match &self.state {
            State::Bounded(_) => self.pass(size),
            _ => self.read(size, end_of_stream),
        }
    }

    /// Trailers end a body whose last piece did not say that it was the last (host facts, 4.3).
    pub(crate) fn trailers(&mut self) -> Action {
        match self.state {
            // Nothing of the body is new.
            State::Reading(_) => self.read(0, true),
            _ => self.after(),
        }
    }

    /// The headers of the reply are there.
    pub(crate) fn reply_headers(&mut self, end_of_stream: bool) -> Action {
        if let Some(listing) = &mut self.listing
            && !reply_headers(listing, end_of_stream)
        {
            // Without its headers nothing is known of the reply.
            listing.end();
            return self.refuse(Code::InternalFault);
        }
        Action::Continue
    }

    /// A piece of the reply's body is there, of `size` bytes.
    pub(crate) fn reply_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(listing) = &mut self.listing else { return Action::Continue };
        let policy = self.configured.as_ref().and_then(|configured| configured.settings.policy.as_ref());
        let bytes = host::response_body(size).filter(|bytes| bytes.len() == size);
        let (Some(policy), Some(bytes)) = (policy, bytes) else {
            listing.end();
            return self.refuse(Code::InternalFault);
        };
        let out = match listing.body(policy, &bytes, end_of_stream, live::now_s(), telemetry::next_decision) {
            Passed::AsIt => return Action::Continue,
            Passed::Bytes(out) => out,
            Passed::Refused(out, decision, id) => {
                telemetry::count(&decision.verdict);
                report::write(id, &decision, Some(policy), None, false);
                out
            }
        };
        if out != bytes && !host::set_response_body(size, &out) {
            listing.end();
            return self.refuse(Code::InternalFault);
        }
        Action::Continue
    }

    fn policy(&self) -> Option<&Policy> {
        self.configured.as_ref()?.settings.policy.as_ref()
    }

    fn begin(&mut self, end_of_stream: bool) -> Action {
        let Some(configured) = self.configured.clone() else {
            return self.refuse(Code::NoPolicy);
        };
        let Some(policy) = &configured.settings.policy else {
            return self.refuse(Code::NoPolicy);
        };
        if let Some(code) = configured.misplaced() {
            return self.refuse(code);
        }
        let Some(pairs) = host::request_headers() else {
            return self.refuse(Code::RequestMalformed);
        };
        let peer = match configured.settings.identity {
            Identity::Connection => host::connection_peer(),
            Identity::Waypoint => host::waypoint_peer(),
        };
        let peer_address = if policy.reads_peer_address() { host::source_address() } else { Vec::new() };
        let is_recorded = telemetry::is_sampled(policy.records().allows);
        let inbound = Inbound { pairs, peer, peer_address, is_recorded };
        match inbound.begin(policy, end_of_stream, live::now_s()) {
            Step::Decided(decision) => self.act_at_headers(decision, inbound),
            Step::Read(reading) => {
                // The headers go on, so the application may make calls before the body is judged.
                if let Err(code) = self.remember(&inbound, reading.caller()) {
                    return self.refuse(code);
                }
                self.state = State::Reading(Held { inbound, reading });
                if configured.settings.hold_headers { Action::Pause } else { Action::Continue }
            }
        }
    }

    /// Takes what came of the body. `size` is what the host has buffered in all.
    fn read(&mut self, size: usize, is_end: bool) -> Action {
        let State::Reading(held) = &mut self.state else {
            return self.after();
        };
        let Some(policy) =
            self.configured.as_ref().and_then(|configured| configured.settings.policy.as_ref())
        else {
            return self.refuse(Code::NoPolicy);
        };
        let fresh = size.saturating_sub(held.reading.taken());
        let bytes = if fresh > 0 {
            match host::request_body(held.reading.taken(), fresh).filter(|bytes| bytes.len() == fresh) {
                Some(bytes) => bytes,
                None => return self.refuse(Code::InternalFault),
            }
        } else {
            Vec::new()
        };
        let Held { inbound, reading } = held;
        let decision = if is_end {
            Some(reading.last(inbound, policy, &bytes, live::now_s()))
        } else {
            reading.push(inbound, policy, &bytes, live::now_s())
        };
        match decision {
            Some(decision) => self.decided(decision),
            None => Action::Pause,
        }
    }

    /// Lets a piece of the body pass, which nobody reads, as long as there are not too many.
    fn pass(&mut self, size: usize) -> Action {
        let (State::Bounded(bounded), Some(configured)) = (&mut self.state, &self.configured) else {
            return self.after();
        };
        let Some(policy) = &configured.settings.policy else { return self.refuse(Code::NoPolicy) };
        let Bounded { inbound, passing, verdict } = &mut **bounded;
        match passing.push(inbound, policy, size, live::now_s()) {
            None => Action::Continue,
            Some(decision) => {
                *verdict = None;
                self.act(decision, None)
            }
        }
    }

    /// Acts on what was decided by the body, all of which there is so far is held.
    fn decided(&mut self, decision: Decision) -> Action {
        let State::Reading(held) = core::mem::replace(&mut self.state, State::Fresh) else {
            return self.after();
        };
        let action = self.act(decision, Some(held.inbound));
        if let State::Bounded(_) = self.state { self.pass(held.reading.taken()) } else { action }
    }

    /// What to say to a callback that comes when everything is decided.
    fn after(&self) -> Action {
        match self.state {
            State::Passed | State::Bounded(_) => Action::Continue,
            State::Fresh | State::Reading(_) | State::Denied => Action::Pause,
        }
    }

    /// A deny without a judgement.
    fn refuse(&mut self, code: Code) -> Action {
        self.act(Decision::refused(code), None)
    }

    /// Acts on a decision before which nothing went on.
    fn act_at_headers(&mut self, decision: Decision, inbound: Inbound) -> Action {
        if decision.verdict.passes()
            && let Err(code) = self.remember(&inbound, decision.verdict.caller)
        {
            return self.refuse(code);
        }
        self.act(decision, Some(inbound))
    }

    /// Remembers on whose behalf the request is served, for the calls that it causes.
    fn remember(&mut self, inbound: &Inbound, caller: Option<u16>) -> Result<(), Code> {
        let Some(settings) = self.configured.as_ref().map(|configured| &configured.settings) else {
            return Err(Code::NoPolicy);
        };
        let Some(live) = &settings.live else {
            return Ok(());
        };
        if live.hide && !host::remove_request_header(HEADER_NAME.as_bytes()) {
            return Err(Code::InternalFault);
        }
        let program = settings.policy.as_ref().map(Policy::program);
        let stamps = program.zip(caller).is_some_and(|(program, caller)| program.stamps(caller));
        self.ticket = live::remember(inbound, stamps).map_err(|_| Code::LineageUnavailable)?;
        Ok(())
    }

    fn act(&mut self, decision: Decision, inbound: Option<Inbound>) -> Action {
        let verdict = &decision.verdict;
        if verdict.allows() {
            // Shadow mode changes nothing, not even what is seen.
            if decision.evidence.is_some() {
                report::write(telemetry::next_decision(), &decision, self.policy(), None, true);
            }
            let is_cut = decision.lists && !verdict.shadow;
            let (verdict, passing) = (*verdict, decision.passing);
            if is_cut && let Some(inbound) = &inbound {
                self.listing = Some(Box::new(Listing::new(inbound.clone(), decision)));
            }
            if let Some((inbound, passing)) = inbound.zip(passing) {
                let bounded = Bounded { inbound, passing, verdict: Some(verdict) };
                self.state = State::Bounded(Box::new(bounded));
                return Action::Continue;
            }
            self.state = State::Passed;
            telemetry::count(&verdict);
            return Action::Continue;
        }
        let id = report(&decision, self.policy(), None);
        if verdict.passes() {
            self.state = State::Passed;
            return Action::Continue;
        }
        let reply = Reply::to(&decision, id);
        host::send_reply(&reply, reply.grpc_status);
        self.state = State::Denied;
        Action::Pause
    }
}

/// Fits the headers of a reply to what becomes of its body. Whether the host did all that.
fn reply_headers(listing: &mut Listing, is_end: bool) -> bool {
    let Some(pairs) = host::response_headers().filter(Pairs::is_whole) else { return false };
    let (names, is_replaced) = match listing.head(&pairs, is_end) {
        listing::Head::AsIt => return true,
        listing::Head::Without(names) => (names, false),
        listing::Head::Replaced(names) => (names, true),
    };
    let is_there = |name: &&&str| pairs.iter().any(|(found, _)| found == name.as_bytes());
    names.iter().filter(is_there).all(|name| host::remove_response_header(name.as_bytes()))
        && (!is_replaced || host::add_response_header(b"content-type", b"application/json"))
}
