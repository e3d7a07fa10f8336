//! Which messages have been in flight for long, by what stands in the kernel's table of them.

use std::{collections::HashSet, mem};

use dmmsg_common::record::{Call, MessageHead, Slot, flag};
use zerocopy::{FromBytes, IntoBytes};

use super::decode::decode;

/// What tells a message in flight from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Begun {
    /// The kernel's number for the sender.
    owner: u64,
    /// `CLOCK_BOOTTIME` when the message began, in ns.
    boot_ns: u64,
}

impl Begun {
    /// The message in a slot of the table, and its call; `None` where there is none, or it has just
    /// been begun and has no start yet.
    pub fn of(slot: &[u8]) -> Option<(Self, Call)> {
        let (Slot { owner, head }, _) = Slot::read_from_prefix(slot).ok()?;
        let boot_ns = head.call.boot_ns;
        (owner != 0 && boot_ns != 0).then_some((Self { owner, boot_ns }, head.call))
    }
}

/// Remembers which messages were told of, as long as they are in flight.
#[derive(Debug, Default)]
pub struct Watch {
    /// Those that were in the table when it was looked at before.
    told: HashSet<Begun>,
    /// Those of this look.
    now: HashSet<Begun>,
}

impl Watch {
    /// Starts another look at the whole table.
    pub fn begin(&mut self) {
        self.told = mem::take(&mut self.now);
    }

    /// The record of the message in a slot of the table, if it is older than `age_ns` and was not
    /// told of before; it is marked as in flight.
    ///
    /// `now_ns` is `CLOCK_BOOTTIME`. A slot whose message has just been begun has no start yet and
    /// gives nothing; of one that is being written, a part may be missing.
    pub fn look(&mut self, slot: &[u8], now_ns: u64, age_ns: u64) -> Option<Aligned> {
        let (Slot { head, .. }, _) = Slot::read_from_prefix(slot).ok()?;
        let (begun, _) = Begun::of(slot)?;
        let age = now_ns.checked_sub(begun.boot_ns).filter(|age| *age >= age_ns)?;
        if self.told.contains(&begun) || self.now.contains(&begun) {
            self.now.insert(begun);
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
        self.now.insert(begun);
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
        watch.begin();
        assert_eq!(watch.look(&slot(7, 1000), 3000, 1000), None, "told of in the look before");
        watch.begin();
        watch.begin();
        assert!(watch.look(&slot(7, 1000), 3000, 1000).is_some(), "forgotten when it was gone");
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
