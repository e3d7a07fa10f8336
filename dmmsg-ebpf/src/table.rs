//! Finds the target that covers a message's sector in the device's live table.
//!
//! Source: `drivers/md/dm-table.c`, `dm_table_find_target`, and `drivers/md/dm-core.h`,
//! `struct dm_table`, 6.1 to 7.3: an array of targets, ordered by where they begin.

use dmmsg_common::{
    dm::{DevT, TYPE_NAME_LEN},
    nul::cut,
    record::{MessageHead, NO_INDEX, flag},
};

use crate::kernel::memory::{Access, Loose, layout, put_words, read, read_name, words};

/// Devices, one upon the other, that may pass an ioctl on; a power of two.
pub const LAYERS: usize = 8;

/// Halvings that leave one of 2^24 targets.
const HALVINGS: u32 = 24;

/// The number of the device of a `struct mapped_device`.
#[inline(always)]
pub fn dev<A: Access>(md: u64) -> u32 {
    let disk = A::field(md, layout!(md_disk)).unwrap_or(0);
    let major = A::field(disk, layout!(disk_major)).unwrap_or(0);
    let minor = A::field(disk, layout!(disk_first_minor)).unwrap_or(0);
    DevT::new(major, minor).0
}

/// A target of a table.
pub struct Target {
    /// Its place among the targets.
    pub index: u32,
    structure: Loose,
}

/// Writes index and type of the target that covers `head.sector`, if there is one.
///
/// `table` is what the device's pointer to its table held; zero stands for no table.
#[inline(always)]
pub fn find_target<A: Access>(head: &mut MessageHead, table: u64) {
    if table == 0 {
        head.flags |= flag::NO_TABLE;
        return;
    }
    let Some(target) = Target::at_sector::<A>(table, head.sector) else { return };
    head.target_index = target.index;
    put_words(&mut head.target_type, &target.type_name::<A>());
}

/// Writes the type of the target at `index`, if the table has so many.
///
/// `table` is what the device's pointer to its table held, and not null.
#[inline(always)]
pub fn find_type<A: Access>(to: &mut [u8; TYPE_NAME_LEN], table: u64, index: u32) {
    if let Some(target) = Target::at_index::<A>(table, index) {
        put_words(to, &target.type_name::<A>());
    }
}

impl Target {
    /// The target that covers a sector; `table` is not null.
    #[inline(always)]
    pub fn at_sector<A: Access>(table: u64, sector: u64) -> Option<Self> {
        let table = A::structure(table);
        let targets = A::word(&table, layout!(table_targets))?;
        // Nearly every table has one target, which needs no count to be found.
        let first = A::structure(targets);
        if covers::<A>(&first, sector) {
            return Some(Self { index: 0, structure: first });
        }
        let count = A::word(&table, layout!(table_num_targets)).unwrap_or(0) as u32;
        let index = search(targets, count, sector);
        let structure = A::structure(targets + u64::from(index) * layout!(target_size));
        covers::<A>(&structure, sector).then_some(Self { index, structure })
    }

    /// The target at a place, if the table, which is not null, has so many.
    #[inline(always)]
    pub fn at_index<A: Access>(table: u64, index: u32) -> Option<Self> {
        let table = A::structure(table);
        let count = A::word(&table, layout!(table_num_targets)).unwrap_or(0) as u32;
        if index >= count {
            return None;
        }
        let targets = A::word(&table, layout!(table_targets))?;
        let structure = A::structure(targets + u64::from(index) * layout!(target_size));
        Some(Self { index, structure })
    }

    /// The name of the target's type, zero-padded; all zero where it cannot be read.
    #[inline(always)]
    pub fn type_name<A: Access>(&self) -> [u64; 2] {
        let Some(kind) = A::word(&self.structure, layout!(target_type)) else { return [0; 2] };
        let Some(name) = A::word(&A::structure(kind), layout!(type_name)) else { return [0; 2] };
        let text = A::structure(name);
        let start = A::word(&text, 0).unwrap_or(0);
        let first = cut(start);
        if first.ends_at.is_some() && start != 0 {
            return [first.word, 0];
        }
        let rest = A::word(&text, 8).unwrap_or(0);
        // A name at the end of a page can only be read byte by byte.
        if start == 0 || rest == 0 {
            return read_name(name);
        }
        [start, cut(rest).word]
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
