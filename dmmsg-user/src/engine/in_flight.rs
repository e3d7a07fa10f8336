//! Which messages have been in flight for long, by what stands in the kernel's table of them.

use std::collections::HashMap;

use dmmsg_common::record::{MessageHead, Slot, flag};
use zerocopy::{FromBytes, IntoBytes};

use super::decode::decode;

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
    /// `now_ns` is `CLOCK_BOOTTIME`. A slot whose message has just been begun has no start yet and
    /// gives nothing; of one that is being written, a part may be missing.
    pub fn look(&mut self, slot: &[u8], now_ns: u64, age_ns: u64) -> Option<Aligned> {
        let (Slot { owner, head }, _) = Slot::read_from_prefix(slot).ok()?;
        let began = head.call.boot_ns;
        let age = now_ns.checked_sub(began)?;
        let is_new = self.told.get(&owner) != Some(&began);
        if owner == 0 || began == 0 || age < age_ns || !is_new {
            return None;
        }
        let start = size_of::<u64>();
        let end = start.checked_add(usize::try_from(head.header.size).ok()?)?;
        let mut record = Aligned::of(slot.get(start..end)?);
        let mut marked = head;
        marked.flags |= flag::IN_FLIGHT;
        marked.call.latency_ns = age;
        marked.call.ret = 0;
        let place = record.bytes_mut().get_mut(..size_of::<MessageHead>())?;
        place.copy_from_slice(marked.as_bytes());
        // Of one that cannot be read yet, the next look may make more.
        decode(record.bytes()).ok()?;
        self.told.insert(owner, began);
        Some(record)
    }
}

/// A record that starts at a whole word, as those in the ring do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    words: Vec<u64>,
    bytes: usize,
}

impl Aligned {
    fn of(record: &[u8]) -> Self {
        let mut copy = Self { words: vec![0; record.len().div_ceil(8)], bytes: record.len() };
        copy.bytes_mut().copy_from_slice(record);
        copy
    }

    /// The record.
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.bytes).unwrap_or_default()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.words.as_mut_bytes().get_mut(..self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use dmmsg_common::record::{ABI, KIND_MESSAGE, RecordHeader};
    use zerocopy::FromZeros;

    use super::*;
    use crate::engine::event::Event;

    fn slot(owner: u64, boot_ns: u64) -> Vec<u8> {
        let mut head = MessageHead::new_zeroed();
        let size = u32::try_from(size_of::<MessageHead>()).expect("a head is short");
        head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size };
        head.call.boot_ns = boot_ns;
        let slot = Slot { owner, head };
        [slot.as_bytes(), &[0xa5; 100]].concat()
    }

    #[test]
    fn a_message_is_told_of_once() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(&slot(7, 1000), 1999, 1000), None, "too young");
        let record = watch.look(&slot(7, 1000), 2000, 1000).expect("old enough");
        let Event::Message(message) = Event::from_record(record.bytes()) else {
            panic!("{record:?}")
        };
        assert!(message.is_in_flight());
        assert_eq!(
            (message.head.call.latency_ns, record.bytes().len()),
            (1000, size_of::<MessageHead>())
        );
        assert_eq!(watch.look(&slot(7, 1000), 3000, 1000), None, "told of");
        assert!(watch.look(&slot(7, 1500), 3000, 1000).is_some(), "another message");
        assert!(watch.look(&slot(8, 1000), 3000, 1000).is_some(), "another sender");
    }

    #[test]
    fn slots_that_hold_no_message_give_nothing() {
        let mut watch = Watch::default();
        for (slot, what) in [
            (slot(0, 1000), "free"),
            (slot(7, 0), "not begun"),
            (slot(7, 9000), "begun since we looked at the clock"),
            (vec![1; 50], "cut"),
        ] {
            assert_eq!(watch.look(&slot, 5000, 0), None, "{what}");
        }
        let mut beyond = slot(7, 1000);
        beyond[12..16].copy_from_slice(&9999_u32.to_le_bytes());
        assert_eq!(watch.look(&beyond, 5000, 0), None, "longer than the slot");
    }
}
