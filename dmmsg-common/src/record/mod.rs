//! Layout of the records that the probes write to the ring.
//!
//! A record is a head of fixed size and, behind it, texts of varying length; the head tells the
//! length of each, and each but the last is padded to whole words. What the padding holds has no
//! meaning. All numbers are little-endian, as both sides are.

mod direct;
mod ioctl;
mod message;

use core::mem::{align_of, offset_of, size_of};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use self::{
    direct::{DirectHead, direct_flag},
    ioctl::{IoctlHead, ioctl_flag},
    message::{MessageHead, NO_HANDLER, Slot, TEXT_MAX, flag},
};
use crate::dm::COMM_LEN;

/// Version of every layout in this folder.
pub const ABI: u16 = 2;

/// Index of a target where none was found.
pub const NO_INDEX: u32 = u32::MAX;

/// [`RecordHeader::kind`] of a message to device-mapper's control node.
pub const KIND_MESSAGE: u16 = 1;
/// [`RecordHeader::kind`] of an ioctl of device-mapper's type to a device.
pub const KIND_DIRECT: u16 = 2;
/// [`RecordHeader::kind`] of an ioctl to device-mapper's control node that is no message.
pub const KIND_IOCTL: u16 = 3;

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

/// What every record tells: who called, when, on which device, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Call {
    /// `CLOCK_BOOTTIME` at the call, in ns.
    pub boot_ns: u64,
    /// Call to return, in ns.
    pub latency_ns: u64,
    /// Place of this record among those that returned and passed the kernel's filters, from 0.
    pub seq: u64,
    /// Records lost before this one, since the start.
    pub lost: u64,
    /// Cgroup id of the caller.
    pub cgroup_id: u64,
    /// Process id of the caller (the kernel's tgid), in the initial namespace.
    pub pid: u32,
    /// Thread id of the caller (the kernel's pid), in the initial namespace.
    pub tid: u32,
    /// Real user id of the caller, in the initial namespace.
    pub uid: u32,
    /// CPU on which the call returned.
    pub cpu: u32,
    /// Kernel `dev_t` of the device; 0 where it is not known.
    pub dev: u32,
    /// What the function returned: 0, or a negative errno.
    pub ret: i32,
    /// Command name of the caller, zero-padded.
    pub comm: [u8; COMM_LEN],
}

const _: () = {
    assert!(size_of::<RecordHeader>() == 8);
    assert!(size_of::<Call>() == 80 && align_of::<Call>() == 8);
    assert!(offset_of!(Call, boot_ns) == 0);
    assert!(offset_of!(Call, latency_ns) == 8);
    assert!(offset_of!(Call, seq) == 16);
    assert!(offset_of!(Call, lost) == 24);
    assert!(offset_of!(Call, cgroup_id) == 32);
    assert!(offset_of!(Call, pid) == 40);
    assert!(offset_of!(Call, tid) == 44);
    assert!(offset_of!(Call, uid) == 48);
    assert!(offset_of!(Call, cpu) == 52);
    assert!(offset_of!(Call, dev) == 56);
    assert!(offset_of!(Call, ret) == 60);
    assert!(offset_of!(Call, comm) == 64);
};
