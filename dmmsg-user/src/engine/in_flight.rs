//! Which messages have been in flight for long, by what stands in the kernel's table of them.

use std::collections::HashMap;

use dmmsg_common::record::{MessageHead, Slot, flag};
use zerocopy::{FromBytes, IntoBytes};

/// Remembers which messages were told of.
#[derive(Debug, Default)]
pub struct Watch {
    /// By the kernel's number for the sender: when the message began.
    told: HashMap<u64, u64>,
}

impl Watch {
    /// The record of the message in a slot of the table, if it is older than `age_ns` and was not
    /// told of before; it is marked as in flight.
    ///
    /// `now_ns` is `CLOCK_BOOTTIME`. A slot that is being written gives nothing, or a record of
    /// which a part is missing.
    pub fn look(&mut self, slot: &[u8], now_ns: u64, age_ns: u64) -> Option<Vec<u8>> {
        let (Slot { owner, head }, _) = Slot::read_from_prefix(slot).ok()?;
        let began = head.call.boot_ns;
        let age = now_ns.checked_sub(began)?;
        let is_new = self.told.get(&owner) != Some(&began);
        if owner == 0 || age < age_ns || !is_new {
            return None;
        }
        self.told.insert(owner, began);
        let start = size_of::<u64>();
        let end = start.checked_add(usize::try_from(head.header.size).ok()?)?;
        let mut marked = head;
        marked.flags |= flag::IN_FLIGHT;
        marked.call.latency_ns = age;
        marked.call.ret = 0;
        let mut record = slot.get(start..end)?.to_vec();
        record.get_mut(..size_of::<MessageHead>())?.copy_from_slice(marked.as_bytes());
        Some(record)
    }
}
