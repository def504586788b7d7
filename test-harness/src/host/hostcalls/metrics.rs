//! Metrics.

use super::{Answer, Host, Span};
use crate::host::status::Status;

pub(super) fn define(host: &mut Host<'_>, kind: u32, name: Span, id: u32) -> Answer {
    let name = host.bytes(name)?;
    host.key(&name)?;
    let guest = host.guest();
    let defined = guest.metric_ids.define(&mut guest.process.borrow_mut().metrics, kind, &name)?;
    host.put_u32(id, defined)
}

pub(super) fn increment(host: &mut Host<'_>, id: u32, offset: i64) -> Answer {
    let guest = host.guest();
    let mut process = guest.process.borrow_mut();
    let metric = guest.metric_ids.find(&mut process.metrics, id);
    // Envoy looks at the kind in the id before it looks for the metric.
    metric.map_err(|missing| if id % 4 > 1 { Status::BAD_ARGUMENT } else { missing })?.increment(offset)
}

pub(super) fn record(host: &mut Host<'_>, id: u32, value: u64) -> Answer {
    let guest = host.guest();
    guest.metric_ids.find(&mut guest.process.borrow_mut().metrics, id)?.record(value);
    Ok(())
}

pub(super) fn get(host: &mut Host<'_>, id: u32, address: u32) -> Answer {
    let guest = host.guest();
    let mut process = guest.process.borrow_mut();
    let metric = guest.metric_ids.find(&mut process.metrics, id);
    let value = metric.map_err(|missing| if id % 4 > 1 { Status::BAD_ARGUMENT } else { missing })?.value()?;
    drop(process);
    host.put(address, &value.to_le_bytes())
}
