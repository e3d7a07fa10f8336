//! The user's filter, applied where each fact becomes known.

use core::mem::{MaybeUninit, offset_of};

use dmmsg_common::{
    dm::TYPE_NAME_LEN,
    filter::{DEVICE_LEN, KernelFilter, bit},
    record::MessageHead,
    secret::Scan,
};

use crate::{
    inflight::TEXTS,
    kernel::memory::{Plain, global, words},
};

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
pub fn admits_sender(head: &MessageHead) -> bool {
    (!asks(bit::PID) || is_wanted!(pid, head.pid))
        && (!asks(bit::UID) || is_wanted!(uid, head.uid))
        && (!asks(bit::COMM) || is_wanted!(comm, words(&head.comm)))
}

/// Whether something is asked for that only the device lookup tells.
#[inline(always)]
pub fn wants_lookup() -> bool {
    asks(bit::DEV | bit::DEVICE | bit::TARGET_TYPE | bit::VERB)
}

/// Whether device number and target type pass.
#[inline(always)]
pub fn admits_target(head: &MessageHead) -> bool {
    (!asks(bit::DEV) || is_wanted!(dev, head.dev))
        && (!asks(bit::TARGET_TYPE) || is_type(&head.target_type))
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
pub fn is_device(texts: &[u8; TEXTS], at: usize, length: usize) -> bool {
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
pub fn admits_outcome(head: &MessageHead) -> bool {
    (!asks(bit::FAILED) || head.ret < 0)
        && (!asks(bit::MIN_LATENCY)
            || head.latency_ns >= wanted(offset_of!(KernelFilter, min_latency_ns), 0))
}
