//! What a frame of items holds, one after the other.

use bytes::{Buf, BufMut, BytesMut};

use super::frame::{REQUIRED, pad};

/// Bytes before an item's body.
pub const HEAD_BYTES: usize = 8;
/// Bytes of a ring's record at most, far above what the kernel programs write.
pub const RECORD_MAX: usize = 1 << 16;
/// Bytes of a context at most, so that a crafted capture cannot make a reader keep much: room for twice
/// as many values as there are, each of 4 KiB.
pub const CONTEXT_MAX: usize = 64 << 10;
/// Contexts that a reader keeps, numbered from 0.
pub const SLOTS: u16 = 256;
/// In place of a context's number where a record has none.
pub const NO_SLOT: u16 = u16::MAX;

/// Kinds of items.
pub mod kind {
    pub const RECORD: u8 = 1;
    pub const CONTEXT: u8 = 2;
    pub const LOST: u8 = 3;
}

/// The start of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the body, without the padding to whole words that follows.
    pub body_bytes: usize,
    pub kind: u8,
    pub flags: u8,
    /// The number of a context.
    pub slot: u16,
}

impl Head {
    /// Reads a head and takes its item off `items`; `None` if the item is not all there.
    pub fn take<'a>(items: &mut &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut fields = items.split_off(..HEAD_BYTES)?;
        let head = Self {
            body_bytes: fields.get_u32_le() as usize,
            kind: fields.get_u8(),
            flags: fields.get_u8(),
            slot: fields.get_u16_le(),
        };
        let padded = items.split_off(..head.body_bytes.checked_next_multiple_of(8)?)?;
        Some((head, padded.get(..head.body_bytes)?))
    }

    pub const fn is_required(self) -> bool {
        self.flags as u16 & REQUIRED != 0
    }
}

/// Appends an item.
pub fn put(out: &mut BytesMut, kind: u8, slot: u16, body: &[u8]) {
    // The assertion of `end_frame` holds for the frame that this is part of.
    out.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
    out.put_u8(kind);
    #[expect(clippy::cast_possible_truncation, reason = "the flag is 1")]
    out.put_u8(REQUIRED as u8);
    out.put_u16_le(slot);
    out.put_slice(body);
    pad(out);
}
