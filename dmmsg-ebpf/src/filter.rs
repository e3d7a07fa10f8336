//! The user's filter, applied where each fact becomes known.

use core::mem::{MaybeUninit, offset_of};

use dmmsg_common::{
    dm::{COMM_LEN, TYPE_NAME_LEN},
    filter::{DEVICE_LEN, KernelFilter, bit},
    record::Call,
    secret::Scan,
};

use crate::kernel::memory::{Plain, global, words};

/// Set by the loader before the programs are loaded.
#[unsafe(no_mangle)]
static FILTER: MaybeUninit<KernelFilter> = MaybeUninit::zeroed();

/// Whether a field of the filter has a value.
macro_rules! is_wanted {
    ($field:ident, $value:expr) => {
        $value == wanted(offset_of!(KernelFilter, $field), $value)
    };
}

/// Reads a field of the filter that has the type of `like`.
#[inline(always)]
fn wanted<T: Plain>(offset: usize, _like: T) -> T {
    global(&FILTER, offset)
}

#[inline(always)]
fn asks(bit: u32) -> bool {
    global::<_, u32>(&FILTER, offset_of!(KernelFilter, bits)) & bit != 0
}

/// Whether the sender passes: process, user, command name.
#[inline(always)]
pub fn admits_sender(call: &Call) -> bool {
    (!asks(bit::PID) || is_wanted!(pid, call.pid))
        && (!asks(bit::UID) || is_wanted!(uid, call.uid))
        && (!asks(bit::COMM) || is_wanted!(comm, words::<COMM_LEN, 2>(&call.comm)))
}

/// Whether something is asked for that only the device lookup tells.
#[inline(always)]
pub fn wants_lookup() -> bool {
    asks(bit::DEV | bit::DEVICE | bit::TARGET_TYPE | bit::VERB)
}

/// Whether ioctls to the control node are wanted besides messages.
#[inline(always)]
pub fn wants_ioctls() -> bool {
    asks(bit::IOCTLS)
}

/// Whether a target's type is asked for.
#[inline(always)]
pub fn wants_type() -> bool {
    asks(bit::TARGET_TYPE)
}

/// Whether the device's number passes.
#[inline(always)]
pub fn admits_dev(call: &Call) -> bool {
    !asks(bit::DEV) || is_wanted!(dev, call.dev)
}

/// Whether the target's type passes.
#[inline(always)]
pub fn admits_type(name: &[u8; TYPE_NAME_LEN]) -> bool {
    !wants_type() || is_type(name)
}

#[inline(always)]
fn is_type(name: &[u8; TYPE_NAME_LEN]) -> bool {
    let mut index = 0;
    while index < TYPE_NAME_LEN {
        let want: u8 = global(&FILTER, offset_of!(KernelFilter, target_type) + index);
        if name[index] != want {
            return false;
        }
        if want == 0 {
            return true;
        }
        index += 1;
    }
    true
}

/// Whether names of the device must be compared with [`is_device`].
#[inline(always)]
pub fn wants_device() -> bool {
    asks(bit::DEVICE)
}

/// Whether the text of `length` bytes at `texts[at..]` is the name or uuid that is asked for.
#[inline(always)]
pub fn is_device<const N: usize>(texts: &[u8; N], at: usize, length: usize) -> bool {
    let mut index = 0;
    while index < DEVICE_LEN {
        let want: u8 = global(&FILTER, offset_of!(KernelFilter, device) + index);
        if want == 0 {
            return index == length && length != 0;
        }
        if texts.get(at + index) != Some(&want) {
            return false;
        }
        index += 1;
    }
    false
}

/// Whether the text must be scanned for its verb.
#[inline(always)]
pub fn wants_verb() -> bool {
    asks(bit::VERB)
}

/// Whether the verb passes.
#[inline(always)]
pub fn admits_verb(scan: &Scan) -> bool {
    if !wants_verb() {
        return true;
    }
    scan.verb().is_some_and(|verb| is_wanted!(verb, *verb.padded()))
}

/// Whether the outcome passes: failure, latency.
#[inline(always)]
pub fn admits_outcome(call: &Call) -> bool {
    (!asks(bit::FAILED) || call.ret < 0)
        && (!asks(bit::MIN_LATENCY)
            || call.latency_ns >= wanted(offset_of!(KernelFilter, min_latency_ns), 0))
}
