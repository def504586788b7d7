//! Log, time, contexts and streams.

use std::time::Duration;

use super::{Answer, Host, Out, Span};
use crate::host::connection::Flow;
use crate::host::guest::Deferred;
use crate::host::half::Side;
use crate::host::local_reply::{Cause, LocalReply};
use crate::host::log::LogLevel;
use crate::host::pairs;
use crate::host::root::{RootState, Timer};
use crate::host::status::Status;

pub(super) fn log(host: &mut Host<'_>, level: u32, message: Span) -> Answer {
    let level = LogLevel::from_abi(level).ok_or(Status::BAD_ARGUMENT)?;
    let message = host.bytes(message)?;
    let guest = host.guest();
    guest.process.borrow_mut().log(guest.place, level, message);
    Ok(())
}

pub(super) fn get_log_level(host: &mut Host<'_>, level: u32) -> Answer {
    let current = host.guest().process.borrow().log_level;
    host.put_u32(level, current as u32)
}

pub(super) fn get_current_time(host: &mut Host<'_>, time: u32) -> Answer {
    let now = host.guest().process.borrow().clock.wall_ns;
    host.put(time, &now.to_le_bytes())
}

/// Arms the root context's tick, on this worker alone; zero disarms it.
pub(super) fn set_tick_period(host: &mut Host<'_>, period_ms: u32) -> Answer {
    let guest = host.guest();
    let now = guest.process.borrow().clock.monotonic;
    let period = Duration::from_millis(period_ms.into());
    let root = guest.root();
    if let Some(root) = guest.roots.get_mut(&root) {
        root.timer = (!period.is_zero()).then_some(Timer { period, due: now + period });
    }
    Ok(())
}

pub(super) fn set_effective_context(host: &mut Host<'_>, context: u32) -> Answer {
    let guest = host.guest();
    if !guest.exists(context) {
        return Err(Status::BAD_ARGUMENT);
    }
    guest.effective = Some(context).filter(|context| *context != 0);
    Ok(())
}

/// A root context that was not done is done now.
pub(super) fn done(host: &mut Host<'_>) -> Answer {
    let guest = host.guest();
    let id = guest.context();
    let finishing = guest.roots.get(&id).is_some_and(|root| root.state == RootState::Finishing);
    if !finishing {
        return Err(Status::NOT_FOUND);
    }
    guest.deferred.push_back(Deferred::RootDone { root: id });
    Ok(())
}

/// The status of the last call-out. There are none.
pub(super) fn get_status(host: &mut Host<'_>, code: u32, out: Out) -> Answer {
    host.put_u32(code, 0)?;
    host.give(Vec::new(), out)
}

pub(super) fn call_foreign_function(host: &mut Host<'_>, name: Span) -> Answer {
    let name = host.bytes(name)?;
    host.key(&name)?;
    Err(Status::NOT_FOUND)
}

/// No cluster is known.
pub(super) fn http_call(host: &mut Host<'_>, cluster: Span, token: u32) -> Answer {
    let cluster = host.bytes(cluster)?;
    host.key(&cluster)?;
    host.put_u32(token, 0)?;
    Err(Status::BAD_ARGUMENT)
}

/// Lets a held message go on once the callback has returned. The guest cannot look at the request any more.
pub(super) fn continue_stream(host: &mut Host<'_>, kind: u32) -> Answer {
    let guest = host.guest();
    let id = guest.context();
    let side = match kind {
        0 => Side::Request,
        1 => Side::Response,
        2 => {
            if guest.connections.contains_key(&id) {
                guest.deferred.push_back(Deferred::ResumeReading { connection: id });
            }
            return Ok(());
        }
        3 => return Err(Status::UNIMPLEMENTED),
        _ => return Err(Status::BAD_ARGUMENT),
    };
    if let Some(stream) = guest.stream_mut() {
        // Envoy closes the window on the request, whichever side goes on.
        let view = &mut stream.request.view;
        view.headers = false;
        view.trailers = false;
        view.body = false;
        guest.deferred.push_back(Deferred::Resume { stream: id, side });
    }
    Ok(())
}

pub(super) fn close_stream(host: &mut Host<'_>, kind: u32) -> Answer {
    let guest = host.guest();
    let id = guest.context();
    let is_stream = guest.streams.contains_key(&id);
    let is_connection = guest.connections.contains_key(&id);
    match kind {
        0 | 1 if is_stream => guest.deferred.push_back(Deferred::Reset { stream: id }),
        2 if is_connection => {
            guest.deferred.push_back(Deferred::Close { connection: id, flow: Flow::Downstream });
        }
        3 if is_connection => {
            guest.deferred.push_back(Deferred::Close { connection: id, flow: Flow::Upstream });
        }
        0..=3 => {}
        _ => return Err(Status::BAD_ARGUMENT),
    }
    Ok(())
}

/// Answers once the callback has returned, which then counts as stopping. Outside a stream nothing is sent.
pub(super) fn send_local_response(
    host: &mut Host<'_>,
    status: u32,
    details: Span,
    body: Span,
    headers: Span,
    grpc_status: u32,
) -> Answer {
    let (details, body, headers) = (host.bytes(details)?, host.bytes(body)?, host.bytes(headers)?);
    let reply = LocalReply {
        cause: Cause::Filter,
        status: u16::try_from(status).map_err(|_no_http_status| Status::BAD_ARGUMENT)?,
        details: details
            .into_iter()
            .map(|byte| if byte.is_ascii_whitespace() { b'_' } else { byte })
            .collect(),
        headers: pairs::decode(&headers),
        body,
        grpc_status: Some(grpc_status).filter(|status| *status <= 16),
    };
    let guest = host.guest();
    guest.stop_iteration = true;
    let stream = guest.context();
    // While the stream is being logged and deleted, nobody listens any more.
    if guest.stream().is_some_and(|stream| !stream.over) {
        guest.deferred.push_back(Deferred::Reply { stream, reply });
    }
    Ok(())
}
