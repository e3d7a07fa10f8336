//! The record of an ioctl to device-mapper's control node that is no message to a target.
//!
//! Behind the head: name, uuid.

use core::mem::{align_of, offset_of, size_of};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Call, RecordHeader};

/// Bits of [`IoctlHead::flags`].
pub mod ioctl_flag {
    /// The header could not be read from the sender's memory: device and flags are missing.
    pub const HEADER_UNREADABLE: u32 = 1 << 0;
}

/// The fixed part of a control ioctl's record.
///
/// Name, uuid and the numbers of the header are what stood in the sender's memory: before the call
/// what it asked for, after one that succeeded what the kernel answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IoctlHead {
    /// The record's header.
    pub header: RecordHeader,
    /// Who called, for which device, and how it ended.
    pub call: Call,
    /// The ioctl's number.
    pub cmd: u32,
    /// Bits of [`ioctl_flag`].
    pub flags: u32,
    /// `struct dm_ioctl::flags` before the call.
    pub flags_in: u32,
    /// `struct dm_ioctl::flags` after a call that succeeded, else 0.
    pub flags_out: u32,
    /// `struct dm_ioctl::target_count` before the call.
    pub target_count: u32,
    /// Bytes of the device name that follows, without NUL.
    pub name_bytes: u16,
    /// Bytes of the device uuid that follows, without NUL.
    pub uuid_bytes: u16,
}

const _: () = {
    assert!(size_of::<IoctlHead>() == 112 && align_of::<IoctlHead>() == 8);
    assert!(offset_of!(IoctlHead, call) == 8);
    assert!(offset_of!(IoctlHead, cmd) == 88);
    assert!(offset_of!(IoctlHead, flags) == 92);
    assert!(offset_of!(IoctlHead, flags_in) == 96);
    assert!(offset_of!(IoctlHead, flags_out) == 100);
    assert!(offset_of!(IoctlHead, target_count) == 104);
    assert!(offset_of!(IoctlHead, name_bytes) == 108);
    assert!(offset_of!(IoctlHead, uuid_bytes) == 110);
};
