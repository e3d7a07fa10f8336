//! The kernel's counts by device.

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Map, MapData},
};
use dmmsg_common::{count::KINDS_MAX, dm::DevT};
use zerocopy::IntoBytes as _;

use super::{bpf, shared::Shared, take_map};

/// The rows of the devices that have one, and the row of all others.
pub struct Devices {
    rows: MapData,
    /// Devices that have a row, at most.
    most: u32,
    others: Shared,
}

impl Devices {
    /// Takes the maps.
    ///
    /// # Errors
    /// The object has no such maps.
    pub fn new(ebpf: &mut Ebpf) -> Result<Self> {
        let Map::HashMap(rows) = take_map(ebpf, "DEVICES")? else {
            anyhow::bail!("the map of devices is no hash map")
        };
        let most = rows.info().context("look at the map of devices")?.max_entries();
        let others = Shared::new(take_map(ebpf, "OTHER_DEVICES")?)?;
        Ok(Self { rows, most, others })
    }

    /// Shows every row, calls by series; that of all other devices comes last.
    pub fn each(&self, mut look: impl FnMut(Option<DevT>, &[u64])) {
        let rows = self.rows.fd().as_fd();
        let mut row = [0; KINDS_MAX];
        let mut last = None::<u32>;
        // Devices are never removed, so that the walk meets each once.
        for _ in 0..self.most {
            let Some(dev) = bpf::next_key(rows, last.as_ref()) else { break };
            if bpf::lookup(rows, &dev, row.as_mut_bytes()).is_ok() {
                look(Some(DevT(dev)), &row);
            }
            last = Some(dev);
        }
        self.others.read(1, &mut row);
        look(Some(DevT(0)), &row);
        self.others.read(0, &mut row);
        look(None, &row);
    }
}
