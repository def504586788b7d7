//! Properties, and the filter state that a guest writes.

use super::{Answer, Host, Out, Span};
use crate::host::guest::Guest;
use crate::host::property::{self, Value};
use crate::host::status::Status;

pub(super) fn get(host: &mut Host<'_>, path: Span, out: Out) -> Answer {
    let path = host.bytes(path)?;
    host.key(&path)?;
    let value = find(host.guest(), &property::parts(&path))?;
    host.give(value.serialize(), out)
}

fn find(guest: &Guest, path: &[&[u8]]) -> Result<Value, Status> {
    if path.is_empty() {
        return Err(Status::SERIALIZATION_FAILURE);
    }
    let context = guest.context();
    let root = guest.roots.get(&guest.root()).map(|root| &root.plugin);
    let found = match path {
        [b"plugin_name"] => root.map(|plugin| plugin.name.as_str().into()),
        [b"plugin_root_id"] => root.map(|plugin| plugin.root_id.as_str().into()),
        [b"plugin_vm_id"] => Some(guest.vm_id.as_str().into()),
        _ => {
            let of_stream = guest.streams.get(&context).and_then(|stream| property::of_stream(stream, path));
            let of_tcp = || guest.connections.get(&context);
            of_stream.or_else(|| of_tcp().and_then(|connection| property::of_tcp(connection, path)))
        }
    };
    // A group of attributes is found, but cannot be serialized.
    found.ok_or_else(|| if is_group(guest, path) { Status::SERIALIZATION_FAILURE } else { Status::NOT_FOUND })
}

fn is_group(guest: &Guest, path: &[&[u8]]) -> bool {
    let Some(stream) = guest.stream() else { return false };
    let known: [&[u8]; 5] = [b"connection", b"source", b"destination", b"request", b"response"];
    matches!(path, [group] if known.contains(group)) || stream.downstream.is_prefix_of_planned(path)
}

/// Writes filter state `wasm.<path>`, for the life of the stream.
pub(super) fn set(host: &mut Host<'_>, path: Span, value: Span) -> Answer {
    let (path, value) = (host.bytes(path)?, host.bytes(value)?);
    host.key(&path)?;
    let guest = host.guest();
    let context = guest.context();
    let of_stream = guest.streams.get_mut(&context).map(|stream| &mut stream.filter_state);
    let filter_state = of_stream
        .or_else(|| guest.connections.get_mut(&context).map(|connection| &mut connection.filter_state));
    filter_state.ok_or(Status::NOT_FOUND)?.insert([b"wasm.", &path[..]].concat(), value);
    Ok(())
}
