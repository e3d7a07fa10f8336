//! The maps by which user space gives a program its input and takes its output.

use aya_ebpf::maps::Array;

/// The one value of a map, for a program that asks for it once a run.
///
/// `T` must be valid where all its bytes are zero.
#[inline(always)]
#[expect(clippy::mut_from_ref, reason = "the map only tells where its value is")]
pub fn value<T>(map: &'static Array<T>) -> Option<&'static mut T> {
    let value = map.get_ptr_mut(0)?;
    // SAFETY: the kernel zeroed the value, user space writes only where any bytes are a value, and
    // it lives as long as the map. No other reference exists: one test runs one program at a time.
    Some(unsafe { &mut *value })
}
