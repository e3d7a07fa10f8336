//! The probes that only count, and what they have counted.

use std::{collections::BTreeMap, mem::offset_of};

use anyhow::{Context as _, Result};
use dmmsg_common::{
    count::{Begun, ERRNOS, Series as Counts, Totals},
    dm::{DevT, TARGET_MSG_NR},
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{
    Setup, bpf, devices::Devices, flights::Flights, hooks::Hooks, shared::Shared, take_map,
};
use crate::engine::{
    catalogue::Plan,
    groups::{CONTROL, Kind},
    histogram::Histogram,
    metrics::Series,
    plan::Programs,
};

/// The programs that count, built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/count.o");
static OBJECT_5_10: &[u8] =
    aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/count-5-10.o");

/// Where a place in flight counts those that took it.
const TAKEN: usize = offset_of!(Begun, taken) / size_of::<u64>();

/// CPUs that count for themselves at most; with more, every few of them share.
const SHARDS_MAX: usize = 8;

/// Attached probes that count; dropping them detaches all.
pub struct Counting {
    hooks: Hooks,
    plan: Plan,
    shards: usize,
    series: Shared,
    errors: Shared,
    totals: Shared,
    messages: Flights,
    directs: Flights,
    ioctls: Flights,
    devices: Option<Devices>,
}

impl Counting {
    /// Loads and attaches all programs; calls are counted on so many devices apart, if any.
    ///
    /// # Errors
    /// The kernel refuses a map, a program or an attachment.
    pub fn attach(setup: &Setup<'_>, per_device: u32) -> Result<Self> {
        let mut plan = Plan::new();
        let shards = shards();
        plan.catalogue.shard_mask = u32::try_from(shards)? - 1;
        plan.catalogue.by_device = u32::from(per_device > 0);
        let object = match setup.programs {
            Programs::Current => OBJECT,
            Programs::Linux5_10 => OBJECT_5_10,
        };
        let mut ebpf = setup
            .loader()
            .override_global("CATALOGUE", plan.catalogue.as_bytes(), true)
            .map_max_entries("SERIES", plan.catalogue.count * u32::try_from(shards)?)
            .map_max_entries("ERRORS", plan.catalogue.count)
            .map_max_entries("TOTALS", u32::try_from(shards)?)
            .map_max_entries("DEVICES", per_device.max(1))
            .load(object)
            .context("load the maps of the counting probes")?;
        bpf::trim_heap();
        let hooks = Hooks::attach(&mut ebpf, object, setup)?;
        let mut shared = |name| Shared::new(take_map(&mut ebpf, name)?);
        let (series, errors, totals) = (shared("SERIES")?, shared("ERRORS")?, shared("TOTALS")?);
        let messages = Flights::new(take_map(&mut ebpf, "MESSAGES")?)?;
        let mut flights = |name| Flights::new(take_map(&mut ebpf, name)?);
        let (directs, ioctls) = (flights("DIRECTS")?, flights("IOCTLS")?);
        let devices = (per_device > 0).then(|| Devices::new(&mut ebpf)).transpose()?;
        bpf::trim_heap();
        Ok(Self { hooks, plan, shards, series, errors, totals, messages, directs, ioctls, devices })
    }

    /// Every kind of call that was counted, with its latencies in ns and its errors, and the sizes of
    /// messages in bytes, by type of target.
    pub fn series(&self) -> (Vec<Series>, BTreeMap<Option<&'static str>, Histogram>) {
        let (mut series, mut sizes) = (Vec::new(), BTreeMap::<_, Histogram>::new());
        for (at, kind, sums) in self.counted(Shared::read) {
            if kind.interface == CONTROL {
                sizes.entry(kind.target_type).or_default().merge(&sums.sizes);
            }
            let (latency, errors) = (sums.latencies, self.errors_of(at));
            let failed: u64 = errors.iter().map(|(_, count)| count).sum();
            let succeeded = latency.count().saturating_sub(failed);
            series.push(Series { kind, latency, succeeded, errors });
        }
        (series, sizes)
    }

    /// Takes the latencies in ns that were counted since the last time, by kind of call.
    pub fn take_latencies(&mut self) -> Vec<(Kind, Histogram)> {
        self.counted(Shared::take).map(|(_, kind, sums)| (kind, sums.latencies)).collect()
    }

    /// Messages and direct ioctls by device, if they are counted so; `None` stands for the devices
    /// beyond the first so many.
    pub fn by_device(&self) -> Vec<(Option<DevT>, Kind, u64)> {
        let mut counts = Vec::new();
        if let Some(devices) = &self.devices {
            devices.each(|dev, row| {
                let row = self.plan.kinds.iter().zip(row).filter(|(_, count)| **count > 0);
                counts.extend(row.map(|(kind, count)| (dev, *kind, *count)));
            });
        }
        counts
    }

    /// The series in which something was counted, read in one of the ways to read memory.
    fn counted(
        &self,
        read: impl Fn(&Shared, usize, &mut [u64]),
    ) -> impl Iterator<Item = (usize, Kind, Sums)> {
        let series = self.plan.kinds.iter().enumerate().map(move |(at, kind)| {
            let mut sums = Sums::default();
            for shard in 0..self.shards {
                let mut words = [0; size_of::<Counts>() / size_of::<u64>()];
                read(&self.series, shard * self.plan.kinds.len() + at, &mut words);
                sums.add(&zerocopy::transmute!(words));
            }
            (at, *kind, sums)
        });
        series.filter(|(.., sums)| sums.latencies.count() > 0)
    }

    fn errors_of(&self, at: usize) -> Vec<(i32, u64)> {
        let mut counts = [0; ERRNOS];
        self.errors.read(at, &mut counts);
        (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// What happened to calls, on all CPUs together.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for shard in 0..self.shards {
            let mut words = [0; 4];
            self.totals.read(shard, &mut words);
            sum.add(&zerocopy::transmute!(words));
        }
        sum.messages += self.messages.sum_of_words(TAKEN);
        sum
    }

    /// Shows every message that has begun and not returned.
    pub fn in_flight(&mut self, mut look: impl FnMut(Begun)) {
        self.messages.each(|slot| {
            let begun = Begun::read_from_prefix(slot).map(|(begun, _)| begun);
            // One that was just begun has no start yet.
            begun.into_iter().filter(|begun| begun.boot_ns != 0).for_each(&mut look);
        });
    }

    /// Gives back the places of calls whose senders are gone and whose return was missed.
    ///
    /// Returns how many of them will be in no series. An ioctl that a message came of counts as the
    /// message alone.
    pub fn free_those_gone(&mut self, is_gone: impl Fn(Begun) -> bool) -> u64 {
        let Self { messages, directs, ioctls, .. } = self;
        let any = |_: &[u8]| true;
        let no_message = |rest: &[u8]| rest.get(..4) != Some(&TARGET_MSG_NR.to_ne_bytes());
        free(messages, &is_gone, any)
            + free(directs, &is_gone, any)
            + free(ioctls, &is_gone, no_message)
    }

    /// Takes all programs off their hooks.
    ///
    /// # Errors
    /// The kernel does not tell what they missed.
    pub fn detach(&mut self) -> Result<()> {
        self.hooks.detach()
    }

    /// The programs on their hooks.
    pub const fn hooks(&self) -> &Hooks {
        &self.hooks
    }
}

/// Gives back the places of senders that are gone; returns of how many of them, by what stands behind
/// their start, the loss counts.
fn free(
    flights: &mut Flights,
    is_gone: impl Fn(Begun) -> bool,
    counts: impl Fn(&[u8]) -> bool,
) -> u64 {
    let mut gone = Vec::new();
    flights.each(|slot| {
        let Ok((begun, rest)) = Begun::read_from_prefix(slot) else { return };
        if begun.boot_ns != 0 && is_gone(begun) {
            gone.push((begun.owner, counts(rest)));
        }
    });
    let freed = gone.into_iter().filter(|(owner, _)| flights.free(*owner));
    freed.map(|(_, counts)| u64::from(counts)).sum()
}

/// A series on all CPUs together.
#[derive(Default)]
struct Sums {
    latencies: Histogram,
    sizes: Histogram,
}

impl Sums {
    fn add(&mut self, counts: &Counts) {
        let Counts { latency_sum_ns, latency_max_ns, size_sum, latencies, sizes } = counts;
        let sum = u128::from(*latency_sum_ns);
        self.latencies.merge(&Histogram::from_counts(latencies, sum, *latency_max_ns));
        self.sizes.merge(&Histogram::of_sizes(sizes, u128::from(*size_sum)));
    }
}

/// How many times every series is there: a power of two.
fn shards() -> usize {
    let cpus = aya::util::nr_cpus().unwrap_or(SHARDS_MAX);
    cpus.next_power_of_two().min(SHARDS_MAX)
}
