//! Buffers: bodies, connection data, configurations.

use super::{Answer, Host, Out, Span};
use crate::host::guest::Guest;
use crate::host::status::Status;

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const FROM_DOWNSTREAM: u32 = 2;
const FROM_UPSTREAM: u32 = 3;
const CALL_RESPONSE_BODY: u32 = 4;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const LAST_BUFFER: u32 = 8;

/// The buffer that can be changed, if it is one. `None` means that there is nothing in it now.
fn changeable(guest: &mut Guest, buffer: u32) -> Option<&mut Vec<u8>> {
    let id = guest.context();
    match buffer {
        REQUEST_BODY => guest.stream_mut()?.request.visible_body(),
        RESPONSE_BODY => guest.stream_mut()?.response.visible_body(),
        FROM_DOWNSTREAM => guest.connections.get_mut(&id).map(|connection| &mut connection.from_downstream),
        FROM_UPSTREAM => guest.connections.get_mut(&id).map(|connection| &mut connection.from_upstream),
        _ => None,
    }
}

/// Contents to read. The plugin's configuration is there only while it is being configured; no call-out ever answers;
/// every other buffer outside its time is empty rather than missing.
fn contents(guest: &mut Guest, buffer: u32) -> Result<&[u8], Status> {
    match buffer {
        PLUGIN_CONFIGURATION => {
            guest.configuring.as_ref().map(|plugin| &plugin.configuration[..]).ok_or(Status::NOT_FOUND)
        }
        CALL_RESPONSE_BODY => Err(Status::NOT_FOUND),
        VM_CONFIGURATION => Ok(&[]),
        0..=LAST_BUFFER => Ok(changeable(guest, buffer).map_or(&[], |bytes| &bytes[..])),
        _ => Err(Status::BAD_ARGUMENT),
    }
}

pub(super) fn get(host: &mut Host<'_>, buffer: u32, start: u32, wanted: u32, out: Out) -> Answer {
    let contents = contents(host.guest(), buffer)?;
    let end = u64::from(start) + u64::from(wanted);
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(contents.len());
    let bytes = contents.get(start as usize..end).unwrap_or_default().to_vec();
    host.give(bytes, out)
}

pub(super) fn get_status(host: &mut Host<'_>, buffer: u32, length: u32, flags: u32) -> Answer {
    let size = contents(host.guest(), buffer)?.len();
    host.put_u32(length, u32::try_from(size).unwrap_or(u32::MAX))?;
    host.put_u32(flags, 0)
}

/// Puts data in the place of the first bytes, or at the end. There is no other place: Envoy refuses.
pub(super) fn set(host: &mut Host<'_>, buffer: u32, start: u32, replaced: u32, data: Span) -> Answer {
    contents(host.guest(), buffer)?;
    let data = host.bytes(data)?;
    let bytes = changeable(host.guest(), buffer).ok_or(Status::BAD_ARGUMENT)?;
    if start == 0 {
        let replaced = (replaced as usize).min(bytes.len());
        bytes.splice(..replaced, data);
    } else if start as usize >= bytes.len() {
        bytes.extend(data);
    } else {
        return Err(Status::BAD_ARGUMENT);
    }
    Ok(())
}
