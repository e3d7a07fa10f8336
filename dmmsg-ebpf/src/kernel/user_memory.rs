//! Reads of the current task's memory: what is not present, or not its own, is not read.

use aya_ebpf::helpers::generated as helper;

use super::memory::{Plain, filled};
use super::opaque::opaque;

/// Reads a plain value from the current task's memory; `None` where it is not present.
#[inline(always)]
pub fn read_user<T: Plain>(address: u64) -> Option<T> {
    // SAFETY: the helper writes the given number of bytes, whatever the address.
    filled(|to, bytes| unsafe { helper::bpf_probe_read_user(to, bytes, address as *const _) })
}

/// As [`copy_str`](super::memory::copy_str), from the current task's memory.
#[inline(always)]
pub fn copy_user_str<const N: usize>(to: &mut [u8; N], at: usize, limit: u32, address: u64) -> u32 {
    if at >= N || limit as usize > N - at {
        return 0;
    }
    // SAFETY: `at < N` was checked above.
    let start = unsafe { to.as_mut_ptr().add(at) };
    // SAFETY: `limit` bytes from `start` lie in `to`, as checked above.
    let copied =
        unsafe { helper::bpf_probe_read_user_str(start.cast(), limit, address as *const _) };
    if copied > 0 { copied as u32 } else { 0 }
}

/// Copies `count` bytes of the current task's memory to the start of `to`; `false` where they are
/// not present or do not fit.
#[inline(always)]
pub fn copy_user_bytes<const N: usize>(to: &mut [u8; N], count: u32, address: u64) -> bool {
    // The compiler knows the bound and would drop the check that the verifier needs.
    let count = opaque(count);
    if count as usize > N {
        return false;
    }
    // SAFETY: `count` bytes lie in `to`, as checked above.
    unsafe { helper::bpf_probe_read_user(to.as_mut_ptr().cast(), count, address as *const _) == 0 }
}
