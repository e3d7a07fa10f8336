//! The kernel's table of messages in flight, as it stands at a moment.

use std::{io, os::fd::AsFd as _};

use anyhow::{Context as _, Result, bail};
use aya::maps::{Map, MapData};
use zerocopy::IntoBytes as _;

use super::bpf;

/// The table.
pub struct Flights {
    map: MapData,
    keys: Keys,
    /// Two looks at a slot, as words, since records are made of them.
    looks: [Vec<u64>; 2],
}

/// How messages are found.
#[derive(Clone, Copy)]
enum Keys {
    /// By the number of a slot, of so many; most are free.
    Slots(u32),
    /// By the kernel's number for the sending task, where that is all that the map has.
    Tasks { most: u32 },
}

impl Flights {
    /// Takes the map.
    ///
    /// # Errors
    /// It is of no kind that we know.
    pub fn new(map: Map) -> Result<Self> {
        let (map, has_slots) = match map {
            Map::Array(map) => (map, true),
            Map::HashMap(map) => (map, false),
            _ => bail!("the table of messages in flight is of an unknown kind"),
        };
        let info = map.info().context("look at the table of messages in flight")?;
        let bytes = usize::try_from(info.value_size()).context("size of a slot")?;
        let most = info.max_entries();
        let keys = if has_slots { Keys::Slots(most) } else { Keys::Tasks { most } };
        let looks = [(); 2].map(|()| vec![0; bytes.div_ceil(8)]);
        Ok(Self { map, keys, looks })
    }

    /// Hands the bytes of every slot to `look` that is somebody's and is not being written.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn each(&mut self, mut look: impl FnMut(&[u8])) -> Result<()> {
        match self.keys {
            Keys::Slots(slots) => {
                for index in 0..slots {
                    self.read(&index, &mut look).context("read messages in flight")?;
                }
            }
            Keys::Tasks { most } => {
                let mut last = None::<u64>;
                // Bounded, since the walk starts again where the last key has gone.
                for _ in 0..most {
                    let map = self.map.fd().as_fd();
                    let Some(task) = bpf::next_key(map, last.as_ref()) else { break };
                    // It may have returned meanwhile.
                    let _ = self.read(&task, &mut look);
                    last = Some(task);
                }
            }
        }
        // A message that was just begun may have left the start of a secret.
        self.looks.iter_mut().for_each(|look| look.fill(0));
        Ok(())
    }

    /// Reads a slot twice: what a program writes meanwhile is not the same both times.
    fn read<K>(&mut self, key: &K, look: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let Self { map, looks: [first, second], .. } = self;
        let map = map.fd().as_fd();
        bpf::lookup(map, key, first.as_mut_bytes())?;
        if first.first() == Some(&0) {
            return Ok(());
        }
        bpf::lookup(map, key, second.as_mut_bytes())?;
        if first == second {
            look(second.as_bytes());
        }
        Ok(())
    }
}
