//! Header maps. Each can be read only while its window is open: from its callback until one returns Continue, and again
//! in `on_log`.

use super::{Answer, Host, Out, Span};
use crate::host::guest::Guest;
use crate::host::headers::HeaderMap;
use crate::host::pairs;
use crate::host::status::Status;

const LAST_MAP: u32 = 7;

fn check(map: u32) -> Answer {
    if map > LAST_MAP { Err(Status::BAD_ARGUMENT) } else { Ok(()) }
}

fn visible(guest: &Guest, map: u32) -> Option<&HeaderMap> {
    let stream = guest.stream()?;
    match map {
        0 => stream.visible_request_headers(),
        // Request trailers are never there in `on_log`.
        1 => stream.request.trailers.as_ref().filter(|_| !stream.logging && stream.request.view.trailers),
        2 => stream.visible_response_headers(),
        3 => stream.response.trailers.as_ref().filter(|_| stream.logging || stream.response.view.trailers),
        _ => None,
    }
}

/// Maps can be changed only in their own window, not in `on_log`. Asking for trailers in the last body callback makes
/// them.
fn changeable(guest: &mut Guest, map: u32) -> Result<&mut HeaderMap, Status> {
    let stream = guest.stream_mut().ok_or(Status::BAD_ARGUMENT)?;
    match map {
        1 => stream.request.open_trailers(),
        3 => stream.response.open_trailers(),
        _ => {}
    }
    let (window, map) = match map {
        0 => (stream.request.view.headers, stream.request.headers.as_mut()),
        1 => (stream.request.view.trailers, stream.request.trailers.as_mut()),
        2 => (stream.response.view.headers, stream.response.headers.as_mut()),
        3 => (stream.response.view.trailers, stream.response.trailers.as_mut()),
        _ => (false, None),
    };
    map.filter(|_| window).ok_or(Status::BAD_ARGUMENT)
}

/// The first value only, even if there are more.
pub(super) fn get(host: &mut Host<'_>, map: u32, name: Span, out: Out) -> Answer {
    check(map)?;
    let name = host.bytes(name)?;
    host.key(&name)?;
    let guest = host.guest();
    let logging = guest.stream().is_some_and(|stream| stream.logging);
    let closed = if logging { Status::NOT_FOUND } else { Status::BAD_ARGUMENT };
    let value = visible(guest, map).ok_or(closed)?.get(&name).ok_or(Status::NOT_FOUND)?.to_vec();
    host.give(value, out)
}

/// Every entry. A map that cannot be read looks like an empty one.
pub(super) fn get_pairs(host: &mut Host<'_>, map: u32, out: Out) -> Answer {
    check(map)?;
    let entries = visible(host.guest(), map).map_or(&[][..], HeaderMap::entries);
    let encoded = if entries.is_empty() { Vec::new() } else { pairs::encode(entries) };
    host.give(encoded, out)
}

/// The size in bytes, not the number of entries.
pub(super) fn get_size(host: &mut Host<'_>, map: u32, size: u32) -> Answer {
    check(map)?;
    let bytes = changeable(host.guest(), map)?.byte_size();
    host.put_u32(size, u32::try_from(bytes).unwrap_or(u32::MAX))
}

pub(super) fn set_pairs(host: &mut Host<'_>, map: u32, list: Span) -> Answer {
    check(map)?;
    let list = host.bytes(list)?;
    *changeable(host.guest(), map)? = HeaderMap::new(&pairs::decode(&list));
    Ok(())
}

pub(super) fn add(host: &mut Host<'_>, map: u32, name: Span, value: Span) -> Answer {
    check(map)?;
    let (name, value) = (host.bytes(name)?, host.bytes(value)?);
    host.key(&name)?;
    changeable(host.guest(), map)?.add(&name, &value);
    Ok(())
}

pub(super) fn replace(host: &mut Host<'_>, map: u32, name: Span, value: Span) -> Answer {
    check(map)?;
    let (name, value) = (host.bytes(name)?, host.bytes(value)?);
    host.key(&name)?;
    changeable(host.guest(), map)?.replace(&name, &value);
    Ok(())
}

pub(super) fn remove(host: &mut Host<'_>, map: u32, name: Span) -> Answer {
    check(map)?;
    let name = host.bytes(name)?;
    host.key(&name)?;
    changeable(host.guest(), map)?.remove(&name);
    Ok(())
}
