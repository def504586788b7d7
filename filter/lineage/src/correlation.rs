//! The correlation ids of a request: what ties a call to the request that caused it.
//!
//! Stock tracing libraries hand them from the requests an application serves to the requests it makes,
//! so nothing changes in the application. They are chosen by the application and are no authority: an id
//! selects among the lineages that are live, and none selects more than that.
//!
//! Read are `traceparent` (W3C Trace Context), `x-request-id` (Envoy) and B3 (`b3` or `x-b3-traceid`).
//! A trace id counts as the same whether it came in `traceparent` or in B3, so an application may take
//! in one and give out the other.

use crate::bounded::{Bounded, Filler};
use crate::limits::{MAX_IDS, MAX_REQUEST_ID_BYTES};
use crate::secret::{Secret, Use};

#[cfg(test)]
mod tests;

/// The correlation ids of one request, read from its headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correlation<'a> {
    traceparent: Seen<TraceId>,
    request_id: Seen<&'a [u8]>,
    b3: Seen<TraceId>,
}

/// The ids under which a context is kept: keyed hashes, so that no one can make two ids collide, and
/// none of them can be read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids(Bounded<Id, MAX_IDS>);

/// One id, hashed with the proxy's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u64);

/// 128 bits; a trace id of B3 with 64 bits has zeros before it.
type TraceId = [u8; 16];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Seen<T> {
    #[default]
    Nothing,
    Once(T),
    /// Malformed, or different values: nothing can be concluded.
    Unusable,
}

impl<'a> Correlation<'a> {
    /// Takes in one header, in any order. `name` is in lower case. Other headers are ignored, malformed
    /// ids too, and of an id with several values none is used: a call without an id is a lost call,
    /// which only narrows.
    pub fn header(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b"traceparent" => self.traceparent.add(traceparent(value)),
            b"x-request-id" => self.request_id.add(request_id(value)),
            b"x-b3-traceid" => self.b3.add(trace_id(value)),
            b"b3" => match b3_single(value) {
                B3::Id(id) => self.b3.add(Some(id)),
                B3::NoId => {}
                B3::Malformed => self.b3.add(None),
            },
            _ => {}
        }
    }

    /// The ids as this proxy keeps them, in order of preference: `traceparent`, `x-request-id`, B3.
    #[must_use]
    pub fn ids(&self, secret: &Secret) -> Ids {
        let traceparent = self.traceparent.once().map(|id| secret.short_tag(Use::TraceId, &id));
        let request_id = self.request_id.once().map(|id| secret.short_tag(Use::RequestId, id));
        let b3 = self.b3.once().map(|id| secret.short_tag(Use::TraceId, &id));
        let mut ids = Bounded::new();
        for id in [traceparent, request_id, b3].into_iter().flatten().map(Id) {
            if !ids.contains(&id) {
                // There is room for all three.
                let _ = ids.push(id);
            }
        }
        Ids(ids)
    }
}

impl Ids {
    /// No ids.
    #[must_use]
    pub const fn none() -> Self {
        Self(Bounded::new())
    }

    pub(crate) fn as_slice(&self) -> &[Id] {
        &self.0
    }

    /// One more id; for the reader of a stored table.
    pub(crate) fn push(&mut self, id: Id) -> Option<()> {
        self.0.push(id).ok()
    }
}

impl Filler for Id {
    const FILLER: Self = Self(0);
}

impl<T: Copy + PartialEq> Seen<T> {
    fn add(&mut self, value: Option<T>) {
        *self = match (*self, value) {
            (Self::Nothing, Some(value)) => Self::Once(value),
            (Self::Once(before), Some(value)) if before == value => Self::Once(before),
            _ => Self::Unusable,
        };
    }

    const fn once(&self) -> Option<T> {
        match self {
            Self::Once(value) => Some(*value),
            Self::Nothing | Self::Unusable => None,
        }
    }
}

enum B3 {
    Id(TraceId),
    /// A sampling decision alone.
    NoId,
    Malformed,
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2).
fn traceparent(value: &[u8]) -> Option<TraceId> {
    let (version, rest) = hex_field(value, 2)?;
    let (trace, rest) = hex_field(rest.strip_prefix(b"-")?, 32)?;
    let (parent, rest) = hex_field(rest.strip_prefix(b"-")?, 16)?;
    let (_flags, rest) = hex_field(rest.strip_prefix(b"-")?, 2)?;
    // Later versions may add fields, each after a dash; this one has none.
    let tail_fits = rest.is_empty() || (version != b"00" && rest.starts_with(b"-"));
    if version == b"ff" || parent == b"0000000000000000" || !tail_fits {
        return None;
    }
    trace_id(trace)
}

/// `{trace id}-{span id}[-{sampling}[-{parent span id}]]`, or a sampling decision alone.
fn b3_single(value: &[u8]) -> B3 {
    if matches!(value, b"0" | b"1" | b"d") {
        return B3::NoId;
    }
    let mut parts = value.split(|&byte| byte == b'-');
    let trace = parts.next().and_then(trace_id);
    let span_fits =
        parts.next().is_some_and(|span| hex_field(span, 16).is_some_and(|(_, rest)| rest.is_empty()));
    match trace {
        Some(id) if span_fits => B3::Id(id),
        _ => B3::Malformed,
    }
}

/// 16 or 32 digits, not all zero.
fn trace_id(digits: &[u8]) -> Option<TraceId> {
    if !matches!(digits.len(), 16 | 32) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().rev().zip(digits.rchunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    (id != [0; 16]).then_some(id)
}

fn request_id(value: &[u8]) -> Option<&[u8]> {
    let fits = (1..=MAX_REQUEST_ID_BYTES).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    fits.then_some(value)
}

fn hex_field(value: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (field, rest) = value.split_at_checked(len)?;
    field.iter().all(|&digit| hex_digit(digit).is_some()).then_some((field, rest))
}

/// The value of a digit in lower case, which is all that these formats have.
const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.saturating_sub(b'0')),
        b'a'..=b'f' => Some(digit.saturating_sub(b'a').saturating_add(10)),
        _ => None,
    }
}
