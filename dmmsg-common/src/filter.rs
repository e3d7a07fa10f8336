//! The filter that runs in the kernel: one value a fact, all that are set must hold.

use core::mem::{align_of, size_of};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    dm::{COMM_LEN, TYPE_NAME_LEN},
    verb::VERB_LEN,
};

/// Bytes of [`KernelFilter::device`]: a uuid with its NUL, rounded up.
pub const DEVICE_LEN: usize = 136;

/// Bits of [`KernelFilter::bits`]: which facts are asked for.
pub mod bit {
    /// `pid` must be the sender's process.
    pub const PID: u32 = 1 << 0;
    /// `uid` must be the sender's real user id.
    pub const UID: u32 = 1 << 1;
    /// `comm` must be the sender's command name.
    pub const COMM: u32 = 1 << 2;
    /// `dev` must be the device's number.
    pub const DEV: u32 = 1 << 3;
    /// `device` must be the device's name or its uuid.
    pub const DEVICE: u32 = 1 << 4;
    /// `target_type` must be the target's type.
    pub const TARGET_TYPE: u32 = 1 << 5;
    /// `verb` must be the canonical verb.
    pub const VERB: u32 = 1 << 6;
    /// The message must have failed.
    pub const FAILED: u32 = 1 << 7;
    /// The message must have taken `min_latency_ns` at least.
    pub const MIN_LATENCY: u32 = 1 << 8;
    /// Ioctls to the control node are wanted besides messages.
    pub const IOCTLS: u32 = 1 << 9;
}

/// What user space hands to the probes as a read-only global.
///
/// Texts are zero-padded. A fact whose bit is not set costs nothing: the verifier sees the bits as
/// constants and drops the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct KernelFilter {
    /// Shortest latency that passes, in ns.
    pub min_latency_ns: u64,
    /// Bits of [`bit`].
    pub bits: u32,
    /// Process id, in the initial namespace.
    pub pid: u32,
    /// Real user id, in the initial namespace.
    pub uid: u32,
    /// Kernel `dev_t`.
    pub dev: u32,
    /// Command name.
    pub comm: [u8; COMM_LEN],
    /// Target type.
    pub target_type: [u8; TYPE_NAME_LEN],
    /// Canonical verb.
    pub verb: [u8; VERB_LEN],
    /// Device name or uuid.
    pub device: [u8; DEVICE_LEN],
}

impl KernelFilter {
    /// The filter that lets every message pass.
    pub const ALL: Self = Self {
        min_latency_ns: 0,
        bits: 0,
        pid: 0,
        uid: 0,
        dev: 0,
        comm: [0; COMM_LEN],
        target_type: [0; TYPE_NAME_LEN],
        verb: [0; VERB_LEN],
        device: [0; DEVICE_LEN],
    };
}

const _: () = {
    assert!(size_of::<KernelFilter>() == 224 && align_of::<KernelFilter>() == 8);
    assert!(DEVICE_LEN.is_multiple_of(8));
};
