//! How many direct ioctls one user may add to the stream.

use crate::kernel::seconds;

/// Direct ioctls of one user that are recorded a second.
const PER_SECOND: u64 = 1_000;

/// Takes one from the user's budget; `false` where nothing is left of it.
#[inline(always)]
pub fn allows(uid: u32) -> bool {
    seconds::count(uid) <= PER_SECOND
}
