//! How the two messages of a stream move through the filter: Envoy's filter manager, as far as one filter next to the
//! router can tell (`source/common/http/filter_manager.cc`, `source/extensions/common/wasm/context.cc`).

use super::callback::{self, Callback};
use super::half::{Half, Iteration, Side};
use super::headers::HeaderMap;
use super::local_reply::LocalReply;
use super::outcome::Message;
use super::stream::{Presence, StreamState};
use super::vm::{Called, Vm};

/// What a callback's return value means for the message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Continue,
    StopOne,
    StopAll,
    StopAndBuffer,
    StopAndWatermark,
    StopNoBuffer,
}

impl Vm {
    pub(super) fn state(&mut self, stream: u32) -> &mut StreamState {
        self.guest().streams.get_mut(&stream).expect("a stream whose handle lives")
    }

    fn half(&mut self, stream: u32, side: Side) -> &mut Half {
        self.state(stream).half_mut(side)
    }

    pub(super) fn headers(&mut self, stream: u32, side: Side, headers: HeaderMap, end: bool) {
        let count = headers.len();
        let half = self.half(stream, side);
        half.headers = Some(headers);
        half.seen_end = end;
        half.view.headers = true;
        if side == Side::Request {
            self.create_context(stream);
        }
        let callback = match side {
            Side::Request => callback::REQUEST_HEADERS,
            Side::Response => callback::RESPONSE_HEADERS,
        };
        let Some(called) = self.ask(stream, side, callback, &[as_u32(count), end.into()]) else { return };
        let allow_stop = self.guest().allow_on_headers_stop_iteration;
        let verdict = match called {
            // Two is no value of the ABI, and means Continue.
            0 | 2 => Verdict::Continue,
            1 if allow_stop => Verdict::StopOne,
            _ => Verdict::StopAll,
        };
        let half = self.half(stream, side);
        match verdict {
            Verdict::Continue => {
                half.view.headers = false;
                self.send_headers(stream, side, end);
            }
            Verdict::StopOne => half.iteration = Iteration::StoppedOne,
            _ => half.iteration = Iteration::StoppedAll,
        }
    }

    pub(super) fn data(&mut self, stream: u32, side: Side, data: &[u8], end: bool) {
        let half = self.half(stream, side);
        half.received_bytes += data.len();
        half.seen_end |= end;
        if half.aborted {
            return;
        }
        if half.iteration == Iteration::StoppedAll {
            // Held under a watermark: the sender is slowed down, there is no limit that fails the stream.
            half.buffer(data);
            return;
        }
        self.deliver_data(stream, side, data.to_vec(), end);
    }

    fn deliver_data(&mut self, stream: u32, side: Side, data: Vec<u8>, end: bool) {
        let half = self.half(stream, side);
        if half.view.buffering {
            half.buffer(&data);
            half.view.chunk = None;
            if self.fail_if_too_large(stream, side) {
                return;
            }
        } else {
            half.view.chunk = Some(data);
        }
        let half = self.half(stream, side);
        half.view.body = true;
        let size = half.visible_body().map_or(0, |body| body.len());
        let callback = match side {
            Side::Request => callback::REQUEST_BODY,
            Side::Response => callback::RESPONSE_BODY,
        };
        let called = self.ask(stream, side, callback, &[as_u32(size), end.into()]);
        let Some(called) = called else { return };
        let verdict = match called {
            0 => Verdict::Continue,
            1 => Verdict::StopAndBuffer,
            2 => Verdict::StopAndWatermark,
            _ => Verdict::StopNoBuffer,
        };
        let half = self.half(stream, side);
        half.view.buffering = verdict == Verdict::StopAndBuffer;
        half.view.body = verdict != Verdict::Continue;
        let chunk = half.view.chunk.take();
        match verdict {
            Verdict::Continue if half.is_stopped() => {
                if let Some(chunk) = chunk {
                    half.buffer(&chunk);
                }
                self.continue_iteration(stream, side);
            }
            Verdict::Continue => {
                // The guest may have added trailers to the last piece.
                let trailers_added = end && half.trailers.is_some();
                self.send_data(stream, side, &chunk.unwrap_or_default(), end && !trailers_added);
                if trailers_added {
                    self.send_trailers(stream, side);
                }
            }
            Verdict::StopAndBuffer | Verdict::StopAndWatermark => {
                half.iteration = Iteration::StoppedOne;
                half.buffer(&chunk.unwrap_or_default());
                if verdict == Verdict::StopAndBuffer {
                    self.fail_if_too_large(stream, side);
                }
            }
            _ => {
                half.iteration = Iteration::StoppedOne;
                if half.seen_end && half.trailers.is_none() {
                    half.buffered.get_or_insert_default();
                }
            }
        }
    }

    pub(super) fn trailers(&mut self, stream: u32, side: Side, trailers: HeaderMap) {
        let half = self.half(stream, side);
        half.seen_end = true;
        half.trailers = Some(trailers);
        if !half.aborted && half.iteration != Iteration::StoppedAll {
            self.deliver_trailers(stream, side);
        }
    }

    fn deliver_trailers(&mut self, stream: u32, side: Side) {
        let half = self.half(stream, side);
        half.view.trailers = true;
        let count = half.trailers.as_ref().map_or(0, HeaderMap::len);
        let callback = match side {
            Side::Request => callback::REQUEST_TRAILERS,
            Side::Response => callback::RESPONSE_TRAILERS,
        };
        let Some(called) = self.ask(stream, side, callback, &[as_u32(count)]) else { return };
        let half = self.half(stream, side);
        if called != 0 {
            if !half.is_stopped() {
                half.iteration = Iteration::StoppedOne;
            }
            return;
        }
        half.view.trailers = false;
        if half.is_stopped() {
            self.continue_iteration(stream, side);
        } else {
            self.send_trailers(stream, side);
        }
    }

    /// The guest lets a message go on, in some later callback.
    pub(super) fn resume(&mut self, stream: u32, side: Side) {
        let Some(state) = self.guest().streams.get_mut(&stream) else { return };
        if !state.over && !state.half(side).aborted && state.half(side).is_stopped() {
            self.continue_iteration(stream, side);
        }
    }

    fn continue_iteration(&mut self, stream: u32, side: Side) {
        let half = self.half(stream, side);
        let from_this_filter = half.iteration == Iteration::StoppedAll;
        half.iteration = Iteration::Running;
        let had_trailers = half.trailers.is_some();
        if half.sent.headers.is_none() {
            let end = half.seen_end && half.buffered.is_none() && !had_trailers;
            self.send_headers(stream, side, end);
        }
        let half = self.half(stream, side);
        let end = half.seen_end && !had_trailers;
        if let Some(data) = half.buffered.take() {
            if from_this_filter {
                half.view.buffering = false;
                self.deliver_data(stream, side, data, end);
            } else {
                self.send_data(stream, side, &data, end);
            }
        }
        if had_trailers && !self.half(stream, side).aborted && !self.state(stream).over {
            if from_this_filter {
                self.deliver_trailers(stream, side);
            } else {
                self.send_trailers(stream, side);
            }
        }
    }

    /// The proxy answers. How far that reaches depends on how far the response has come.
    pub(super) fn local_reply(&mut self, stream: u32, reply: LocalReply) {
        let Some(state) = self.guest().streams.get_mut(&stream) else { return };
        if state.over {
            return;
        }
        let (headers, body) = reply.render(state.request.headers.as_ref());
        state.request.aborted = true;
        state.request.buffered = None;
        state.details = Some(reply.details.clone());
        if state.response.sent.headers.is_some() {
            // Too late for anything but breaking off.
            self.reset(stream, None);
            return;
        }
        let through_filter = state.response.headers.is_none();
        state.reply = Some(reply);
        if state.request.sent.headers.is_some() {
            state.request.sent.reset = true;
        }
        let headers_only = body.is_empty();
        if through_filter {
            self.headers(stream, Side::Response, headers, headers_only);
            if !headers_only && !self.state(stream).over {
                self.data(stream, Side::Response, &body, true);
            }
        } else {
            let response = &mut state.response;
            response.aborted = true;
            response.headers = Some(headers.clone());
            response.sent = Message { headers: Some(headers), body, ended: true, ..Message::default() };
            self.complete(stream);
        }
    }

    /// Breaks the stream off at both ends.
    pub(super) fn reset(&mut self, stream: u32, details: Option<&[u8]>) {
        let Some(state) = self.guest().streams.get_mut(&stream) else { return };
        if state.over {
            return;
        }
        if state.details.is_none() {
            state.details = details.map(<[u8]>::to_vec);
        }
        state.reset = true;
        for half in [&mut state.request, &mut state.response] {
            half.aborted = true;
            half.sent.reset |= half.sent.headers.is_some() && !half.sent.ended;
        }
        state.response.sent.reset = true;
        self.complete(stream);
    }

    /// The stream is over: the guest logs, says that it is done, and forgets.
    pub(super) fn complete(&mut self, stream: u32) {
        if self.state(stream).over {
            return;
        }
        self.create_context(stream);
        let state = self.state(stream);
        state.over = true;
        let root = state.root;
        if state.presence == Presence::Created {
            state.logging = true;
            self.call(callback::LOG, stream, &[stream]);
            self.state(stream).logging = false;
            self.call(callback::DONE, stream, &[stream]);
            self.call(callback::DELETE, stream, &[stream]);
        }
        self.state(stream).complete = true;
        self.release_root(root);
    }

    fn create_context(&mut self, stream: u32) {
        let state = self.state(stream);
        if state.presence == Presence::Expected {
            state.presence = Presence::Created;
            let root = state.root;
            self.call(callback::CONTEXT_CREATE, stream, &[stream, root]);
        }
    }

    /// Calls the guest about a stream. `None` means that there is nothing more to decide: the stream has ended or has
    /// been answered meanwhile.
    fn ask(&mut self, stream: u32, side: Side, callback: Callback, args: &[u32]) -> Option<u32> {
        let state = self.state(stream);
        let silent = side == Side::Response && state.vm_failure_replied;
        if state.presence == Presence::Bypassed || silent {
            return Some(0);
        }
        let args: Vec<u32> = std::iter::once(stream).chain(args.iter().copied()).collect();
        let called = self.call(callback, stream, &args);
        if called == Called::Failed {
            self.fail_stream(stream);
            return None;
        }
        let state = self.state(stream);
        if state.over || state.half(side).aborted {
            return None;
        }
        Some(if let Called::Returned(value) = called { value } else { 0 })
    }

    fn fail_stream(&mut self, stream: u32) {
        let state = self.state(stream);
        if !state.over && !state.vm_failure_replied {
            state.vm_failure_replied = true;
            self.local_reply(stream, LocalReply::vm_failure());
        }
    }

    fn fail_if_too_large(&mut self, stream: u32, side: Side) -> bool {
        let state = self.state(stream);
        let limit = state.downstream.limit();
        if state.half(side).buffered.as_ref().is_none_or(|buffered| buffered.len() <= limit) {
            return false;
        }
        self.local_reply(
            stream,
            match side {
                Side::Request => LocalReply::too_large(413, "Payload Too Large", "request_payload_too_large"),
                Side::Response => {
                    LocalReply::too_large(500, "Internal Server Error", "response_payload_too_large")
                }
            },
        );
        true
    }

    fn send_headers(&mut self, stream: u32, side: Side, end: bool) {
        let half = self.half(stream, side);
        half.sent.headers.clone_from(&half.headers);
        self.end_if(stream, side, end);
    }

    fn send_data(&mut self, stream: u32, side: Side, data: &[u8], end: bool) {
        self.half(stream, side).sent.body.extend_from_slice(data);
        self.end_if(stream, side, end);
    }

    fn send_trailers(&mut self, stream: u32, side: Side) {
        let half = self.half(stream, side);
        half.sent.trailers.clone_from(&half.trailers);
        self.end_if(stream, side, true);
    }

    fn end_if(&mut self, stream: u32, side: Side, end: bool) {
        if end {
            self.half(stream, side).sent.ended = true;
            if side == Side::Response {
                self.complete(stream);
            }
        }
    }
}

fn as_u32(size: usize) -> u32 {
    u32::try_from(size).expect("a message below 4 GiB")
}
