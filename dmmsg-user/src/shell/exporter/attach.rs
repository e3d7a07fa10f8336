//! The door to the kernel: what counts, and how its counts are read.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    fs,
};

use anyhow::Result;
use dmmsg_common::dm::DevT;
use rustix::thread::CapabilitySet;

use super::cli::Options;
use crate::{
    engine::{
        filter::Filter,
        groups::Kind,
        metrics::{ProbeState, Series, Snapshot},
        plan::{Point, Rung},
    },
    shell::{
        attach::{climb, counting, wait_for_device_mapper},
        facts,
        kernel::Counting,
        lookup::is_gone,
        run::boot_ns,
        stop::Stop,
    },
};

/// Probes that count, for as long as this lives.
pub struct Counts {
    /// Reads what they have counted until now.
    ///
    /// It is called on the runtime's one thread for every scrape, so it must not wait for anything.
    pub snapshot: Box<dyn Fn() -> Result<Snapshot>>,
    /// The loading of dm_mod whose end takes the probes away, where they sit on kprobes.
    pub module: Option<u64>,
    /// Capabilities without which this kernel would not let us read on.
    pub keeps: CapabilitySet,
}

/// Waits for dm_mod if it must, and attaches; `None` where the run was ended before.
///
/// # Errors
/// The probes cannot be attached.
pub async fn attach(options: &Options, stop: &mut Stop) -> Result<Option<Counts>> {
    let Some((host, wanted)) = wait_for_device_mapper(options.probe, stop).await? else {
        return Ok(None);
    };
    let takes_privilege = host.facts.reading_takes_privilege();
    let keeps = if takes_privilege { CapabilitySet::BPF } else { CapabilitySet::empty() };
    // Before attaching, so that a module that goes meanwhile is missed.
    let module = facts::dm_mod_instance();
    let per_device = u32::from(options.per_device);
    let all = Filter { ioctls: true, ..Filter::default() };
    let attach = |attachment, host: &_| counting(&all, per_device, attachment, host);
    let (probes, rung) = climb(options.probe, wanted, host, attach)?;
    let reader = RefCell::new(Reader { probes, rung, gone: 0, succeeded: HashMap::new() });
    Ok(Some(Counts {
        snapshot: Box::new(move || reader.borrow_mut().snapshot()),
        module: module.filter(|_| rung == Rung::Kprobe),
        keeps,
    }))
}

/// Reads what was counted.
struct Reader {
    probes: Counting,
    rung: Rung,
    /// Calls whose senders are gone and whose return no probe has seen.
    gone: u64,
    /// Calls that succeeded, as far as was told.
    succeeded: HashMap<Kind, u64>,
}

impl Reader {
    fn snapshot(&mut self) -> Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        self.look_at_flights(&mut snapshot);
        let (series, sizes) = self.probes.series();
        snapshot.series = series;
        snapshot.sizes = sizes.into_iter().collect();
        self.hold_successes(&mut snapshot.series);
        let Self { probes, rung, gone, .. } = self;
        let secrets = snapshot.series.iter().filter(|series| series.kind.carries_secret());
        snapshot.secrets = secrets.map(|series| series.latency.count()).sum();
        snapshot.by_device = probes.by_device();
        let devices: BTreeSet<_> = snapshot.by_device.iter().filter_map(|(dev, ..)| *dev).collect();
        snapshot.devices = devices.into_iter().filter_map(|dev| Some((dev, name(dev)?))).collect();
        // Of ioctls whose return was skipped, `table` and `return` hold what is left of them.
        let missed = probes.hooks().missed_so_far()?;
        let table = probes.totals().lost;
        snapshot.lost = vec![("table", table), ("entry", missed.begun), ("return", *gone)];
        snapshot.probes = states(probes, *rung)?;
        Ok(snapshot)
    }

    /// Counts what is in flight, when what cannot be was taken from there.
    fn look_at_flights(&mut self, snapshot: &mut Snapshot) {
        self.gone += self.probes.free_those_gone(|begun| is_gone(begun.pid(), begun.tid()));
        let now = boot_ns();
        self.probes.in_flight(|begun| {
            let age_ns = now.saturating_sub(begun.boot_ns);
            snapshot.in_flight += 1;
            snapshot.oldest_in_flight_ns = snapshot.oldest_in_flight_ns.max(age_ns);
        });
    }

    /// Lets no number of calls fall that succeeded.
    fn hold_successes(&mut self, series: &mut [Series]) {
        for Series { kind, succeeded, .. } in series {
            let held = self.succeeded.entry(*kind).or_default();
            *held = (*held).max(*succeeded);
            *succeeded = *held;
        }
    }
}

/// The name that a device has now.
///
/// Source: `Documentation/ABI/testing/sysfs-block-dm`.
fn name(dev: DevT) -> Option<Vec<u8>> {
    let path = format!("/sys/dev/block/{}:{}/dm/name", dev.major(), dev.minor());
    let mut name = fs::read(path).ok()?;
    name.pop_if(|last| *last == b'\n');
    Some(name)
}

/// Every point, and how the probe there does.
fn states(probes: &Counting, rung: Rung) -> Result<Vec<ProbeState>> {
    let totals = probes.totals();
    let state = |point: Point| {
        let account = probes.hooks().runs(point)?;
        Ok(ProbeState {
            name: point.function(),
            rung: account.map_or("none", |_| rung.name()),
            attached: account.is_some(),
            hits: match point {
                Point::TargetMessage => Some(totals.messages),
                Point::FindDevice => None,
                Point::DeviceIoctl => Some(totals.directs),
                Point::ControlIoctl => Some(totals.controls),
            },
            run_ns: account.filter(|of| of.count > 0).map(|of| of.time_ns),
        })
    };
    Point::ALL.into_iter().map(state).collect()
}
