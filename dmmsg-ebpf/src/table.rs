//! Finds the target that covers a message's sector in the device's live table.
//!
//! Source: `drivers/md/dm-table.c`, `dm_table_find_target`, and `drivers/md/dm-core.h`,
//! `struct dm_table`, 6.1 to 7.3: an array of targets, ordered by where they begin.

use dmmsg_common::{
    dm::TYPE_NAME_LEN,
    record::{MessageHead, flag},
};

use crate::kernel::memory::{Window, copy_bytes, copy_str, layout, read, words};

/// The start of a `struct dm_target`: table, type, begin and length, in any order.
type Target = Window<4>;

/// Halvings that leave one of 2^24 targets.
const HALVINGS: u32 = 24;

/// Writes index and type of the target that covers `head.sector`, if there is one.
///
/// `table` is what the device's pointer to its table held; zero stands for no table.
#[inline(always)]
pub fn find_target(head: &mut MessageHead, table: u64) {
    if table == 0 {
        head.flags |= flag::NO_TABLE;
        return;
    }
    let Some(targets) = read::<u64>(table + layout!(table_targets)) else { return };
    let mut target = Target::new();
    let mut index = 0;
    // Nearly every table has one target, which needs no count to be found.
    if !covers(&mut target, targets, index, head.sector) {
        index = search(table, targets, head.sector);
        if !covers(&mut target, targets, index, head.sector) {
            return;
        }
    }
    head.target_index = index;
    let Some(kind) = target.word(layout!(target_type)) else { return };
    let Some(name) = read::<u64>(kind + layout!(type_name)) else { return };
    // At once; only where the text ends at the end of a page, byte by byte.
    if !copy_bytes(&mut head.target_type, 0, TYPE_NAME_LEN as u32, name) {
        copy_str(&mut head.target_type, 0, TYPE_NAME_LEN as u32, name);
    }
}

/// Whether the target's type is `crypt`.
#[inline(always)]
pub fn is_crypt(head: &MessageHead) -> bool {
    const CRYPT: u64 = u64::from_le_bytes(*b"crypt\0\0\0");
    const WITH_NUL: u64 = (1 << (8 * "crypt\0".len())) - 1;
    words(&head.target_type)[0] & WITH_NUL == CRYPT
}

/// Looks at the target at `index`, and tells whether it covers `sector`.
#[inline(always)]
fn covers(target: &mut Target, targets: u64, index: u32, sector: u64) -> bool {
    if !target.look_at(targets + u64::from(index) * layout!(target_size)) {
        return false;
    }
    let begin = target.word(layout!(target_begin)).unwrap_or(u64::MAX);
    let len = target.word(layout!(target_len)).unwrap_or(0);
    // A sector before `begin` wraps around to one that no target is long enough for.
    sector.wrapping_sub(begin) < len
}

/// Index of the last target that begins at or before `sector`; 0 where there is none.
#[inline(always)]
fn search(table: u64, targets: u64, sector: u64) -> u32 {
    let (mut low, mut high) = (0, read::<u32>(table + layout!(table_num_targets)).unwrap_or(0));
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
