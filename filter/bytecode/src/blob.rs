//! Framing: magic, version, header and the directory of sections.
//!
//! A [`Blob`] is framed, no more: its sections lie where they say, and its checksum holds. What is in them is still an
//! allegation; `ambit-eval` checks it.

use crate::cursor::{Cursor, Truncated, array_at};
use crate::hash::hash;
use crate::limits::{MAX_BLOB_BYTES, MAX_SECTIONS};

/// What every blob begins with.
pub const MAGIC: [u8; 4] = *b"AMBT";
/// The version that this crate writes, and the newest that it reads. It reads every older one.
pub const VERSION: u16 = 2;
/// Where the directory begins.
pub const HEADER_BYTES: usize = 80;
/// What an entry of the directory takes.
pub const ENTRY_BYTES: usize = 12;
/// Where the checksum lies.
pub const CHECKSUM_AT: usize = 16;
/// Where what the checksum covers begins.
pub const CHECKED_FROM: usize = 24;

macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $word:literal;)+) => {
        /// A section of a blob.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Section {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Section {
            /// Every section that a blob must have, in order.
            pub const REQUIRED: &[Section] = &[$(Section::$name,)+];

            /// Its number in the directory.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)+
                }
            }

            /// Its name in listings and errors.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

sections! {
    /// Text that others name by id.
    Strings = 1 "strings";
    /// Mesh-wide settings.
    Mesh = 2 "mesh";
    /// Effect labels, and sets of them.
    Effects = 3 "effects";
    /// What agents have in common.
    Profiles = 4 "profiles";
    /// One record an agent.
    Agents = 5 "agents";
    /// From SPIFFE id to agent.
    Identities = 6 "identities";
    /// One record a mission.
    Missions = 7 "missions";
    /// Services and what can be asked of them.
    Actions = 8 "actions";
    /// From action key to action.
    Selectors = 9 "selectors";
    /// Who holds what.
    Rows = 10 "rows";
    /// Conditions and reach of grants and denies.
    Arms = 11 "arms";
    /// How a grant may be used.
    Reaches = 12 "reaches";
    /// Sets of agents or of missions.
    Sets = 13 "sets";
    /// What conditions read of a request.
    Fields = 14 "fields";
    /// Constants, and sets of them.
    Literals = 15 "literals";
    /// Sets of address ranges.
    Networks = 16 "networks";
    /// Compiled patterns.
    Automata = 17 "automata";
    /// Conditions.
    Code = 18 "code";
}

/// The number of the signature's section, which alone is optional.
pub const SIGNATURE: u16 = 255;
/// Its length: key id and signature.
pub const SIGNATURE_BYTES: usize = 72;

/// Why bytes are not a blob, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobError {
    /// What is wrong.
    pub kind: BlobErrorKind,
    /// The offset, from the start of the blob.
    pub offset: usize,
}

/// What is wrong with a blob's framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobErrorKind {
    /// It ends too early.
    Truncated,
    /// It does not begin as a blob does.
    Magic,
    /// A version that this reader does not know.
    Version,
    /// It is longer than any blob may be, or not as long as it says.
    Length,
    /// Its bytes are not those that were written.
    Checksum,
    /// A reserved byte is not 0.
    Reserved,
    /// The sections are not the required ones, in order, without gaps.
    Directory,
}

impl BlobErrorKind {
    /// A stable word for logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Magic => "not-a-blob",
            Self::Version => "unknown-version",
            Self::Length => "wrong-length",
            Self::Checksum => "wrong-checksum",
            Self::Reserved => "reserved-not-zero",
            Self::Directory => "wrong-directory",
        }
    }
}

/// The header's facts about the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// No judgement takes more steps. In a blob of version 1 it counts less than a judgement may take: there
    /// `ambit_eval::Program::step_bound` alone can be relied on.
    pub step_bound: u32,
    /// Grows with every policy that is meant to replace another.
    pub generation: u64,
    /// Unix seconds before which it is not valid; 0 is none.
    pub not_before: u64,
    /// Unix seconds from which on it is not valid; 0 is none.
    pub not_after: u64,
    /// Digest of the policy source.
    pub source_digest: [u8; 32],
}

/// Where a section lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// First byte, from the start of the blob.
    pub start: usize,
    /// How many bytes.
    pub length: usize,
}

/// A signature, and what it is a signature of. Nothing here has checked it.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// Which key made it, for people and tools. It is not itself signed, so that nothing may depend on it.
    pub key_id: [u8; 8],
    /// Ed25519, as RFC 8032 has it.
    pub bytes: [u8; 64],
    /// What it covers: these pieces, one after the other.
    pub covered: [&'a [u8]; 3],
    /// Where its section lies, from the start of the blob.
    pub offset: usize,
}

/// A framed blob.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    bytes: &'a [u8],
    version: u16,
    header: Header,
    extents: [Extent; Section::REQUIRED.len()],
    signature: Option<Extent>,
}

impl<'a> Blob<'a> {
    /// Checks the framing of `bytes`.
    ///
    /// # Errors
    /// [`BlobError`] with the offset at which the framing is not as `FORMAT.md` says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BlobError> {
        let mut cursor = Cursor::new(bytes);
        let (version, header) = parse_header(&mut cursor, bytes)?;
        let (extents, signature) = parse_directory(&mut cursor, bytes)?;
        Ok(Self { bytes, version, header, extents, signature })
    }

    /// The version of the format that it is written in.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// What the header says of the policy.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Where a section lies.
    #[must_use]
    pub fn extent(&self, section: Section) -> Extent {
        let place = usize::from(section.number()).saturating_sub(1);
        self.extents.get(place).copied().unwrap_or_default()
    }

    /// The bytes of a section.
    #[must_use]
    pub fn section(&self, section: Section) -> &'a [u8] {
        let Extent { start, length } = self.extent(section);
        crate::cursor::slice_at(self.bytes, start, length).unwrap_or_default()
    }

    /// The signature, if the blob is signed.
    #[must_use]
    pub fn signature(&self) -> Option<Signature<'a>> {
        let Extent { start, .. } = self.signature?;
        Some(Signature {
            key_id: array_at(self.bytes, start)?,
            bytes: array_at(self.bytes, start.checked_add(8)?)?,
            covered: [
                self.bytes.get(..CHECKSUM_AT)?,
                &[0; CHECKED_FROM.saturating_sub(CHECKSUM_AT)],
                self.bytes.get(CHECKED_FROM..start)?,
            ],
            offset: start,
        })
    }

    /// All its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

const fn error(kind: BlobErrorKind, offset: usize) -> BlobError {
    BlobError { kind, offset }
}

impl From<Truncated> for BlobError {
    fn from(truncated: Truncated) -> Self {
        error(BlobErrorKind::Truncated, truncated.at)
    }
}

fn parse_header(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<(u16, Header), BlobError> {
    if cursor.number::<4>()? != MAGIC {
        return Err(error(BlobErrorKind::Magic, 0));
    }
    let version = cursor.u16()?;
    if !(1..=VERSION).contains(&version) {
        return Err(error(BlobErrorKind::Version, 4));
    }
    let _sections = cursor.u16()?;
    let length = crate::cursor::index(cursor.u32()?);
    if length > MAX_BLOB_BYTES || length < bytes.len() {
        return Err(error(BlobErrorKind::Length, 8));
    }
    if length > bytes.len() {
        return Err(error(BlobErrorKind::Truncated, bytes.len()));
    }
    let step_bound = cursor.u32()?;
    let checksum = cursor.u64()?;
    if hash(0, bytes.get(CHECKED_FROM..).unwrap_or_default()) != checksum {
        return Err(error(BlobErrorKind::Checksum, CHECKSUM_AT));
    }
    let header = Header {
        step_bound,
        generation: cursor.u64()?,
        not_before: cursor.u64()?,
        not_after: cursor.u64()?,
        source_digest: cursor.number()?,
    };
    Ok((version, header))
}

type Directory = ([Extent; Section::REQUIRED.len()], Option<Extent>);

fn parse_directory(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<Directory, BlobError> {
    let count = usize::from(crate::cursor::u16_at(bytes, 6).unwrap_or_default());
    let required = Section::REQUIRED.len();
    if count > MAX_SECTIONS || (count != required && count != required.saturating_add(1)) {
        return Err(error(BlobErrorKind::Directory, 6));
    }
    let mut extents = [Extent::default(); Section::REQUIRED.len()];
    let mut signature = None;
    let mut next = HEADER_BYTES.saturating_add(count.saturating_mul(ENTRY_BYTES));
    for place in 0..count {
        let at = cursor.at();
        let kind = cursor.u16()?;
        if cursor.u16()? != 0 {
            return Err(error(BlobErrorKind::Reserved, at));
        }
        let start = crate::cursor::index(cursor.u32()?);
        let length = crate::cursor::index(cursor.u32()?);
        if start != next {
            return Err(error(BlobErrorKind::Directory, at));
        }
        // Where this is too large for the machine, so it is for the blob: the next entry or the end says so.
        next = start.saturating_add(length);
        let extent = Extent { start, length };
        match (Section::REQUIRED.get(place), extents.get_mut(place)) {
            (Some(section), Some(slot)) if section.number() == kind => *slot = extent,
            (None, _) if kind == SIGNATURE && length == SIGNATURE_BYTES => signature = Some(extent),
            _ => return Err(error(BlobErrorKind::Directory, at)),
        }
    }
    if next != bytes.len() {
        return Err(error(BlobErrorKind::Directory, HEADER_BYTES));
    }
    Ok((extents, signature))
}
