//! The ring's record layouts.
//!
//! A record is a fixed head followed by its texts, in the order text, verb, name, uuid; the head
//! tells the length of each, and each but the last is padded to whole words. What the padding holds
//! has no meaning. All numbers are little-endian, as both sides are.

use core::mem::{align_of, offset_of, size_of};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::dm::{COMM_LEN, TYPE_NAME_LEN};

/// Version of every layout in this file.
pub const ABI: u16 = 1;

/// Bytes of a message's text that a record carries at most.
pub const TEXT_MAX: usize = 1024;

/// [`MessageHead::target_index`] where no target was found.
pub const NO_INDEX: u32 = u32::MAX;

/// [`RecordHeader::kind`] of a message to device-mapper's control node.
pub const KIND_MESSAGE: u16 = 1;

/// Bytes that a text of `bytes` takes in a record, unless it is the last.
#[inline(always)]
pub const fn padded(bytes: usize) -> usize {
    (bytes + 7) & !7
}

/// The start of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader {
    /// [`ABI`] of the writer.
    pub abi: u16,
    /// What follows.
    pub kind: u16,
    /// Bytes of the whole record, this header included.
    pub size: u32,
}

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
}

/// The fixed part of a message's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MessageHead {
    /// The record's header.
    pub header: RecordHeader,
    /// `CLOCK_BOOTTIME` at dispatch, in ns.
    pub boot_ns: u64,
    /// Dispatch to return, in ns.
    pub latency_ns: u64,
    /// Place of this message among those that returned and passed the kernel's filters, from 0.
    pub seq: u64,
    /// Records lost before this one, since the start.
    pub lost: u64,
    /// Cgroup id of the sender.
    pub cgroup_id: u64,
    /// Sector that the sender addressed, in units of 512 bytes.
    pub sector: u64,
    /// Process id of the sender (the kernel's tgid), in the initial namespace.
    pub pid: u32,
    /// Thread id of the sender (the kernel's pid), in the initial namespace.
    pub tid: u32,
    /// Real user id of the sender, in the initial namespace.
    pub uid: u32,
    /// CPU on which the message returned.
    pub cpu: u32,
    /// Kernel `dev_t` of the device.
    pub dev: u32,
    /// Index of the target that covers `sector`, or [`NO_INDEX`].
    pub target_index: u32,
    /// Bytes of the message's text without its NUL.
    pub text_len: u32,
    /// What `target_message` returned: 0, or a negative errno.
    pub ret: i32,
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
    /// Command name of the sender, zero-padded.
    pub comm: [u8; COMM_LEN],
    /// Name of the target's type; zero-padded.
    pub target_type: [u8; TYPE_NAME_LEN],
}

const _: () = {
    assert!(size_of::<RecordHeader>() == 8);
    assert!(size_of::<MessageHead>() == 136 && align_of::<MessageHead>() == 8);
    assert!(offset_of!(MessageHead, boot_ns) == 8);
    assert!(offset_of!(MessageHead, sector) == 48);
    assert!(offset_of!(MessageHead, pid) == 56);
    assert!(offset_of!(MessageHead, flags) == 88);
    assert!(offset_of!(MessageHead, text_bytes) == 92);
    assert!(offset_of!(MessageHead, comm) == 104);
    assert!(offset_of!(MessageHead, target_type) == 120);
};
