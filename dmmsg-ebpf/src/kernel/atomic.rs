//! Atomic operations on numbers in maps.

use core::intrinsics::{AtomicOrdering, atomic_xadd};
#[cfg(feature = "kernel-5-10")]
use core::ptr;

/// Adds to a number in a map, atomically; returns what it was.
///
/// An intrinsic, since `core` withholds `fetch_add` from targets without compare-and-swap. With a
/// weaker ordering, LLVM 22 makes of it an instruction that returns nothing.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
pub(super) fn fetch_add(number: *mut u64, more: u64) -> u64 {
    // SAFETY: every caller passes an aligned `u64` in a map, which lives as long as the program.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::AcqRel }>(number, more) }
}

/// Adds to a number in a map, atomically; returns what it was, unless another CPU adds to it at the
/// same moment.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
pub(super) fn fetch_add(number: *mut u64, more: u64) -> u64 {
    // SAFETY: as every caller passes an aligned `u64` in a map.
    let before = unsafe { ptr::read_volatile(number) };
    // SAFETY: as above. Without a result, since old kernels have no such operation that returns one.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(number, more) };
    before
}
