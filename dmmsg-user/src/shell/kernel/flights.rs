//! The kernel's table of messages in flight, as it stands at a moment.

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use aya::maps::{Map, MapData};
use zerocopy::IntoBytes as _;

use super::{bpf, shared::Shared};

/// The table.
pub struct Flights {
    table: Table,
    /// Two looks at a place, as words, since records are made of them.
    looks: [Vec<u64>; 2],
}

enum Table {
    /// Slots in memory, most of them free.
    Slots(Shared),
    /// By the kernel's number for the sending task, on kernels that never preempt themselves.
    Tasks { map: MapData, most: u32 },
}

impl Flights {
    /// Takes the map.
    ///
    /// # Errors
    /// It is of no kind that we know.
    pub fn new(map: Map) -> Result<Self> {
        let (table, words) = if let Map::HashMap(map) = map {
            let info = map.info().context("look at the table of messages in flight")?;
            let words = usize::try_from(info.value_size())?.div_ceil(8);
            (Table::Tasks { map, most: info.max_entries() }, words)
        } else {
            let slots = Shared::new(map).context("see the table of messages in flight")?;
            let words = slots.words();
            (Table::Slots(slots), words)
        };
        Ok(Self { table, looks: [(); 2].map(|()| vec![0; words]) })
    }

    /// The sum of a word of all places; 0 where places do not stay.
    pub fn sum_of_words(&self, word: usize) -> u64 {
        match &self.table {
            Table::Slots(slots) => (0..slots.len()).map(|index| slots.word(index, word)).sum(),
            Table::Tasks { .. } => 0,
        }
    }

    /// Gives back the place of a sender that is gone, whose return no program has seen.
    ///
    /// Returns whether it was still there.
    pub fn free(&mut self, owner: u64) -> bool {
        match &self.table {
            Table::Slots(slots) => (0..slots.len()).any(|index| slots.free(index, owner)),
            Table::Tasks { map, .. } => bpf::delete(map.fd().as_fd(), &owner).is_ok(),
        }
    }

    /// Hands the bytes of every place to `look` that is somebody's and is not being written.
    pub fn each(&mut self, mut look: impl FnMut(&[u8])) {
        let Self { table, looks } = self;
        match table {
            Table::Slots(slots) => {
                for index in 0..slots.len() {
                    if slots.word(index, 0) != 0 {
                        twice(looks, &mut look, |words| {
                            slots.read(index, words);
                            Some(())
                        });
                    }
                }
            }
            Table::Tasks { map, most } => {
                let map = map.fd().as_fd();
                let mut last = None::<u64>;
                // Bounded, since the walk starts again where the last key has gone.
                for _ in 0..*most {
                    let Some(task) = bpf::next_key(map, last.as_ref()) else { break };
                    // It may have returned meanwhile.
                    twice(looks, &mut look, |words| {
                        bpf::lookup(map, &task, words.as_mut_bytes()).ok()
                    });
                    last = Some(task);
                }
            }
        }
        // A message that was just begun may have left the start of a secret.
        for look in looks {
            look.fill(0);
        }
    }
}

/// Reads a place twice: what a program writes meanwhile is not the same both times.
fn twice(
    [first, second]: &mut [Vec<u64>; 2],
    look: &mut impl FnMut(&[u8]),
    mut read: impl FnMut(&mut [u64]) -> Option<()>,
) {
    if read(first).and_then(|()| read(second)).is_some() && first == second {
        look(second.as_bytes());
    }
}
