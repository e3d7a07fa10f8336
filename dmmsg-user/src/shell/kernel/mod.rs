//! The probes in the kernel: loads, attaches and reads them.
//!
//! The only user of aya, and the only unsafe code of this crate.

mod bpf;
pub mod control;
mod counting;
mod devices;
mod flights;
mod handlers;
mod hooks;
mod object;
pub mod ring;
mod shared;
pub mod uevent;

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Map, MapData, PerCpuArray, RingBuf},
};
use dmmsg_common::{filter::KernelFilter, layout::KernelLayout, stats::Counters, wake::Reader};
use zerocopy::IntoBytes as _;

pub use self::counting::Counting;
use self::{flights::Flights, handlers::Handlers, hooks::Hooks, shared::Shared};
use crate::engine::{
    plan::{Point, Programs, Rung},
    tally::Missed,
};

/// The programs of `dmmsg-trace`, built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/trace.o");
static OBJECT_5_10: &[u8] =
    aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/trace-5-10.o");

/// The compiled object of a set of programs.
const fn object(programs: Programs) -> &'static [u8] {
    match programs {
        Programs::Current => OBJECT,
        Programs::Linux5_10 => OBJECT_5_10,
    }
}

/// What the probes need to know before they are loaded.
pub struct Setup<'a> {
    /// What to load.
    pub programs: Programs,
    /// How to attach.
    pub rung: Rung,
    /// Where to attach.
    pub points: &'a [Point],
    /// Whether device-mapper is a module; else its functions are vmlinux's own.
    pub is_module: bool,
    /// BTF id of each function, in the order of [`Point::ALL`]; only used on the fentry rung.
    pub function_ids: [Option<u32>; Point::ALL.len()],
    /// BTF id of `bpf_rdonly_cast`, where the kernel has it.
    pub rdonly_cast: Option<u32>,
    /// Offsets of the running kernel.
    pub layout: &'a KernelLayout,
    /// The part of the user's filter that the kernel applies.
    pub filter: &'a KernelFilter,
}

/// What recording takes besides.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// Whether the message methods of targets are probed too.
    pub handlers: bool,
    /// Bytes of the ring, rounded up by the caller to a power of two of pages.
    pub ring_bytes: u32,
}

impl Setup<'_> {
    /// A loader that hands over what all our objects want to know.
    fn loader(&self) -> EbpfLoader<'_> {
        let mut loader = EbpfLoader::new();
        loader
            .btf(None)
            .verifier_log_level(VerifierLogLevel::STATS)
            .override_global("LAYOUT", self.layout.as_bytes(), true)
            .override_global("FILTER", self.filter.as_bytes(), true);
        loader
    }
}

/// Attached probes; dropping them detaches all.
pub struct Probes {
    hooks: Hooks,
    counters: PerCpuArray<MapData, [u64; 5]>,
    reader: Shared,
    handlers: Option<Handlers>,
    flights: Flights,
}

impl Probes {
    /// Loads and attaches all programs; returns them and the ring they write to.
    ///
    /// # Errors
    /// The kernel refuses a map, a program or an attachment.
    pub fn attach(setup: &Setup<'_>, how: Recording) -> Result<(Self, RingBuf<MapData>)> {
        let object = object(setup.programs);
        let mut ebpf = setup
            .loader()
            .map_max_entries("RECORDS", how.ring_bytes)
            .load(object)
            .context("load the maps of dmmsg-trace; a smaller --ring needs less memory")?;
        bpf::trim_heap();
        let hooks = Hooks::attach(&mut ebpf, object, setup)?;
        let counters = PerCpuArray::try_from(take_map(&mut ebpf, "COUNTERS")?)?;
        let reader = Shared::new(take_map(&mut ebpf, "READER")?)?;
        let ring = RingBuf::try_from(take_map(&mut ebpf, "RECORDS")?)?;
        let flights = Flights::new(take_map(&mut ebpf, "MESSAGES")?)?;
        let handlers = how.handlers.then(|| Handlers::load(ebpf, setup.is_module)).transpose()?;
        let probes = Self { hooks, counters, reader, handlers, flights };
        bpf::trim_heap();
        Ok((probes, ring))
    }

    /// Whether the message methods of targets are probed.
    pub const fn has_handlers(&self) -> bool {
        self.handlers.is_some()
    }

    /// Puts probes on the message methods of targets that have come since, where they are wanted.
    ///
    /// Returns the modules whose method cannot be probed, each once.
    pub fn follow_handlers(&mut self) -> Vec<(&'static str, anyhow::Error)> {
        self.handlers.as_mut().map(Handlers::follow).unwrap_or_default()
    }

    /// Takes all programs off their hooks, the first hook of a message first.
    ///
    /// # Errors
    /// The kernel does not tell what they missed.
    pub fn detach(&mut self) -> Result<()> {
        self.hooks.detach()?;
        if let Some(handlers) = &mut self.handlers {
            handlers.detach();
        }
        Ok(())
    }

    /// What the programs did not see; nothing before they are detached.
    pub const fn missed(&self) -> Missed {
        self.hooks.missed()
    }

    /// The counters of all CPUs together.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counters(&self) -> Result<Counters> {
        let mut sum = Counters::default();
        for cpu in self.counters.get(&0, 0).context("read the probes' counters")?.iter() {
            sum.add(&zerocopy::transmute!(*cpu));
        }
        Ok(sum)
    }

    /// Hands the bytes of every slot in the table of messages in flight to `look`.
    pub fn in_flight(&mut self, look: impl FnMut(&[u8])) {
        self.flights.each(look);
    }

    /// Tells the probes what the ring's reader does next.
    pub fn set_reader(&mut self, state: Reader) {
        self.reader.set(state as u32);
    }
}

fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).ok_or_else(|| anyhow!("the object has no map {name}"))
}
