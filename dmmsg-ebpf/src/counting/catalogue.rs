//! Finds the number of a type of target or a verb, and the series that these lead to.

use core::mem::{MaybeUninit, offset_of, size_of};

use dmmsg_common::{
    count::{Catalogue, IOCTLS, TYPE_OTHER, TYPES, TypeNames, VERBS, VerbNames, place},
    opening,
};

use crate::kernel::opaque::opaque;
use crate::kernel::{
    memory::global,
    series::{Adding, add_error},
    task,
    totals::{self, Total},
};

/// Set by the loader before the programs are loaded.
#[unsafe(no_mangle)]
static CATALOGUE: MaybeUninit<Catalogue> = MaybeUninit::zeroed();

/// The number of a type of target.
#[inline(always)]
pub fn type_number(name: &[u64; 2]) -> u32 {
    const PLACES: usize = size_of::<TypeNames>() / size_of::<[u64; 3]>();
    let factor = global(&CATALOGUE, offset_of!(Catalogue, type_factor));
    let at = place(name, factor, PLACES);
    let entry = offset_of!(Catalogue, types) + at * size_of::<[u64; 3]>();
    look(name, entry).unwrap_or(TYPE_OTHER)
}

/// The number of a canonical verb, if it is in the vocabulary.
#[inline(always)]
pub fn verb_number(verb: &[u64; opening::WORDS]) -> Option<u32> {
    const ENTRY: usize = size_of::<[u64; opening::WORDS + 1]>();
    const PLACES: usize = size_of::<VerbNames>() / ENTRY;
    let factor = global(&CATALOGUE, offset_of!(Catalogue, verb_factor));
    let at = place(verb, factor, PLACES);
    look(verb, offset_of!(Catalogue, verbs) + at * ENTRY)
}

/// The number of the entry at this offset, if it is that of `name`.
#[inline(always)]
fn look<const WORDS: usize>(name: &[u64; WORDS], entry: usize) -> Option<u32> {
    let mut index = 0;
    while index < WORDS {
        if global::<_, u64>(&CATALOGUE, entry + 8 * index) != name[index] {
            return None;
        }
        index += 1;
    }
    Some(global(&CATALOGUE, entry + 8 * WORDS))
}

/// The series of a message or a direct ioctl, by the numbers of type and verb.
#[inline(always)]
pub fn series(target_type: u32, verb: u32) -> u32 {
    let at = target_type as usize * VERBS + verb as usize;
    // A mask that the compiler cannot drop, for the verifier needs it.
    number_at(offset_of!(Catalogue, series), opaque(at) & (TYPES * VERBS - 1))
}

/// The series of an ioctl to the control node, by its number.
#[inline(always)]
pub fn series_of_control(command: u32) -> u32 {
    let at = opaque(command) as usize;
    let at = if at < IOCTLS { at } else { IOCTLS - 1 };
    number_at(offset_of!(Catalogue, ioctls), at)
}

#[inline(always)]
fn number_at(table: usize, at: usize) -> u32 {
    u32::from(global::<_, u16>(&CATALOGUE, table + 2 * at))
}

/// Whether calls are counted by device too.
#[inline(always)]
pub fn counts_by_device() -> bool {
    global::<_, u32>(&CATALOGUE, offset_of!(Catalogue, by_device)) != 0
}

/// Counts a call of a series that has returned: how long it took, and the error it gave, if it failed.
#[inline(always)]
pub fn count_return(series: u32, latency_ns: u64, ret: u64) -> Option<Adding> {
    let adding = Adding::to(of_this_cpu(series))?;
    adding.latency(latency_ns);
    let ret = ret as i32;
    if ret < 0 {
        add_error(series, ret.unsigned_abs());
    }
    Some(adding)
}

#[inline(always)]
fn of_this_cpu(number: u32) -> u32 {
    shard() * global::<_, u32>(&CATALOGUE, offset_of!(Catalogue, count)) + number
}

#[inline(always)]
fn shard() -> u32 {
    task::cpu() & global::<_, u32>(&CATALOGUE, offset_of!(Catalogue, shard_mask))
}

/// Counts that a call began, or that it will not be counted.
#[inline(always)]
pub fn count(what: Total) {
    totals::add(what, shard());
}
