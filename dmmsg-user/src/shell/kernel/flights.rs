//! The kernel's table of messages in flight, as it stands at a moment.

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result, bail};
use aya::maps::{Map, MapData};

use super::bpf;

/// The table.
pub struct Flights {
    map: MapData,
    keys: Keys,
    slot: Vec<u8>,
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
        Ok(Self { map, keys, slot: vec![0; bytes] })
    }

    /// Hands the bytes of every slot to `look`.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn each(&mut self, mut look: impl FnMut(&[u8])) -> Result<()> {
        let Self { map, keys, slot } = self;
        let map = map.fd().as_fd();
        match keys {
            Keys::Slots(slots) => {
                for index in 0..*slots {
                    bpf::lookup(map, &index, slot).context("read messages in flight")?;
                    look(slot);
                }
            }
            Keys::Tasks { most } => {
                let mut last = None::<u64>;
                // Bounded, since the walk starts again where the last key has gone.
                for _ in 0..*most {
                    let Some(task) = bpf::next_key(map, last.as_ref()) else { break };
                    // It may have returned meanwhile.
                    if bpf::lookup(map, &task, slot).is_ok() {
                        look(slot);
                    }
                    last = Some(task);
                }
            }
        }
        // A message that was just begun may have left the start of a secret.
        slot.fill(0);
        Ok(())
    }
}
