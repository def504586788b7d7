use std::collections::BTreeMap;

use super::callback::REQUEST_HEADERS;
use super::downstream::Downstream;
use super::half::{Half, Side};
use super::headers::HeaderMap;
use super::local_reply::LocalReply;
use super::outcome::{Message, Outcome};
use super::usage::{Ledger, Usage};
use super::vm::VmRef;

/// One HTTP request and its response on their way through the filter.
///
/// A stream ends by itself when the response is complete or when it is broken off; then the guest has seen `on_log`,
/// `on_done` and `on_delete`, and later pieces are ignored. Dropping an unfinished stream is a caller that goes away.
pub struct Stream {
    place: Admission,
}

/// How far a stream came in.
pub(super) enum Admission {
    /// The listener still waits for its first configuration.
    Refused,
    /// The only configurations so far were refused, so the place of the filter is empty. Envoy answers 500 itself.
    Unconfigured {
        answer: Message,
    },
    Admitted {
        vm: VmRef,
        id: u32,
    },
}

pub(super) struct StreamState {
    pub(super) root: u32,
    pub(super) presence: Presence,
    pub(super) connection_id: u64,
    pub(super) downstream: Downstream,
    pub(super) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) request: Half,
    pub(super) response: Half,
    pub(super) reply: Option<LocalReply>,
    pub(super) details: Option<Vec<u8>>,
    pub(super) reset: bool,
    pub(super) vm_failure_replied: bool,
    /// `on_log` runs: both messages' headers can be read again.
    pub(super) logging: bool,
    /// Nothing changes any more; the guest is about to be told.
    pub(super) over: bool,
    /// The guest has been told; its context is gone.
    pub(super) complete: bool,
    pub(super) usage: Ledger,
}

/// What the guest has to do with a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// The filter is not in the chain.
    Bypassed,
    /// Its context is made when the request arrives.
    Expected,
    Created,
}

impl StreamState {
    pub(super) fn new(root: Option<u32>, connection_id: u64, downstream: Downstream) -> Self {
        Self {
            root: root.unwrap_or(0),
            presence: if root.is_some() { Presence::Expected } else { Presence::Bypassed },
            connection_id,
            filter_state: downstream.initial_filter_state(),
            downstream,
            request: Half::default(),
            response: Half::default(),
            reply: None,
            details: None,
            reset: false,
            vm_failure_replied: false,
            logging: false,
            over: false,
            complete: false,
            usage: Ledger::new(),
        }
    }

    pub(super) fn half(&self, side: Side) -> &Half {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    pub(super) fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    pub(super) fn visible_request_headers(&self) -> Option<&HeaderMap> {
        self.request.headers.as_ref().filter(|_| self.logging || self.request.view.headers)
    }

    pub(super) fn visible_response_headers(&self) -> Option<&HeaderMap> {
        self.response.headers.as_ref().filter(|_| self.logging || self.response.view.headers)
    }

    pub(super) fn response_code(&self) -> Option<i64> {
        let status = self.response.headers.as_ref()?.first(":status")?;
        std::str::from_utf8(status).ok()?.parse().ok()
    }

    fn outcome(&self, side: Side) -> Outcome {
        if let Some(reply) = &self.reply {
            Outcome::LocalReply(reply.clone())
        } else if self.reset {
            Outcome::Reset
        } else if self.half(side).is_stopped() {
            Outcome::Paused
        } else {
            Outcome::Continue
        }
    }
}

impl Stream {
    pub(super) fn new(place: Admission) -> Self {
        Self { place }
    }

    /// The caller's request headers, pseudo-headers among them.
    ///
    /// # Panics
    ///
    /// Panics when the request has headers already.
    pub fn request_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        headers: &[(N, V)],
        end: bool,
    ) -> Outcome {
        if let Admission::Unconfigured { answer } = &mut self.place {
            let (headers, body) = LocalReply::unconfigured().render(Some(&HeaderMap::new(headers)));
            *answer = Message { headers: Some(headers), body, ended: true, ..Message::default() };
        }
        self.piece(Side::Request, |vm, id| {
            assert!(vm.state(id).request.headers.is_none(), "a request has its headers once");
            vm.headers(id, Side::Request, HeaderMap::new(headers), end);
        })
    }

    /// A piece of the request body. The last has `end`, unless trailers follow.
    pub fn request_body(&mut self, data: impl AsRef<[u8]>, end: bool) -> Outcome {
        self.body(Side::Request, data.as_ref(), end)
    }

    /// The trailers that end the request.
    pub fn request_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, trailers: &[(N, V)]) -> Outcome {
        self.last(Side::Request, HeaderMap::new(trailers))
    }

    /// The application's response headers. Nothing happens if the caller already has its answer.
    ///
    /// # Panics
    ///
    /// Panics when the application has not received the request's headers, or has already sent its own.
    pub fn response_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        headers: &[(N, V)],
        end: bool,
    ) -> Outcome {
        self.piece(Side::Response, |vm, id| {
            let state = vm.state(id);
            if state.reply.is_some() {
                return;
            }
            assert!(state.request.sent.headers.is_some(), "the application never received this request");
            assert!(state.response.headers.is_none(), "a response has its headers once");
            state.details = Some(b"via_upstream".to_vec());
            vm.headers(id, Side::Response, HeaderMap::new(headers), end);
        })
    }

    /// A piece of the application's response body. The last has `end`, unless trailers follow.
    pub fn response_body(&mut self, data: impl AsRef<[u8]>, end: bool) -> Outcome {
        self.body(Side::Response, data.as_ref(), end)
    }

    /// The trailers that end the application's response.
    pub fn response_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, trailers: &[(N, V)]) -> Outcome {
        self.last(Side::Response, HeaderMap::new(trailers))
    }

    /// The caller goes away, if the stream has not ended yet.
    pub fn finish(&mut self) {
        if let Admission::Admitted { vm, id } = &self.place {
            let mut vm = vm.borrow_mut();
            vm.reset(*id, Some(b"downstream_remote_disconnect"));
            vm.settle();
        }
    }

    /// How the request stands now. Ticks and other streams may have moved it.
    pub fn outcome(&self) -> Outcome {
        self.look(|state| state.outcome(Side::Request)).unwrap_or_else(|| self.unadmitted())
    }

    /// What the application has received.
    pub fn upstream(&self) -> Message {
        self.look(|state| state.request.sent.clone()).unwrap_or_default()
    }

    /// What the caller has received.
    pub fn downstream(&self) -> Message {
        match &self.place {
            Admission::Unconfigured { answer } => answer.clone(),
            _ => self.look(|state| state.response.sent.clone()).unwrap_or_default(),
        }
    }

    /// An object in filter state. What the guest set as property `x` is `wasm.x`.
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.look(|state| state.filter_state.get(key.as_bytes()).cloned()).flatten()
    }

    /// `%RESPONSE_CODE_DETAILS%` of the access log.
    pub fn details(&self) -> Option<Vec<u8>> {
        self.look(|state| state.details.clone()).flatten()
    }

    /// True once the stream has ended and the guest has forgotten it.
    pub fn is_complete(&self) -> bool {
        self.look(|state| state.complete).unwrap_or(true)
    }

    /// What one callback has cost for this stream.
    pub fn usage(&self, callback: &str) -> Usage {
        self.look(|state| state.usage.get(callback).cloned()).flatten().unwrap_or_default()
    }

    /// What all callbacks have cost for this stream.
    pub fn total_usage(&self) -> Usage {
        self.look(|state| Usage::total(&state.usage)).unwrap_or_default()
    }

    /// What `proxy_on_request_headers` has cost, where most decisions fall.
    pub fn request_headers_usage(&self) -> Usage {
        self.usage(REQUEST_HEADERS.0)
    }

    fn body(&mut self, side: Side, data: &[u8], end: bool) -> Outcome {
        self.piece(side, |vm, id| {
            let state = vm.state(id);
            if side == Side::Response && state.reply.is_some() {
                return;
            }
            assert!(state.half(side).headers.is_some(), "headers come before the body");
            assert!(!state.half(side).seen_end, "the message has ended");
            vm.data(id, side, data, end);
        })
    }

    fn last(&mut self, side: Side, trailers: HeaderMap) -> Outcome {
        self.piece(side, |vm, id| {
            let state = vm.state(id);
            if side == Side::Response && state.reply.is_some() {
                return;
            }
            assert!(state.half(side).headers.is_some(), "headers come before trailers");
            assert!(!state.half(side).seen_end, "the message has ended");
            vm.trailers(id, side, trailers);
        })
    }

    fn piece(&mut self, side: Side, deliver: impl FnOnce(&mut super::vm::Vm, u32)) -> Outcome {
        let Admission::Admitted { vm, id } = &self.place else { return self.unadmitted() };
        let mut vm = vm.borrow_mut();
        if !vm.state(*id).over {
            deliver(&mut vm, *id);
        }
        vm.state(*id).outcome(side)
    }

    fn look<T>(&self, look: impl FnOnce(&StreamState) -> T) -> Option<T> {
        let Admission::Admitted { vm, id } = &self.place else { return None };
        Some(look(vm.borrow_mut().state(*id)))
    }

    fn unadmitted(&self) -> Outcome {
        match self.place {
            Admission::Unconfigured { .. } => Outcome::LocalReply(LocalReply::unconfigured()),
            _ => Outcome::Refused,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.finish();
        if let Admission::Admitted { vm, id } = &self.place {
            vm.borrow_mut().guest().streams.remove(id);
        }
    }
}
