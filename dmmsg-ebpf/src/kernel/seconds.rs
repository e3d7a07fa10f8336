//! Counts calls by user and second.

use core::ptr;

use aya_ebpf::{macros::map, maps::LruHashMap};

use super::{atomic::fetch_add, task};

const SECOND_NS: u64 = 1_000_000_000;

/// What a user did in a second. Several CPUs may count at once.
#[repr(C)]
struct Second {
    /// `CLOCK_BOOTTIME` when it began, in ns.
    since_ns: u64,
    /// Calls since then.
    calls: u64,
}

/// The last second of each user; those that were seen last are remembered.
#[map]
static SECONDS: LruHashMap<u32, Second> = LruHashMap::with_max_entries(1024, 0);

/// Counts a call of the user; returns how many there were in this second, which begins with the
/// first call after the last one ended.
///
/// CPUs that count at the same moment may each begin a new second, and forget a call or two.
#[inline(always)]
pub fn count(uid: u32) -> u64 {
    let now = task::boot_ns();
    let Some(second) = SECONDS.get_ptr_mut(uid) else {
        // Where the map takes no more, the user is not known next time either.
        let _ = SECONDS.insert(uid, Second { since_ns: now, calls: 1 }, 0);
        return 1;
    };
    // SAFETY: `second` points to a value of the map, which stays readable while the program runs.
    let since_ns = unsafe { &raw mut (*second).since_ns };
    // SAFETY: as above.
    let calls = unsafe { &raw mut (*second).calls };
    // SAFETY: an aligned number in a map.
    if now.wrapping_sub(unsafe { ptr::read_volatile(since_ns) }) >= SECOND_NS {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(since_ns, now) };
        // SAFETY: as above.
        unsafe { ptr::write_volatile(calls, 0) };
    }
    fetch_add(calls, 1) + 1
}
