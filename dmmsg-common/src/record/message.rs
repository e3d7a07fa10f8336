//! The record of a message to device-mapper's control node.
//!
//! Behind the head: text, verb, name, uuid.

use core::mem::{align_of, offset_of, size_of};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Call, RecordHeader};
use crate::dm::TYPE_NAME_LEN;

/// Bytes of a message's text that a record carries at most.
pub const TEXT_MAX: usize = 1024;

/// [`MessageHead::handler_ns`] where the target's own method was not seen.
pub const NO_HANDLER: u64 = u64::MAX;

/// Bits of [`MessageHead::flags`].
pub mod flag {
    /// Part of the text is key material; the text ends where it starts.
    pub const REDACTED: u32 = 1 << 0;
    /// The kernel scanned the text: `verb` is what it saw.
    pub const SCANNED: u32 = 1 << 1;
    /// `text_len` is a lower bound: the text goes on past what was searched for its end.
    pub const LEN_AT_LEAST: u32 = 1 << 2;
    /// No such device: name, uuid and dev are what the sender asked for.
    pub const NO_DEVICE: u32 = 1 << 3;
    /// The device has no live table.
    pub const NO_TABLE: u32 = 1 << 4;
    /// The text has no NUL before the end of the sender's buffer, or no place in it.
    pub const MALFORMED: u32 = 1 << 5;
    /// The sender asked the kernel to wipe its buffer (`DM_SECURE_DATA_FLAG`).
    pub const SECURE: u32 = 1 << 6;
    /// The device lookup was not seen: device, target and text are missing.
    pub const NO_LOOKUP: u32 = 1 << 7;
    /// Part of the kernel's data could not be read.
    pub const UNREADABLE: u32 = 1 << 8;
    /// The device was suspended when the message arrived.
    pub const SUSPENDED: u32 = 1 << 9;
    /// The message has not returned: result and CPU are missing, latency is its age.
    pub const IN_FLIGHT: u32 = 1 << 10;
}

/// The fixed part of a message's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MessageHead {
    /// The record's header.
    pub header: RecordHeader,
    /// Who sent it, to which device, and how it ended.
    pub call: Call,
    /// Time in the target's own message method, in ns, or [`NO_HANDLER`].
    pub handler_ns: u64,
    /// Sector that the sender addressed, in units of 512 bytes.
    pub sector: u64,
    /// Index of the target that covers `sector`, or [`NO_INDEX`](super::NO_INDEX).
    pub target_index: u32,
    /// Bytes of the message's text without its NUL.
    pub text_len: u32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// Bytes of text that follow.
    pub text_bytes: u16,
    /// Bytes of the canonical verb that follows; 0 unless [`flag::SCANNED`].
    pub verb_bytes: u16,
    /// Bytes of the device name that follows, without NUL.
    pub name_bytes: u16,
    /// Bytes of the device uuid that follows, without NUL.
    pub uuid_bytes: u16,
    /// Zero.
    pub reserved: u32,
    /// Name of the target's type; zero-padded.
    pub target_type: [u8; TYPE_NAME_LEN],
}

/// How a message in flight lies in the kernel's table: its start, before what the programs need.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Slot {
    /// The kernel's number for the sending task; 0 where nothing is in flight.
    pub owner: u64,
    /// The record so far; its texts follow.
    pub head: MessageHead,
}

const _: () = {
    assert!(size_of::<MessageHead>() == 144 && align_of::<MessageHead>() == 8);
    assert!(offset_of!(MessageHead, call) == 8);
    assert!(offset_of!(MessageHead, handler_ns) == 88);
    assert!(offset_of!(MessageHead, sector) == 96);
    assert!(offset_of!(MessageHead, target_index) == 104);
    assert!(offset_of!(MessageHead, text_len) == 108);
    assert!(offset_of!(MessageHead, flags) == 112);
    assert!(offset_of!(MessageHead, text_bytes) == 116);
    assert!(offset_of!(MessageHead, verb_bytes) == 118);
    assert!(offset_of!(MessageHead, name_bytes) == 120);
    assert!(offset_of!(MessageHead, uuid_bytes) == 122);
    assert!(offset_of!(MessageHead, reserved) == 124);
    assert!(offset_of!(MessageHead, target_type) == 128);
};
