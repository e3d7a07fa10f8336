//! The length of a message's text, where it is not found on the way.

use core::ffi::c_long;

use dmmsg_common::{
    nul::{BLOCK, Words, has_nul},
    record::flag,
};

use crate::kernel::memory::{REPEAT_MAX, read, repeat};

/// Bytes of a text that are searched for its end, a block each time; a longer one is marked as such.
#[cfg(not(feature = "kernel-5-10"))]
const SEARCH_MAX: u32 = 1 << 20;
/// As above; two blocks may be searched in vain, at either end.
#[cfg(feature = "kernel-5-10")]
const SEARCH_MAX: u32 = (REPEAT_MAX - 2) * BLOCK as u32;

/// Bytes of a text that are scanned for verb and secret; where that does not tell, all is secret.
pub const SCAN_MAX: u32 = REPEAT_MAX;

/// The length of a text that the kernel has copied.
pub struct Length {
    /// Bytes without the NUL.
    pub bytes: u32,
    /// What there is to say of it, as in [`flag`].
    pub flags: u32,
}

impl Length {
    /// The length of the text at `message`, which has no NUL in the first `known` bytes, and whose
    /// copy ends after `limit`.
    #[inline(always)]
    pub fn of(message: u64, known: u32, limit: u32) -> Self {
        // What stands before the known end in its block is text too, and has no NUL.
        let start = (message + u64::from(known)) & !(BLOCK as u64 - 1);
        let mut search = Search { at: start, found: false };
        repeat(limit.min(SEARCH_MAX) / BLOCK as u32 + 2, search_block, &mut search);
        if !search.found {
            let whole = limit <= SEARCH_MAX;
            let flags = if whole { flag::MALFORMED } else { flag::LEN_AT_LEAST };
            return Self { bytes: limit.min(SEARCH_MAX), flags };
        }
        repeat(BLOCK as u32, search_byte, &mut search);
        let length = (search.at - message) as u32;
        let flags = if length >= limit { flag::MALFORMED } else { 0 };
        Self { bytes: length.min(limit), flags }
    }
}

/// A search for the NUL that ends a text.
struct Search {
    /// Address to look at next.
    at: u64,
    found: bool,
}

#[inline(never)]
extern "C" fn search_block(_: u64, search: &mut Search) -> c_long {
    let Some(block) = read::<Words>(search.at) else { return 1 };
    search.found = has_nul(&block);
    if search.found {
        return 1;
    }
    search.at += BLOCK as u64;
    0
}

#[inline(never)]
extern "C" fn search_byte(_: u64, search: &mut Search) -> c_long {
    if read::<u8>(search.at).is_none_or(|byte| byte == 0) {
        return 1;
    }
    search.at += 1;
    0
}
