//! What is kept of a message between the hooks that it passes.

use aya_ebpf::macros::map;
use dmmsg_common::{
    dm::{NAME_LEN, UUID_LEN},
    record::{Call, MessageHead, TEXT_MAX},
    secret::Scan,
    verb::VERB_LEN,
};

use crate::kernel::{
    counters::lose,
    flights::{self, Flight},
    output,
};

/// Room for a device's name and uuid in a record, and for the latter's NUL.
///
/// A text that is not the last counts twice, since the verifier knows its length only up to the next
/// power of two.
pub const NAMES: usize = 2 * NAME_LEN + UUID_LEN.next_multiple_of(8);

/// Room for the texts of a message's record.
pub const TEXTS: usize = 2 * TEXT_MAX + 2 * VERB_LEN + NAMES;

/// A message's record as it goes to the ring.
#[repr(C)]
pub struct Record {
    /// The fixed part.
    pub head: MessageHead,
    /// The texts, packed; aligned as words, for the start of a text is written as such.
    pub texts: [u8; TEXTS],
}

// SAFETY: `head` starts with the header.
unsafe impl output::Record for Record {
    #[inline(always)]
    fn call(&mut self) -> &mut Call {
        &mut self.head.call
    }
}

/// [`InFlight::opening`] of a text that was not read whole at first, for its length or its place,
/// or because it may hold a key.
pub const UNREAD: u32 = u32::MAX;

/// A message in flight. All zero is a valid value: nothing is in flight.
///
/// User space reads owner and record, as [`dmmsg_common::record::Slot`] says.
#[repr(C)]
pub struct InFlight {
    /// The task that sends it.
    pub owner: u64,
    /// The record, filled hook by hook.
    pub record: Record,
    /// Kernel address of the message's `struct dm_ioctl`, for hooks that are not told.
    pub param: u64,
    /// Kernel address of the message's text.
    pub message: u64,
    /// `CLOCK_BOOTTIME` when the target's own method was called, in ns.
    pub handler_boot_ns: u64,
    /// Bytes from `message` to the end of the kernel's copy.
    pub limit: u32,
    /// Bytes of the text if they stand in the record already, else [`UNREAD`].
    pub opening: u32,
    /// The scan of the text, where one is needed.
    pub scan: Scan,
}

/// Messages in flight.
#[map]
static MESSAGES: flights::Table<InFlight> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for InFlight {
    const PLACES: u32 = 128;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &MESSAGES
    }

    #[inline(always)]
    fn abandon(&mut self) {
        lose();
    }
}
