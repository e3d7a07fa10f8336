//! Finds the target that covers a message's sector in the device's live table.
//!
//! Source: `drivers/md/dm-table.c`, `dm_table_find_target`, and `drivers/md/dm-core.h`,
//! `struct dm_table`, 6.1 to 7.3: an array of targets, ordered by where they begin.

use dmmsg_common::{
    dm::TYPE_NAME_LEN,
    record::{MessageHead, NO_INDEX, flag},
};

use crate::kernel::memory::{Access, Loose, copy_str, layout, put_text, read, words};

/// Halvings that leave one of 2^24 targets.
const HALVINGS: u32 = 24;

/// Writes index and type of the target that covers `head.sector`, if there is one.
///
/// `table` is what the device's pointer to its table held; zero stands for no table.
#[inline(always)]
pub fn find_target<A: Access>(head: &mut MessageHead, table: u64) {
    if table == 0 {
        head.flags |= flag::NO_TABLE;
        return;
    }
    let table = A::structure(table);
    let Some(targets) = A::word(&table, layout!(table_targets)) else { return };
    // Nearly every table has one target, which needs no count to be found.
    let mut index = 0;
    let mut target = A::structure(targets);
    if !covers::<A>(&target, head.sector) {
        let count = A::word(&table, layout!(table_num_targets)).unwrap_or(0) as u32;
        index = search(targets, count, head.sector);
        target = A::structure(targets + u64::from(index) * layout!(target_size));
        if !covers::<A>(&target, head.sector) {
            return;
        }
    }
    head.target_index = index;
    copy_type::<A>(&mut head.target_type, &target);
}

/// Writes the type of the target at `index`, if the table has so many.
///
/// `table` is what the device's pointer to its table held, and not null.
#[inline(always)]
pub fn find_type<A: Access>(to: &mut [u8; TYPE_NAME_LEN], table: u64, index: u32) {
    let table = A::structure(table);
    let count = A::word(&table, layout!(table_num_targets)).unwrap_or(0) as u32;
    if index >= count {
        return;
    }
    let Some(targets) = A::word(&table, layout!(table_targets)) else { return };
    copy_type::<A>(to, &A::structure(targets + u64::from(index) * layout!(target_size)));
}

/// Writes the name of a target's type.
#[inline(always)]
fn copy_type<A: Access>(to: &mut [u8; TYPE_NAME_LEN], target: &Loose) {
    let Some(kind) = A::word(target, layout!(target_type)) else { return };
    let Some(name) = A::word(&A::structure(kind), layout!(type_name)) else { return };
    let text = A::structure(name);
    let start = A::word(&text, 0).unwrap_or(0);
    if put_text(to, 0, start).is_some() && start != 0 {
        return;
    }
    let rest = A::word(&text, 8).unwrap_or(0);
    put_text(to, 8, rest);
    // A name at the end of a page can only be read byte by byte.
    if start == 0 || rest == 0 {
        copy_str(to, 0, TYPE_NAME_LEN as u32, name);
    }
}

/// Whether the target's type is `crypt`, or could be: it is there, but its name cannot be read.
#[inline(always)]
pub fn is_crypt(head: &MessageHead) -> bool {
    const CRYPT: u64 = u64::from_le_bytes(*b"crypt\0\0\0");
    let [start, _] = words(&head.target_type);
    start == CRYPT || (start == 0 && head.target_index != NO_INDEX)
}

/// Whether a target covers `sector`.
#[inline(always)]
fn covers<A: Access>(target: &Loose, sector: u64) -> bool {
    let begin = A::word(target, layout!(target_begin)).unwrap_or(u64::MAX);
    let len = A::word(target, layout!(target_len)).unwrap_or(0);
    // A sector before `begin` wraps around to one that no target is long enough for.
    sector.wrapping_sub(begin) < len
}

/// Index of the last of `count` targets that begins at or before `sector`; 0 where there is none.
#[inline(always)]
fn search(targets: u64, count: u32, sector: u64) -> u32 {
    let (mut low, mut high) = (0, count);
    for _ in 0..HALVINGS {
        if high.wrapping_sub(low) <= 1 {
            break;
        }
        let middle = low + (high - low) / 2;
        let begin = targets + u64::from(middle) * layout!(target_size) + layout!(target_begin);
        if read::<u64>(begin).is_some_and(|begin| begin <= sector) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
