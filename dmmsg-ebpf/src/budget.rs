//! How many direct ioctls one user may add to the stream.

use aya_ebpf::{macros::map, maps::LruHashMap};

use crate::kernel::{output::count_within, task};

/// Direct ioctls of one user that are recorded a second.
const PER_SECOND: u64 = 1_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What a user has used up. Several CPUs may count at once.
#[repr(C)]
pub struct Spent {
    /// `CLOCK_BOOTTIME` when this second began, in ns.
    since_ns: u64,
    /// Ioctls since then.
    calls: u64,
}

/// What each user has used up; the users that were seen last are remembered.
#[map]
static SPENT: LruHashMap<u32, Spent> = LruHashMap::with_max_entries(1024, 0);

/// Takes one from the user's budget; `false` where nothing is left of it.
#[inline(always)]
pub fn allows(uid: u32) -> bool {
    let now = task::boot_ns();
    let Some(spent) = SPENT.get_ptr_mut(&uid) else {
        // Where the map takes no more, nobody can tell: the ring's other half is safe anyway.
        let _ = SPENT.insert(&uid, &Spent { since_ns: now, calls: 1 }, 0);
        return true;
    };
    // SAFETY: `spent` points to a value of the map, which stays readable while the program runs.
    let since_ns = unsafe { &raw mut (*spent).since_ns };
    // SAFETY: as above.
    let calls = unsafe { &raw mut (*spent).calls };
    count_within(since_ns, calls, now, SECOND_NS) <= PER_SECOND
}
