//! The record of an ioctl of device-mapper's type that was sent to a device.
//!
//! Behind the head: name, uuid.

use core::mem::{align_of, offset_of, size_of};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Call, RecordHeader};
use crate::dm::{PAYLOAD_MAX, TYPE_NAME_LEN};

/// Bits of [`DirectHead::flags`].
pub mod direct_flag {
    /// Index, tag and length could not be read from the sender's memory.
    pub const HEAD_UNREADABLE: u32 = 1 << 0;
    /// The payload could not be read from the sender's memory.
    pub const PAYLOAD_UNREADABLE: u32 = 1 << 1;
    /// The length is negative or more than the proposal allows.
    pub const OVERSIZED: u32 = 1 << 2;
    /// Part of the payload is key material; the payload ends where it starts.
    pub const REDACTED: u32 = 1 << 3;
    /// The device has no live table.
    pub const NO_TABLE: u32 = 1 << 4;
    /// The device was suspended when the ioctl arrived.
    pub const SUSPENDED: u32 = 1 << 5;
}

/// The fixed part of a direct ioctl's record.
///
/// `index`, `tag`, `len` and `payload` are what stood in the sender's memory when the ioctl arrived;
/// the kernel has no copy of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DirectHead {
    /// The record's header.
    pub header: RecordHeader,
    /// Who sent it, to which device, and how it ended.
    pub call: Call,
    /// The ioctl's number.
    pub cmd: u32,
    /// Bits of [`direct_flag`].
    pub flags: u32,
    /// How many devices passed the ioctl on before it came to this one.
    pub layer: u32,
    /// Index of the target that was addressed, as the sender wrote it.
    pub index: i32,
    /// Tag of the message, as the sender wrote it.
    pub tag: i32,
    /// Length of the payload in bytes, as the sender wrote it.
    pub len: i32,
    /// Bytes of `payload` that were captured.
    pub payload_bytes: u16,
    /// Bytes of the device name that follows, without NUL.
    pub name_bytes: u16,
    /// Bytes of the device uuid that follows, without NUL.
    pub uuid_bytes: u16,
    /// Zero.
    pub reserved: u16,
    /// Name of the addressed target's type, if the table has one of that index; zero-padded.
    pub target_type: [u8; TYPE_NAME_LEN],
    /// The payload's start; zero-padded.
    pub payload: [u8; PAYLOAD_MAX],
}

const _: () = {
    assert!(size_of::<DirectHead>() == 200 && align_of::<DirectHead>() == 8);
    assert!(offset_of!(DirectHead, call) == 8);
    assert!(offset_of!(DirectHead, cmd) == 88);
    assert!(offset_of!(DirectHead, flags) == 92);
    assert!(offset_of!(DirectHead, layer) == 96);
    assert!(offset_of!(DirectHead, index) == 100);
    assert!(offset_of!(DirectHead, tag) == 104);
    assert!(offset_of!(DirectHead, len) == 108);
    assert!(offset_of!(DirectHead, payload_bytes) == 112);
    assert!(offset_of!(DirectHead, name_bytes) == 114);
    assert!(offset_of!(DirectHead, uuid_bytes) == 116);
    assert!(offset_of!(DirectHead, reserved) == 118);
    assert!(offset_of!(DirectHead, target_type) == 120);
    assert!(offset_of!(DirectHead, payload) == 136);
};
