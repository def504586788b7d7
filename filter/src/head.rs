//! The head of a request: its header pairs as the host hands them over, read in one pass without a copy.

use ambit_bytecode::Code;
use ambit_eval::{Lineage, Principal, Statement, Verdict};
use ambit_lineage::Order;
use ambit_lineage::header::{self, HEADER_NAME};
use ambit_lineage::limits::{MAX_MEMBERS, MAX_MISSIONS};
use ambit_request::media::{self, Media};

/// Header pairs as `proxy_get_header_map_pairs` serialises them: a count, the lengths of all names and values, then
/// each name and value with a NUL behind it (Proxy-Wasm ABI 0.2.1). All numbers are `u32`, little-endian.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    bytes: Vec<u8>,
}

impl Pairs {
    /// Takes the host's bytes as they are; what is malformed in them shows when they are read.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Serialises pairs as a host does.
    #[must_use]
    pub fn from_headers(headers: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        for (name, value) in headers {
            bytes.extend(length(name));
            bytes.extend(length(value));
        }
        for (name, value) in headers {
            bytes.extend(name);
            bytes.push(0);
            bytes.extend(value);
            bytes.push(0);
        }
        Self { bytes }
    }

    /// The bytes, as a host reads them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The pairs in order. Fewer than [stated](Self::stated) if the bytes are malformed.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (sizes, mut rest) = self.split().unwrap_or_default();
        sizes.as_chunks::<8>().0.iter().map_while(move |entry| {
            let (name, value) = entry.split_first_chunk::<4>()?;
            let name = take(&mut rest, *name)?;
            let value = take(&mut rest, value.first_chunk::<4>().copied()?)?;
            Some((name, value))
        })
    }

    /// How many pairs there should be. None if there is not even room for their sizes.
    #[must_use]
    pub fn stated(&self) -> Option<usize> {
        self.split().map(|(sizes, _)| sizes.as_chunks::<8>().0.len())
    }

    /// Whether all of them are there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.stated() == Some(self.iter().count())
    }

    /// Whether the caller takes a stream of events and not JSON, though it may say that it takes anything. That
    /// matters to replies only, so it is not read with the [`Head`].
    #[must_use]
    pub fn want_events(&self) -> bool {
        let (mut events, mut json) = (false, false);
        for (_, value) in self.iter().filter(|(name, _)| *name == b"accept") {
            for range in value.split(|byte| *byte == b',') {
                let media = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                events |= media.eq_ignore_ascii_case(b"text/event-stream");
                json |= media.eq_ignore_ascii_case(b"application/json");
            }
        }
        events && !json
    }

    fn split(&self) -> Option<(&[u8], &[u8])> {
        let (count, rest) = self.bytes.split_first_chunk::<4>()?;
        let sizes = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(8)?;
        rest.split_at_checked(sizes)
    }
}

/// The next text of a length, and the NUL behind it.
fn take<'a>(rest: &mut &'a [u8], length: [u8; 4]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    let Some((0, after)) = after.split_first() else { return None };
    *rest = after;
    Some(text)
}

/// What decides in the head of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// `:method`
    pub method: &'a [u8],
    /// `:path`, with its query.
    pub path: &'a [u8],
    /// `:authority`
    pub authority: &'a [u8],
    /// `content-type`
    pub content_type: Option<&'a [u8]>,
    /// The body is encoded: `content-encoding` says something else than `identity`, or says it twice.
    pub is_encoded: bool,
    /// A tunnel or an upgrade is asked for.
    pub is_upgrade: bool,
    /// `content-length`, if it is a number.
    pub content_length: Option<u64>,
    /// `last-event-id`: a stream is to go on where another one broke off.
    pub resumes: bool,
    /// `mcp-protocol-version`
    pub mcp_version: Once<'a>,
    /// `mcp-method`
    pub mcp_method: Once<'a>,
    /// `mcp-name`
    pub mcp_name: Once<'a>,
    /// `a2a-version`
    pub a2a_version: Once<'a>,
    lineage: Stated<'a>,
    malformed: bool,
}

/// A header that means something only if it comes once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once<'a> {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Value(&'a [u8]),
    /// There are several.
    Repeated,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stated<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Refused(Code),
}

impl<'a> Head<'a> {
    /// Reads the pairs, once.
    #[must_use]
    pub fn read(pairs: &'a Pairs) -> Self {
        let mut head = Self::default();
        let mut seen = Seen::default();
        let mut read = 0_usize;
        for (name, value) in pairs.iter() {
            read = read.saturating_add(1);
            match name {
                b":method" => head.once(&mut seen.method, |head| head.method = value),
                b":path" => head.once(&mut seen.path, |head| head.path = value),
                b":authority" => head.once(&mut seen.authority, |head| head.authority = value),
                b":protocol" | b"upgrade" => head.is_upgrade = true,
                b"content-type" => head.once(&mut seen.content_type, |head| head.content_type = Some(value)),
                b"content-length" => head.content_length = number(value),
                b"content-encoding" => {
                    head.is_encoded |= seen.content_encoding || !media::is_identity(value);
                    seen.content_encoding = true;
                }
                b"last-event-id" => head.resumes = true,
                b"mcp-protocol-version" => head.mcp_version.add(value),
                b"mcp-method" => head.mcp_method.add(value),
                b"mcp-name" => head.mcp_name.add(value),
                b"a2a-version" => head.a2a_version.add(value),
                _ if is_lineage_name(name) => head.state_lineage(name, value),
                _ => {}
            }
        }
        head.malformed |= pairs.stated() != Some(read);
        head.is_upgrade |= head.method == b"CONNECT";
        head
    }

    /// Whether the head is one that can be judged at all.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// What the body is sent as.
    #[must_use]
    pub fn media(&self) -> Media {
        self.content_type.map_or(Media::Other, media::media)
    }

    fn once(&mut self, seen: &mut bool, set: impl FnOnce(&mut Self)) {
        self.malformed |= *seen;
        *seen = true;
        set(self);
    }

    /// A second header is refused, and so is a name that only looks like the header's: to an application behind
    /// another reader it could be it.
    fn state_lineage(&mut self, name: &[u8], value: &'a [u8]) {
        self.lineage = match self.lineage {
            _ if name != HEADER_NAME.as_bytes() => Stated::Refused(Code::LineageMalformed),
            Stated::Absent => Stated::Once(value),
            Stated::Once(_) => Stated::Refused(Code::LineageRepeated),
            Stated::Refused(code) => Stated::Refused(code),
        };
    }

    /// The id of the work's root, if the lineage header states one.
    #[must_use]
    pub fn stated_root(&self) -> Option<&'a str> {
        match self.lineage {
            Stated::Once(value) => Some(header::parse(value).ok()?.root_id()?.as_str()),
            Stated::Absent | Stated::Refused(_) => None,
        }
    }

    /// Hands what the request states of its lineage to `judge`, as [`with_lineage`] does.
    pub fn with_statement(&self, max_depth: u8, judge: &dyn Fn(Statement<'_>) -> Verdict) -> Verdict {
        let value = match self.lineage {
            Stated::Absent => return judge(Statement::Absent),
            Stated::Refused(code) => return judge(Statement::Refused(code)),
            Stated::Once(value) => value,
        };
        let lineage = match header::parse(value) {
            Ok(lineage) => lineage,
            Err(error) => return judge(Statement::Refused(code_of(error.kind()))),
        };
        with_lineage(&lineage, max_depth, judge)
    }
}

/// Hands a lineage to `judge`. A merged lineage is a set, which forgets repeats: it also states how deep it is, and is
/// refused beyond `max_depth`, the caller included.
pub(crate) fn with_lineage(
    lineage: &ambit_lineage::Lineage<'_>,
    max_depth: u8,
    judge: &dyn Fn(Statement<'_>) -> Verdict,
) -> Verdict {
    if lineage.depth() >= max_depth && matches!(lineage.order(), Order::Merged { .. }) {
        return judge(Statement::Refused(Code::DepthExceeded));
    }
    let empty = Principal { whole: &[], trust_domain: &[], path: &[] };
    let mut members = [empty; MAX_MEMBERS];
    let mut missions: [&[u8]; MAX_MISSIONS] = [&[]; MAX_MISSIONS];
    // Claims have no place in the order of the others, so that with them there is no order: that only narrows.
    let merged = !lineage.claims().is_empty() || matches!(lineage.order(), Order::Merged { .. });
    let mut count = 0_usize;
    for (slot, member) in members.iter_mut().zip(lineage.members()) {
        *slot = split(member.as_str());
        count = count.saturating_add(1);
    }
    for (slot, mission) in missions.iter_mut().zip(lineage.missions()) {
        *slot = mission.as_str().as_bytes();
    }
    judge(Statement::Lineage(Lineage {
        members: members.get(..count).unwrap_or_default(),
        missions: missions.get(..lineage.missions().len()).unwrap_or_default(),
        merged,
    }))
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Value(value),
            Self::Value(_) | Self::Repeated => Self::Repeated,
        };
    }
}

#[derive(Default)]
struct Seen {
    method: bool,
    path: bool,
    authority: bool,
    content_type: bool,
    content_encoding: bool,
}

fn code_of(kind: header::HeaderErrorKind) -> Code {
    match kind {
        header::HeaderErrorKind::TooLong => Code::LineageTooLong,
        header::HeaderErrorKind::Members => Code::LineageTooManyMembers,
        _ => Code::LineageMalformed,
    }
}

/// A SPIFFE id that is known to be well-formed, in its parts.
#[must_use]
pub fn split(id: &str) -> Principal<'_> {
    let rest = id.strip_prefix("spiffe://").unwrap_or_default();
    let slash = rest.find('/').unwrap_or(rest.len());
    let (trust_domain, path) = rest.split_at_checked(slash).unwrap_or_default();
    Principal { whole: id.as_bytes(), trust_domain: trust_domain.as_bytes(), path: path.as_bytes() }
}

/// The header's name, or one that differs in `_` for `-` only.
pub(crate) fn is_lineage_name(name: &[u8]) -> bool {
    let wanted = HEADER_NAME.as_bytes();
    let same = |(a, b): (&u8, &u8)| a == b || (*a == b'_' && *b == b'-');
    name.len() == wanted.len() && name.first() == wanted.first() && name.iter().zip(wanted).all(same)
}

fn number(value: &[u8]) -> Option<u64> {
    core::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Head, Pairs};

    #[test]
    fn pairs_that_are_not_whole_are_malformed() {
        let headers = [(":method", "GET"), (":path", "/a"), ("empty", "")];
        let whole = Pairs::from_headers(&headers.map(|(name, value)| (name.into(), value.into())));
        assert!(!Head::read(&whole).is_malformed());
        for length in 0..whole.as_bytes().len() {
            let cut = Pairs::new(whole.as_bytes()[..length].to_vec());
            assert!(Head::read(&cut).is_malformed(), "{length} bytes");
        }
    }
}
