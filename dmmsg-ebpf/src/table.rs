//! Finds the target that covers a message's sector in the device's live table.
//!
//! Source: `drivers/md/dm-table.c`, `dm_table_find_target`, and `drivers/md/dm-core.h`,
//! `struct dm_table`, 6.1 to 7.3: an array of targets, ordered by where they begin.

use dmmsg_common::record::{MessageHead, flag};

use crate::kernel::memory::{copy_str, layout, read};

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
    let count = read::<u32>(table + layout!(table_num_targets)).unwrap_or(0);
    let Some(targets) = read::<u64>(table + layout!(table_targets)) else { return };
    let Some(index) = last_beginning_by(targets, count, head.sector) else { return };
    let target = targets + u64::from(index) * layout!(target_size);
    let begin = read::<u64>(target + layout!(target_begin)).unwrap_or(u64::MAX);
    let len = read::<u64>(target + layout!(target_len)).unwrap_or(0);
    if head.sector < begin || head.sector - begin >= len {
        return;
    }
    head.target_index = index;
    let Some(kind) = read::<u64>(target + layout!(target_type)) else { return };
    let Some(name) = read::<u64>(kind + layout!(type_name)) else { return };
    copy_str(&mut head.target_type, 0, 16, name);
}

/// Index of the last target that begins at or before `sector`.
#[inline(always)]
fn last_beginning_by(targets: u64, count: u32, sector: u64) -> Option<u32> {
    let (mut low, mut high) = (0, count);
    for _ in 0..HALVINGS {
        if high.wrapping_sub(low) <= 1 {
            break;
        }
        let middle = low + (high - low) / 2;
        let begin = targets + u64::from(middle) * layout!(target_size) + layout!(target_begin);
        if read::<u64>(begin)? <= sector {
            low = middle;
        } else {
            high = middle;
        }
    }
    (count != 0).then_some(low)
}
