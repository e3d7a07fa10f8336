//! The file's header, and the heads of its frames.

use bytes::{Buf, BufMut, BytesMut};

use super::CaptureError;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Bytes that every version starts with: magic, version, checksum of both.
pub const HEADER_BYTES: usize = 16;
/// Bytes before a frame's payload.
pub const HEAD_BYTES: usize = 16;
/// Bytes of a frame's payload at most; a reader need not buffer more than one.
pub const PAYLOAD_MAX: usize = 1 << 20;

const MAGIC: [u8; 8] = *b"\x89DMMSG\r\n";

/// Kinds of frames.
pub mod kind {
    pub const START: u16 = 1;
    pub const ITEMS: u16 = 2;
    pub const END: u16 = 3;
}

/// Bit of a frame's or an item's flags: who does not know the kind must not read on.
pub const REQUIRED: u16 = 1;

/// Whether a file that starts with these bytes is a capture, of whatever version.
pub fn is_capture(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}

/// Whether these bytes are the start of what [`is_capture`] admits.
pub fn may_become_capture(start: &[u8]) -> bool {
    MAGIC.starts_with(start) || is_capture(start)
}

/// Appends the file's header.
pub fn put_header(out: &mut BytesMut) {
    let start = out.len();
    out.put_slice(&MAGIC);
    out.put_u32_le(VERSION);
    put_checksum(out, start);
}

fn put_checksum(out: &mut BytesMut, start: usize) {
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.put_u32_le(checksum);
}

/// Reads the file's header.
///
/// # Errors
/// It is no header, a damaged one, or that of another version.
pub fn check_header(header: &[u8; HEADER_BYTES]) -> Result<(), CaptureError> {
    if !is_capture(header) {
        return Err(CaptureError::NotACapture);
    }
    if !checksum_fits(header) {
        return Err(CaptureError::Checksum { offset: 0 });
    }
    match (&header[MAGIC.len()..]).get_u32_le() {
        VERSION => Ok(()),
        got => Err(CaptureError::Version { got }),
    }
}

/// Whether the last four bytes are the checksum of those before.
fn checksum_fits(bytes: &[u8; 16]) -> bool {
    let (data, mut checksum) = bytes.split_at(12);
    crc32fast::hash(data) == checksum.get_u32_le()
}

/// The start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub payload_bytes: usize,
    pub kind: u16,
    pub flags: u16,
    checksum: u32,
}

impl Head {
    /// Reads a head; `None` if it is damaged.
    pub fn read(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let mut rest = &bytes[..];
        checksum_fits(bytes).then(|| Self {
            payload_bytes: rest.get_u32_le() as usize,
            kind: rest.get_u16_le(),
            flags: rest.get_u16_le(),
            checksum: rest.get_u32_le(),
        })
    }

    /// Whether a payload of this length can be.
    pub const fn is_possible(self) -> bool {
        self.payload_bytes <= PAYLOAD_MAX && self.payload_bytes.is_multiple_of(8)
    }

    /// Whether this is the frame's payload.
    pub fn fits(self, payload: &[u8]) -> bool {
        crc32fast::hash(payload) == self.checksum
    }
}

/// Starts a frame; its head is written by [`end_frame`].
pub fn start_frame(out: &mut BytesMut) -> usize {
    let start = out.len();
    out.put_bytes(0, HEAD_BYTES);
    start
}

/// Pads the payload of the frame that began at `start`, and writes its head.
pub fn end_frame(out: &mut BytesMut, start: usize, kind: u16, flags: u16) {
    pad(out);
    let Some((mut head, payload)) =
        out.get_mut(start..).and_then(|f| f.split_at_mut_checked(HEAD_BYTES))
    else {
        return;
    };
    assert!(payload.len() <= PAYLOAD_MAX, "items are small, and a frame of them is ended in time");
    let mut checked = [0; HEAD_BYTES - 4];
    let mut fields = &mut checked[..];
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    fields.put_u32_le(payload.len() as u32);
    fields.put_u16_le(kind);
    fields.put_u16_le(flags);
    fields.put_u32_le(crc32fast::hash(payload));
    head.put_slice(&checked);
    head.put_u32_le(crc32fast::hash(&checked));
}

/// Pads to whole words, counted from the file's start.
///
/// What is written at once must start at a whole word of the file, as headers and frames do.
pub fn pad(out: &mut BytesMut) {
    out.put_bytes(0, out.len().next_multiple_of(8) - out.len());
}
