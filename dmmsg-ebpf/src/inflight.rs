//! What is kept of a message between the hooks that it passes.

use dmmsg_common::{
    dm::{NAME_LEN, UUID_LEN},
    record::{MessageHead, TEXT_MAX},
    secret::Scan,
    verb::VERB_LEN,
};

/// Room for the texts of a record and for the last one's NUL.
///
/// All but the last count twice, since the verifier knows their lengths only up to the next power of
/// two.
pub const TEXTS: usize = 2 * TEXT_MAX + 2 * VERB_LEN + 2 * NAME_LEN + UUID_LEN.next_multiple_of(8);

/// A record as it goes to the ring.
#[repr(C)]
pub struct Record {
    /// The fixed part.
    pub head: MessageHead,
    /// The texts, packed; aligned as words, for the start of a text is written as such.
    pub texts: [u8; TEXTS],
}

/// [`InFlight::opening`] of a text that was not read whole at first, for its length or its place,
/// or because it may hold a key.
pub const UNREAD: u32 = u32::MAX;

/// A message in flight. All zero is a valid value: nothing is in flight.
#[repr(C)]
pub struct InFlight {
    /// The record, filled hook by hook.
    pub record: Record,
    /// Kernel address of the message's `struct dm_ioctl`; 0 where nothing is in flight.
    pub param: u64,
    /// Kernel address of the message's text.
    pub message: u64,
    /// Bytes from `message` to the end of the kernel's copy.
    pub limit: u32,
    /// Bytes of the text if they stand in the record already, else [`UNREAD`].
    pub opening: u32,
    /// The scan of the text, where one is needed.
    pub scan: Scan,
}
