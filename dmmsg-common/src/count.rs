//! What the counting programs share with user space: which series a call belongs to, and the series'
//! own layout.
//!
//! Every series is known before the programs are loaded, so that nothing a sender does can make more
//! of them: user space numbers them and says by tables which type of target and which verb lead to
//! which.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    hist::{BUCKETS, SIZE_BUCKETS},
    opening,
};

/// Types of target that are told apart, those below included.
pub const TYPES: usize = 64;
/// A type of target that has no number of its own.
pub const TYPE_OTHER: u32 = 0;
/// No target: the device is not there, or has no table, or none at the place.
pub const TYPE_NONE: u32 = 1;

/// Verbs that are told apart, those below included.
pub const VERBS: usize = 128;
/// A verb that has no number of its own.
pub const VERB_OTHER: u32 = 0;
/// The direct ioctl DM_MESSAGE.
pub const VERB_DIRECT: u32 = 1;
/// The direct ioctl DM_MPATH_PROBE_PATHS.
pub const VERB_PROBE_PATHS: u32 = 2;
/// Any other direct ioctl.
pub const VERB_DIRECT_OTHER: u32 = 3;
/// The first verb of a message.
pub const VERB_FIRST: u32 = 4;

/// Ioctls to the control node that are told apart, by their number; the last stands for all beyond.
pub const IOCTLS: usize = 32;
/// Stands for the number of an ioctl that resumes a device, which is that of one that suspends it.
pub const IOCTL_RESUME: u32 = 30;

/// Series at most, a power of two.
pub const KINDS_MAX: usize = 512;

/// Error numbers that are told apart; 0 stands for all others.
///
/// Source: `include/uapi/asm-generic/errno.h`, whose highest is `EHWPOISON`.
pub const ERRNOS: usize = 134;

/// A hash table without collisions: names of so many words, zero-padded, each followed by its number.
///
/// A place without a name is all zero, as no name is.
pub type Names<const ENTRY: usize, const PLACES: usize> = [[u64; ENTRY]; PLACES];

/// Types of target by name.
pub type TypeNames = Names<3, 128>;
/// Canonical verbs.
pub type VerbNames = Names<{ opening::WORDS + 1 }, 512>;

/// The place of a name among so many, a power of two; no two names of a table have the same, by
/// choice of `factor`.
#[expect(clippy::cast_possible_truncation, reason = "a place is a small number")]
#[inline(always)]
pub fn place(words: &[u64], factor: u64, places: usize) -> usize {
    // Names differ within their first two words.
    let [first, second, ..] = words else { return 0 };
    let mixed = (first ^ second << 3).wrapping_mul(factor);
    (mixed >> (u64::BITS - places.ilog2())) as usize
}

/// All that the programs need to find a call's series, handed over as a read-only global.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Catalogue {
    /// Series in all.
    pub count: u32,
    /// Whether calls are counted by device too.
    pub by_device: u32,
    /// Always 0.
    pub reserved: u32,
    /// CPUs that do not share their series with others, less one; their number is a power of two.
    pub shard_mask: u32,
    /// What leads every type of target to a place of its own, see [`place`].
    pub type_factor: u64,
    /// Types of target.
    pub types: TypeNames,
    /// What leads every verb to a place of its own.
    pub verb_factor: u64,
    /// Verbs.
    pub verbs: VerbNames,
    /// The series of a message or a direct ioctl, by type and verb.
    pub series: [[u16; VERBS]; TYPES],
    /// The series of an ioctl to the control node, by its number.
    pub ioctls: [u16; IOCTLS],
}

/// A series: the latencies of one kind of call, and the sizes of messages. Each CPU, or every few of
/// them, has one of its own.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Series {
    /// Sum of all latencies in ns; wraps.
    pub latency_sum_ns: u64,
    /// Highest latency in ns.
    pub latency_max_ns: u64,
    /// Sum of all sizes in bytes; wraps.
    pub size_sum: u64,
    /// Calls by their latency's bucket of [`crate::hist`].
    pub latencies: [u64; BUCKETS],
    /// Messages by their size's bucket.
    pub sizes: [u64; SIZE_BUCKETS],
}

/// What happened to calls, on a shard of CPUs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Totals {
    /// Messages that began; where places in flight count those that took them, all others.
    pub messages: u64,
    /// Direct ioctls that began, one for each device that they passed.
    pub directs: u64,
    /// Ioctls to the control node that began and were no messages.
    pub controls: u64,
    /// Calls that are in no series and will not be, for want of room or since their return was missed.
    pub lost: u64,
}

impl Totals {
    /// Adds those of another shard.
    pub const fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.directs += other.directs;
        self.controls += other.controls;
        self.lost += other.lost;
    }
}

/// The start of a place in a table of calls in flight that are only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Begun {
    /// The ids of the sender's process, in the upper half, and thread; 0 for a place that is free.
    pub owner: u64,
    /// `CLOCK_BOOTTIME` when the call began, in ns; 0 until it is known.
    pub boot_ns: u64,
    /// Calls that have taken this place so far.
    pub taken: u64,
}

impl Begun {
    /// The sender's process.
    pub const fn pid(self) -> u32 {
        (self.owner >> 32) as u32
    }

    /// The sender's thread.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    pub const fn tid(self) -> u32 {
        self.owner as u32
    }
}

const _: () = assert!(size_of::<Series>() == 8 * (3 + BUCKETS + SIZE_BUCKETS));
const _: () = assert!(size_of::<Begun>() == 24);
