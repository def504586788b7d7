//! One request: callbacks to facts, verdict to action.
//!
//! What can be decided at the headers is. Where policy needs the body, headers go on and the body is held: a filter
//! that pauses at the headers would never be shown the body (host facts, 4.3). Whatever is not decided denies.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_eval::{Protocol, Verdict};
use ambit_lineage::header::HEADER_NAME;
use ambit_lineage::shared::Ticket;
use ambit_request::extract::Extractor;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::facts::Body;
use crate::host::{self, Level};
use crate::inbound::{Inbound, MAX_BODY_BYTES};
use crate::live;
use crate::policy::Policy;
use crate::record::Record;
use crate::reply::{GRPC_PERMISSION_DENIED, Reply};
use crate::root::Configured;
use crate::settings::Identity;
use crate::telemetry;

pub(crate) struct Http {
    configured: Option<Rc<Configured>>,
    state: State,
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
    Reading(Box<Reading>),
    /// It may pass.
    Passed,
    /// It was answered.
    Denied,
}

struct Reading {
    inbound: Inbound,
    extractor: Extractor,
    /// Bytes of the buffered body that were taken.
    taken: usize,
}

impl Http {
    pub(crate) const fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured, state: State::Fresh, ticket: None }
    }

    fn policy(&self) -> Option<&Policy> {
        self.configured.as_ref()?.settings.policy.as_ref()
    }

    fn now() -> u64 {
        live::now_ms().checked_div(1_000).unwrap_or(0)
    }

    fn begin(&mut self, end_of_stream: bool) -> Action {
        let Some(configured) = self.configured.clone() else {
            return self.refuse(Code::NoPolicy);
        };
        let Some(policy) = &configured.settings.policy else {
            return self.refuse(Code::NoPolicy);
        };
        let Some(pairs) = host::request_headers() else {
            return self.refuse(Code::RequestMalformed);
        };
        let peer = match configured.settings.identity {
            Identity::Connection => host::connection_peer(),
            Identity::Waypoint => host::waypoint_peer(),
        };
        let peer_address = if policy.reads_peer_address() { host::source_address() } else { Vec::new() };
        let inbound = Inbound { pairs, peer, peer_address };
        let now = Self::now();
        let verdict = inbound.judge(policy, Body::Unread, now);
        if !verdict.pending {
            return self.act_at_headers(verdict, &inbound);
        }
        if end_of_stream {
            return self.act_at_headers(inbound.judge(policy, Body::Absent, now), &inbound);
        }
        if let Some(code) = inbound.unreadable_body() {
            return self.act_at_headers(inbound.judge(policy, Body::Refused(code), now), &inbound);
        }
        // The headers go on, so the application may make calls before the body is judged.
        if let Err(code) = self.remember(&inbound, &verdict) {
            return self.refuse(code);
        }
        let extractor = Extractor::new(policy.selection());
        self.state = State::Reading(Box::new(Reading { inbound, extractor, taken: 0 }));
        Action::Continue
    }

    /// Takes what came of the body, and decides at its end. `size` is what the host has buffered in all.
    fn read(&mut self, size: usize, is_end: bool) -> Action {
        let State::Reading(reading) = &mut self.state else {
            return self.after();
        };
        let refusal = if size > MAX_BODY_BYTES {
            Some(Code::BodyTooLarge)
        } else {
            let fresh = size.saturating_sub(reading.taken);
            let bytes = if fresh == 0 { Some(Vec::new()) } else { host::request_body(reading.taken, fresh) };
            reading.taken = size;
            match bytes {
                Some(bytes) if bytes.len() == fresh => {
                    reading.extractor.push(&bytes).err().map(|_| Code::BodyMalformed)
                }
                _ => Some(Code::InternalFault),
            }
        };
        match (refusal, is_end) {
            (Some(code), _) => self.finish_body(Some(code)),
            (None, false) => Action::Pause,
            (None, true) => self.finish_body(None),
        }
    }

    /// The body is over, or is refused.
    fn finish_body(&mut self, refusal: Option<Code>) -> Action {
        let State::Reading(reading) = core::mem::replace(&mut self.state, State::Fresh) else {
            return self.after();
        };
        let Reading { inbound, extractor, taken } = *reading;
        let Some(policy) = self.policy() else {
            return self.refuse(Code::NoPolicy);
        };
        let facts = match refusal {
            None if taken > 0 => extractor.finish().ok(),
            _ => None,
        };
        let body = match (refusal, facts.as_ref().and_then(|facts| facts.document(0))) {
            (Some(code), _) => Body::Refused(code),
            (None, Some(document)) => Body::Read(document),
            (None, None) if taken == 0 => Body::Absent,
            (None, None) => Body::Refused(Code::BodyMalformed),
        };
        let verdict = inbound.judge(policy, body, Self::now());
        self.act(verdict)
    }

    /// What to say to a callback that comes when everything is decided.
    fn after(&self) -> Action {
        match self.state {
            State::Passed => Action::Continue,
            State::Fresh | State::Reading(_) | State::Denied => Action::Pause,
        }
    }

    /// A deny without a judgement.
    fn refuse(&mut self, code: Code) -> Action {
        self.act(Verdict {
            code,
            hop: None,
            caller: None,
            action: None,
            rule: None,
            shadow: false,
            pending: false,
            steps: 0,
        })
    }

    /// Acts on a verdict before which nothing went on.
    fn act_at_headers(&mut self, verdict: Verdict, inbound: &Inbound) -> Action {
        if verdict.passes()
            && let Err(code) = self.remember(inbound, &verdict)
        {
            return self.refuse(code);
        }
        self.act(verdict)
    }

    /// Remembers on whose behalf the request is served, for the calls that it causes.
    fn remember(&mut self, inbound: &Inbound, verdict: &Verdict) -> Result<(), Code> {
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
        let stamps = program.zip(verdict.caller).is_some_and(|(program, caller)| program.stamps(caller));
        self.ticket = live::remember(inbound, stamps).map_err(|_| Code::LineageUnavailable)?;
        Ok(())
    }

    fn act(&mut self, verdict: Verdict) -> Action {
        telemetry::count(&verdict);
        if verdict.allows() {
            self.state = State::Passed;
            return Action::Continue;
        }
        let id = telemetry::next_decision();
        let record = Record { id, verdict: &verdict, policy: self.policy() };
        host::store_record(&record.pairs());
        host::log(Level::Warn, &record.json());
        if verdict.passes() {
            self.state = State::Passed;
            return Action::Continue;
        }
        let is_grpc = self.policy().is_some_and(|policy| policy.protocol() == Protocol::Grpc);
        host::send_reply(&Reply::deny(verdict.code, id), is_grpc.then_some(GRPC_PERMISSION_DENIED));
        self.state = State::Denied;
        Action::Pause
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        match self.state {
            State::Fresh => self.begin(end_of_stream),
            _ => self.after(),
        }
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        self.read(body_size, end_of_stream)
    }

    /// Trailers end a body whose last piece did not say that it was the last (host facts, 4.3).
    fn on_http_request_trailers(&mut self, _trailers: usize) -> Action {
        match self.state {
            State::Reading(_) => self.finish_body(None),
            _ => self.after(),
        }
    }
}
