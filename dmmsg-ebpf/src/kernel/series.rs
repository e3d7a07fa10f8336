//! Where calls are counted: histograms and errors by series, which user space sees as memory.

#[cfg(not(feature = "kernel-5-10"))]
use core::intrinsics::{AtomicOrdering, atomic_cxchg};
use core::ptr;

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dmmsg_common::{
    count::{ERRNOS, Series},
    hist::{self, BUCKETS, SIZE_BUCKETS},
};

use super::atomic::fetch_add;
use super::opaque::opaque;

/// All series, once for each shard of CPUs; the loader sets how many.
#[map]
static SERIES: Array<Series> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Failed calls of each series by error number; the loader sets how many.
#[map]
static ERRORS: Array<[u64; ERRNOS]> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// A series that something is added to.
///
/// All atomic, since a kernel with preemption may run another task's program in the middle of this one,
/// and CPUs may share a shard.
pub struct Adding(*mut Series);

impl Adding {
    /// To the series of this number.
    #[inline(always)]
    pub fn to(series: u32) -> Option<Self> {
        SERIES.get_ptr_mut(series).map(Self)
    }

    /// Counts a latency in ns.
    #[inline(always)]
    pub fn latency(&self, ns: u64) {
        let Self(series) = *self;
        // The compiler knows the bound of a bucket and would drop the check that the verifier needs.
        let bucket = opaque(hist::bucket(ns));
        if bucket >= BUCKETS {
            return;
        }
        // SAFETY: `series` points to a `Series` that lives as long as the map.
        let latencies = unsafe { &raw mut (*series).latencies }.cast::<u64>();
        // SAFETY: `bucket` is below `BUCKETS`, as checked above.
        fetch_add(unsafe { latencies.add(bucket) }, 1);
        // SAFETY: as for `latencies`.
        fetch_add(unsafe { &raw mut (*series).latency_sum_ns }, ns);
        // SAFETY: as for `latencies`.
        let max = unsafe { &raw mut (*series).latency_max_ns };
        // SAFETY: as for `latencies`.
        if ns > unsafe { ptr::read_volatile(max) } {
            raise(max, ns);
        }
    }

    /// Counts the size of a message.
    #[inline(always)]
    pub fn size(&self, bytes: u32) {
        let Self(series) = *self;
        let bucket = opaque(hist::size_bucket(bytes));
        if bucket >= SIZE_BUCKETS {
            return;
        }
        // SAFETY: `series` points to a `Series` that lives as long as the map.
        let sizes = unsafe { &raw mut (*series).sizes }.cast::<u64>();
        // SAFETY: `bucket` is below `SIZE_BUCKETS`, as checked above.
        fetch_add(unsafe { sizes.add(bucket) }, 1);
        // SAFETY: as for `sizes`.
        fetch_add(unsafe { &raw mut (*series).size_sum }, u64::from(bytes));
    }
}

/// Counts a failed call of a series; `errno` is positive.
#[inline(always)]
pub fn add_error(series: u32, errno: u32) {
    let Some(errors) = ERRORS.get_ptr_mut(series) else { return };
    let errno = opaque(errno as usize);
    let errno = if errno < ERRNOS { errno } else { 0 };
    // SAFETY: `errno` is below `ERRNOS`, as checked above.
    fetch_add(unsafe { errors.cast::<u64>().add(errno) }, 1);
}

/// How often [`raise`] tries, while others raise the same number.
#[cfg(not(feature = "kernel-5-10"))]
const TRIES: u32 = 8;

/// Makes a number in a map as high as `value`, if it is lower.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
fn raise(number: *mut u64, value: u64) {
    for _ in 0..TRIES {
        // SAFETY: every caller passes an aligned `u64` in a map, which lives as long as the program.
        let before = unsafe { ptr::read_volatile(number) };
        if value <= before {
            return;
        }
        // SAFETY: as above.
        let (_, raised) = unsafe {
            atomic_cxchg::<u64, { AtomicOrdering::AcqRel }, { AtomicOrdering::Acquire }>(
                number, before, value,
            )
        };
        if raised {
            return;
        }
    }
}

/// Makes a number in a map as high as `value`, if it is lower, unless another CPU writes it at the
/// same moment.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
fn raise(number: *mut u64, value: u64) {
    // SAFETY: as every caller passes an aligned `u64` in a map.
    if value > unsafe { ptr::read_volatile(number) } {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(number, value) };
    }
}
