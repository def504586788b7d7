#![doc = include_str!("../HEADER.md")]

use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_DEPTH, MAX_HEADER_BYTES};
use crate::lineage::{Lineage, Order, Overflow};
use crate::name::{Mission, Principal, RootId};

mod field;
#[cfg(test)]
mod tests;

use field::Field;

/// The name of the header, in lower case.
pub const HEADER_NAME: &str = "x-ambit-lineage";

/// The version this crate reads and writes.
const VERSION: u32 = 1;

/// Why a value is not a lineage header, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError {
    kind: HeaderErrorKind,
    offset: usize,
}

/// The rule of the format that a value breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderErrorKind {
    /// Longer than [`MAX_HEADER_BYTES`].
    TooLong,
    /// A key was expected.
    Key,
    /// A key that this version does not know.
    UnknownKey,
    /// A key for the second time.
    DuplicateKey,
    /// `v` is not the first key.
    VersionFirst,
    /// A version that this crate does not read.
    Version,
    /// An integer was expected, of at most three digits.
    Integer,
    /// A list in parentheses was expected.
    List,
    /// A string in double quotes was expected.
    String,
    /// A string without its closing quote.
    UnendedString,
    /// A backslash in a string. No name needs one.
    Escape,
    /// A list without its closing parenthesis, or without a space between two of its items.
    UnendedList,
    /// Parameters, which this version does not have.
    Parameters,
    /// A comma was expected between two keys.
    Comma,
    /// A comma at the end.
    TrailingComma,
    /// Not a principal in the strict spelling.
    Principal,
    /// Not a root id.
    Root,
    /// Not the name of a mission.
    Mission,
    /// More members than a lineage may have.
    Members,
    /// More missions than a lineage may have.
    Missions,
    /// The list is a set, and this item does not come after the one before.
    Unsorted,
    /// The depth of a merge is not between 1 and [`MAX_DEPTH`].
    Depth,
    /// There is no `via`.
    NoVia,
}

/// A request has more than one `x-ambit-lineage` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

/// A lineage whose header would be longer than [`MAX_HEADER_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Reads a header's value. The lineage borrows from `value`.
///
/// # Errors
/// A [`HeaderError`] naming the first rule that `value` breaks. Such a request must be denied: there is
/// no part of a refused header that may be used.
pub fn parse(value: &[u8]) -> Result<Lineage<'_>, HeaderError> {
    if value.len() > MAX_HEADER_BYTES {
        return Err(HeaderError { kind: HeaderErrorKind::TooLong, offset: MAX_HEADER_BYTES });
    }
    let mut field = Field::new(value);
    let mut lineage = Lineage::root(None);
    let mut seen = Seen::default();
    let mut via_at = 0;
    let mut merged = None;
    field.skip_spaces();
    loop {
        let at = field.offset();
        let key = field.key()?;
        let error = |kind| HeaderError { kind, offset: at };
        let key = Key::from_bytes(key).ok_or(error(HeaderErrorKind::UnknownKey))?;
        if seen.none() && key != Key::Version {
            return Err(error(HeaderErrorKind::VersionFirst));
        }
        if !seen.insert(key) {
            return Err(error(HeaderErrorKind::DuplicateKey));
        }
        field.equals(key)?;
        let at = field.offset();
        match key {
            Key::Version => {
                if field.integer()? != VERSION {
                    return Err(HeaderError { kind: HeaderErrorKind::Version, offset: at });
                }
            }
            Key::Root => lineage.set_root(Some(field.root()?)),
            Key::Via => {
                via_at = at;
                field.list(|item, at| push_via(&mut lineage, item, at))?;
            }
            Key::Claims => field.list(|item, at| push_claim(&mut lineage, item, at))?,
            Key::Missions => field.list(|item, at| push_mission(&mut lineage, item, at))?,
            Key::Merged => merged = Some(field.depth()?),
        }
        if !field.next_member()? {
            break;
        }
    }
    let end = field.offset();
    if !seen.contains(Key::Via) {
        return Err(HeaderError { kind: HeaderErrorKind::NoVia, offset: end });
    }
    if let Some(depth) = merged
        && !lineage.set_merged(depth)
    {
        return Err(HeaderError { kind: HeaderErrorKind::Unsorted, offset: via_at });
    }
    Ok(lineage)
}

/// Writes the canonical value of a lineage's header at the end of `out`.
///
/// # Errors
/// [`TooLong`], and `out` is as it was. There is no shorter value that is not also wider, so this denies.
pub fn encode(lineage: &Lineage<'_>, out: &mut Vec<u8>) -> Result<(), TooLong> {
    let start = out.len();
    out.extend_from_slice(b"v=1");
    if let Some(root) = lineage.root_id() {
        out.extend_from_slice(b", root=\"");
        out.extend_from_slice(root.as_str().as_bytes());
        out.push(b'"');
    }
    encode_list(b", via=(", lineage.via().iter().map(|name| name.as_str()), out);
    if !lineage.claims().is_empty() {
        encode_list(b", claims=(", lineage.claims().iter().map(|name| name.as_str()), out);
    }
    if !lineage.missions().is_empty() {
        encode_list(b", mission=(", lineage.missions().iter().map(|name| name.as_str()), out);
    }
    if let Order::Merged { depth } = lineage.order() {
        out.extend_from_slice(b", merged=");
        if let Some(tens @ 1..) = depth.checked_div(10) {
            out.push(b'0'.saturating_add(tens));
        }
        out.push(b'0'.saturating_add(depth.checked_rem(10).unwrap_or(0)));
    }
    if out.len().saturating_sub(start) > MAX_HEADER_BYTES {
        out.truncate(start);
        return Err(TooLong);
    }
    Ok(())
}

/// The one value among all the values that a request has under [`HEADER_NAME`], if there is any.
///
/// # Errors
/// [`Repeated`]. Which of two lineages a request has must not depend on who reads it.
pub fn exactly_one<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Repeated> {
    let mut values = values.into_iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Repeated),
    }
}

/// The keys of the dictionary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Version,
    Root,
    Via,
    Claims,
    Missions,
    Merged,
}

/// The keys read so far.
#[derive(Default)]
struct Seen(u8);

impl Key {
    fn from_bytes(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"v" => Self::Version,
            b"root" => Self::Root,
            b"via" => Self::Via,
            b"claims" => Self::Claims,
            b"mission" => Self::Missions,
            b"merged" => Self::Merged,
            _ => return None,
        })
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Root => 2,
            Self::Via => 4,
            Self::Claims => 8,
            Self::Missions => 16,
            Self::Merged => 32,
        }
    }

    /// What is missing where the key's value is missing.
    const fn value(self) -> HeaderErrorKind {
        match self {
            Self::Version | Self::Merged => HeaderErrorKind::Integer,
            Self::Root => HeaderErrorKind::String,
            Self::Via | Self::Claims | Self::Missions => HeaderErrorKind::List,
        }
    }
}

impl Seen {
    const fn none(&self) -> bool {
        self.0 == 0
    }

    const fn contains(&self, key: Key) -> bool {
        self.0 & key.bit() != 0
    }

    /// Whether `key` is new.
    const fn insert(&mut self, key: Key) -> bool {
        let new = !self.contains(key);
        self.0 |= key.bit();
        new
    }
}

impl<'a> Field<'a> {
    /// The `=` between a key and its value. A key alone would be the value "true", which no key has.
    fn equals(&mut self, key: Key) -> Result<(), HeaderError> {
        if self.eat(b'=') { Ok(()) } else { Err(self.error(key.value())) }
    }

    fn root(&mut self) -> Result<RootId<'a>, HeaderError> {
        let at = self.offset();
        RootId::parse(self.string()?).ok_or(HeaderError { kind: HeaderErrorKind::Root, offset: at })
    }

    fn depth(&mut self) -> Result<u8, HeaderError> {
        let at = self.offset();
        match u8::try_from(self.integer()?) {
            Ok(depth @ 1..=MAX_DEPTH) => Ok(depth),
            _ => Err(HeaderError { kind: HeaderErrorKind::Depth, offset: at }),
        }
    }
}

fn push_via<'a>(lineage: &mut Lineage<'a>, item: &'a [u8], at: usize) -> Result<(), HeaderError> {
    let principal = principal(item, at)?;
    lineage.push_via(principal).map_err(|overflow| over(overflow, at))
}

fn push_claim<'a>(lineage: &mut Lineage<'a>, item: &'a [u8], at: usize) -> Result<(), HeaderError> {
    let principal = principal(item, at)?;
    sorted(lineage.push_claim(principal).map_err(|overflow| over(overflow, at))?, at)
}

fn push_mission<'a>(lineage: &mut Lineage<'a>, item: &'a [u8], at: usize) -> Result<(), HeaderError> {
    let mission = Mission::parse(item).ok_or(HeaderError { kind: HeaderErrorKind::Mission, offset: at })?;
    sorted(lineage.push_mission(mission).map_err(|overflow| over(overflow, at))?, at)
}

fn principal(item: &[u8], at: usize) -> Result<Principal<'_>, HeaderError> {
    Principal::parse(item).ok_or(HeaderError { kind: HeaderErrorKind::Principal, offset: at })
}

const fn sorted(is_sorted: bool, at: usize) -> Result<(), HeaderError> {
    if is_sorted { Ok(()) } else { Err(HeaderError { kind: HeaderErrorKind::Unsorted, offset: at }) }
}

const fn over(overflow: Overflow, at: usize) -> HeaderError {
    let kind = match overflow {
        Overflow::Members | Overflow::Depth => HeaderErrorKind::Members,
        Overflow::Missions => HeaderErrorKind::Missions,
    };
    HeaderError { kind, offset: at }
}

fn encode_list<'a>(open: &[u8], items: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    out.extend_from_slice(open);
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        out.push(b'"');
        out.extend_from_slice(item.as_bytes());
        out.push(b'"');
    }
    out.push(b')');
}

impl HeaderError {
    /// The rule that is broken.
    #[must_use]
    pub const fn kind(&self) -> HeaderErrorKind {
        self.kind
    }

    /// Where in the value, in bytes from its start.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl HeaderErrorKind {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "lineage-header-too-long",
            Self::Key => "lineage-header-key",
            Self::UnknownKey => "lineage-header-unknown-key",
            Self::DuplicateKey => "lineage-header-duplicate-key",
            Self::VersionFirst => "lineage-header-version-first",
            Self::Version => "lineage-header-version",
            Self::Integer => "lineage-header-integer",
            Self::List => "lineage-header-list",
            Self::String => "lineage-header-string",
            Self::UnendedString => "lineage-header-unended-string",
            Self::Escape => "lineage-header-escape",
            Self::UnendedList => "lineage-header-unended-list",
            Self::Parameters => "lineage-header-parameters",
            Self::Comma => "lineage-header-comma",
            Self::TrailingComma => "lineage-header-trailing-comma",
            Self::Principal => "lineage-header-principal",
            Self::Root => "lineage-header-root",
            Self::Mission => "lineage-header-mission",
            Self::Members => "lineage-header-members",
            Self::Missions => "lineage-header-missions",
            Self::Unsorted => "lineage-header-unsorted",
            Self::Depth => "lineage-header-depth",
            Self::NoVia => "lineage-header-no-via",
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind.word(), self.offset)
    }
}

impl core::error::Error for HeaderError {}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than one `{HEADER_NAME}` header")
    }
}

impl core::error::Error for Repeated {}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the `{HEADER_NAME}` header would be longer than {MAX_HEADER_BYTES} bytes")
    }
}

impl core::error::Error for TooLong {}
