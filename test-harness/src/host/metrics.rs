use std::collections::BTreeMap;

use super::status::Status;

/// A metric's value. Metrics belong to the process: workers that define the same name share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    Counter(u64),
    Gauge(u64),
    /// Every value recorded, in order.
    Histogram(Vec<u64>),
}

/// The process's metrics by name. Envoy adds the prefix `wasmcustom.`; it is left out here.
pub(super) type Metrics = BTreeMap<String, Metric>;

/// One VM's ids. Each definition makes a new id, even of a name that has one; ids step by four and their low bits
/// tell the kind.
#[derive(Default)]
pub(super) struct MetricIds {
    names: BTreeMap<u32, String>,
    defined: [u32; 3],
}

impl MetricIds {
    pub(super) fn define(&mut self, metrics: &mut Metrics, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let fresh = match kind {
            0 => Metric::Counter(0),
            1 => Metric::Gauge(0),
            2 => Metric::Histogram(Vec::new()),
            _ => return Err(Status::BAD_ARGUMENT),
        };
        let name = String::from_utf8_lossy(name).into_owned();
        metrics.entry(name.clone()).or_insert(fresh);
        let count = &mut self.defined[kind as usize];
        *count += 1;
        let id = *count * 4 + kind;
        self.names.insert(id, name);
        Ok(id)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn find<'m>(&self, metrics: &'m mut Metrics, id: u32) -> Result<&'m mut Metric, Status> {
        let name = self.names.get(&id).ok_or(Status::NOT_FOUND)?;
        metrics.get_mut(name).ok_or(Status::NOT_FOUND)
    }
}

impl Metric {
    /// A counter only grows: an offset of zero or less is a bad argument. A gauge wraps, as an unsigned number does.
    pub(super) fn increment(&mut self, offset: i64) -> Result<(), Status> {
        match self {
            Self::Counter(value) if offset > 0 => *value = value.wrapping_add_signed(offset),
            Self::Gauge(value) => *value = value.wrapping_add_signed(offset),
            Self::Counter(_) | Self::Histogram(_) => return Err(Status::BAD_ARGUMENT),
        }
        Ok(())
    }

    /// Recording sets a gauge but *adds* to a counter.
    pub(super) fn record(&mut self, number: u64) {
        match self {
            Self::Counter(value) => *value = value.wrapping_add(number),
            Self::Gauge(value) => *value = number,
            Self::Histogram(values) => values.push(number),
        }
    }

    pub(super) fn value(&self) -> Result<u64, Status> {
        match self {
            Self::Counter(value) | Self::Gauge(value) => Ok(*value),
            Self::Histogram(_) => Err(Status::BAD_ARGUMENT),
        }
    }
}
