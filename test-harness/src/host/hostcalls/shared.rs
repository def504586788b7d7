//! Shared data and queues.

use super::{Answer, Host, Out, Span};
use crate::host::queues::Reader;
use crate::host::status::Status;

pub(super) fn get(host: &mut Host<'_>, key: Span, out: Out, cas: u32) -> Answer {
    let key = host.bytes(key)?;
    host.key(&key)?;
    let guest = host.guest();
    let found = guest.process.borrow().shared_data.get(&guest.vm_id, &key).cloned();
    let (value, version) = found.ok_or(Status::NOT_FOUND)?;
    host.give(value, out)?;
    host.put_u32(cas, version)
}

pub(super) fn set(host: &mut Host<'_>, key: Span, value: Span, cas: u32) -> Answer {
    let (key, value) = (host.bytes(key)?, host.bytes(value)?);
    host.key(&key)?;
    let guest = host.guest();
    guest.process.borrow_mut().shared_data.set(&guest.vm_id, &key, value, cas)
}

pub(super) fn register_queue(host: &mut Host<'_>, name: Span, token: u32) -> Answer {
    let name = host.bytes(name)?;
    host.key(&name)?;
    let guest = host.guest();
    let reader = Reader { place: guest.place, root: guest.root() };
    let registered = guest.process.borrow_mut().queues.register(&guest.vm_id, &name, reader);
    host.put_u32(token, registered)
}

/// An empty VM id means the caller's own.
pub(super) fn resolve_queue(host: &mut Host<'_>, vm_id: Span, name: Span, token: u32) -> Answer {
    let (vm_id, name) = (host.bytes(vm_id)?, host.bytes(name)?);
    host.key(&name)?;
    let guest = host.guest();
    let vm_id = if vm_id.is_empty() { guest.vm_id.clone() } else { String::from_utf8_lossy(&vm_id).into() };
    let resolved = guest.process.borrow().queues.resolve(&vm_id, &name)?;
    host.put_u32(token, resolved)
}

pub(super) fn enqueue(host: &mut Host<'_>, token: u32, item: Span) -> Answer {
    let item = host.bytes(item)?;
    host.guest().process.borrow_mut().queues.enqueue(token, item)
}

pub(super) fn dequeue(host: &mut Host<'_>, token: u32, out: Out) -> Answer {
    let item = host.guest().process.borrow_mut().queues.dequeue(token)?;
    host.give(item, out)
}
