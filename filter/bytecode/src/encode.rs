//! Writing a blob: sections in, framed bytes out. For the host only, behind the feature `alloc`.

use alloc::vec::Vec;

use crate::blob::{
    CHECKED_FROM, CHECKSUM_AT, ENTRY_BYTES, HEADER_BYTES, Header, MAGIC, SIGNATURE, SIGNATURE_BYTES, Section,
    VERSION,
};
use crate::hash::hash;
use crate::limits::MAX_BLOB_BYTES;

/// The blob would be longer than [`MAX_BLOB_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// How many bytes it would take.
    pub bytes: usize,
}

/// The sections of a blob, each to be filled by the compiler.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    bodies: [Vec<u8>; Section::REQUIRED.len()],
}

impl Sections {
    /// Where to write a section's bytes.
    pub fn section(&mut self, section: Section) -> &mut Vec<u8> {
        let place =
            usize::from(section.number()).saturating_sub(1).min(Section::REQUIRED.len().saturating_sub(1));
        #[expect(
            clippy::indexing_slicing,
            reason = "sections are numbered from 1 without gaps, and the place is bounded"
        )]
        &mut self.bodies[place]
    }

    /// The unsigned blob.
    ///
    /// # Errors
    /// [`TooLarge`] if it would not fit.
    pub fn frame(&self, header: &Header) -> Result<Vec<u8>, TooLarge> {
        self.write(header, None)
    }

    /// The blob signed by `sign`, which is given the bytes that the signature covers.
    ///
    /// # Errors
    /// [`TooLarge`] if it would not fit.
    pub fn frame_signed(
        &self,
        header: &Header,
        key_id: [u8; 8],
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<Vec<u8>, TooLarge> {
        let blank = self.write(header, Some((key_id, [0; 64])))?;
        let covered = blank.len().saturating_sub(SIGNATURE_BYTES);
        let mut to_sign = blank.get(..covered).unwrap_or_default().to_vec();
        put(&mut to_sign, CHECKSUM_AT, &[0; 8]);
        self.write(header, Some((key_id, sign(&to_sign))))
    }

    fn write(&self, header: &Header, signature: Option<([u8; 8], [u8; 64])>) -> Result<Vec<u8>, TooLarge> {
        let count = self.bodies.len().saturating_add(usize::from(signature.is_some()));
        let head = HEADER_BYTES.saturating_add(count.saturating_mul(ENTRY_BYTES));
        let body: usize = self.bodies.iter().map(Vec::len).sum();
        let total =
            head.saturating_add(body).saturating_add(if signature.is_some() { SIGNATURE_BYTES } else { 0 });
        let length =
            u32::try_from(total).ok().filter(|_| total <= MAX_BLOB_BYTES).ok_or(TooLarge { bytes: total })?;

        let mut out = Vec::with_capacity(total);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend(header.step_bound.to_le_bytes());
        out.extend([0; 8]);
        out.extend(header.generation.to_le_bytes());
        out.extend(header.not_before.to_le_bytes());
        out.extend(header.not_after.to_le_bytes());
        out.extend(header.source_digest);
        let mut next = head;
        for (section, body) in Section::REQUIRED.iter().zip(&self.bodies) {
            entry(&mut out, section.number(), next, body.len());
            next = next.saturating_add(body.len());
        }
        if signature.is_some() {
            entry(&mut out, SIGNATURE, next, SIGNATURE_BYTES);
        }
        for body in &self.bodies {
            out.extend(body);
        }
        if let Some((key_id, bytes)) = signature {
            out.extend(key_id);
            out.extend(bytes);
        }
        let checksum = hash(0, out.get(CHECKED_FROM..).unwrap_or_default());
        put(&mut out, CHECKSUM_AT, &checksum.to_le_bytes());
        Ok(out)
    }
}

fn entry(out: &mut Vec<u8>, kind: u16, start: usize, length: usize) {
    out.extend(kind.to_le_bytes());
    out.extend([0; 2]);
    out.extend(u32::try_from(start).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    for (slot, byte) in out.iter_mut().skip(at).zip(bytes) {
        *slot = *byte;
    }
}
