//! The probes in the kernel: loads, attaches and reads them.
//!
//! The only user of aya, and the only unsafe code of this crate.

mod bpf;
pub mod control;
mod object;
pub mod ring;

use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Array, Map, MapData, PerCpuArray, RingBuf},
    programs::{KProbe, kprobe::KProbeLink},
};
use aya_obj::generated::bpf_attach_type::{BPF_TRACE_FENTRY, BPF_TRACE_FEXIT};
use dmmsg_common::{filter::KernelFilter, layout::KernelLayout, stats::Counters, wake::Reader};
use zerocopy::IntoBytes as _;

use self::object::Object;
use crate::engine::plan::{Point, Rung};

/// The programs of `dmmsg-trace`, built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/trace.o");

/// What the probes need to know before they are loaded.
pub struct Setup<'a> {
    /// How to attach.
    pub rung: Rung,
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
    /// Bytes of the ring, rounded up by the caller to a power of two of pages.
    pub ring_bytes: u32,
}

/// A hook and its program on either rung.
struct Hook {
    point: Point,
    at_return: bool,
    fentry: &'static str,
    kprobe: &'static str,
}

/// All hooks, in the order in which they are attached.
///
/// A message's first hook comes last, so that none is begun whose end would be missed.
const HOOKS: [Hook; 3] = [
    Hook {
        point: Point::TargetMessage,
        at_return: true,
        fentry: "target_message_fexit",
        kprobe: "target_message_kretprobe",
    },
    Hook {
        point: Point::FindDevice,
        at_return: true,
        fentry: "find_device_fexit",
        kprobe: "find_device_kretprobe",
    },
    Hook {
        point: Point::TargetMessage,
        at_return: false,
        fentry: "target_message_fentry",
        kprobe: "target_message_kprobe",
    },
];

/// A program on its hook, until it is dropped.
struct Attached {
    hook: &'static Hook,
    program: OwnedFd,
    link: Link,
}

/// Keeps a program attached as long as it is open.
enum Link {
    Tracing(#[expect(dead_code, reason = "held open")] OwnedFd),
    KProbe(#[expect(dead_code, reason = "held open")] KProbeLink),
}

/// Attached probes; dropping them detaches all.
pub struct Probes {
    attached: Vec<Attached>,
    counters: PerCpuArray<MapData, [u64; 4]>,
    missed: Missed,
    reader: Array<MapData, u32>,
}

/// Messages that a program did not see, since a run of it was not over on that CPU.
#[derive(Clone, Copy, Default)]
struct Missed {
    begun: u64,
    ended: u64,
}

impl Probes {
    /// Loads and attaches all programs; returns them and the ring they write to.
    ///
    /// # Errors
    /// The kernel refuses a map, a program or an attachment.
    pub fn attach(setup: &Setup<'_>) -> Result<(Self, RingBuf<MapData>)> {
        let mut ebpf = EbpfLoader::new()
            .btf(None)
            .verifier_log_level(VerifierLogLevel::DISABLE)
            .allow_unsupported_maps()
            .override_global("LAYOUT", setup.layout.as_bytes(), true)
            .override_global("FILTER", setup.filter.as_bytes(), true)
            .map_max_entries("RECORDS", setup.ring_bytes)
            .load(OBJECT)
            .context("load the maps of dmmsg-trace; a smaller --ring needs less memory")?;
        bpf::trim_heap();
        let attached = match setup.rung {
            Rung::Fentry => attach_fentry(&ebpf, setup)?,
            Rung::Kprobe => attach_kprobes(&mut ebpf, setup)?,
        };
        let probes = Self {
            attached,
            counters: PerCpuArray::try_from(take_map(&mut ebpf, "COUNTERS")?)?,
            missed: Missed::default(),
            reader: Array::try_from(take_map(&mut ebpf, "READER")?)?,
        };
        let ring = RingBuf::try_from(take_map(&mut ebpf, "RECORDS")?)?;
        bpf::trim_heap();
        Ok((probes, ring))
    }

    /// Takes all programs off their hooks, the first hook of a message first.
    ///
    /// # Errors
    /// The kernel does not tell what they missed.
    pub fn detach(&mut self) -> Result<()> {
        while let Some(Attached { hook, program, link }) = self.attached.pop() {
            drop(link);
            let missed = bpf::recursion_misses(&program).context("read a program's statistics")?;
            match (hook.point, hook.at_return) {
                (Point::TargetMessage, false) => self.missed.begun = missed,
                (Point::TargetMessage, true) => self.missed.ended = missed,
                // Without the others, the message is there but tells less.
                _ => {}
            }
        }
        Ok(())
    }

    /// The counters of all CPUs together, and what the programs missed once they are detached.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counters(&self) -> Result<Counters> {
        let mut sum = Counters::default();
        for cpu in self.counters.get(&0, 0).context("read the probes' counters")?.iter() {
            sum.add(&zerocopy::transmute!(*cpu));
        }
        let Missed { begun, ended } = self.missed;
        sum.hits += begun;
        sum.lost += begun;
        // A missed end leaves its message in flight, unless nobody wanted it.
        sum.lost += ended.min(sum.in_flight());
        Ok(sum)
    }

    /// Tells the probes what the ring's reader does next.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn set_reader(&mut self, state: Reader) -> Result<()> {
        self.reader.set(0, state as u32, 0).context("write the reader's state")
    }
}

fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).ok_or_else(|| anyhow!("the object has no map {name}"))
}

fn attach_fentry(ebpf: &Ebpf, setup: &Setup<'_>) -> Result<Vec<Attached>> {
    let object = Object::prepare(OBJECT, ebpf, setup.rdonly_cast)?;
    let module_btf = if setup.is_module {
        Some(bpf::module_btf(c"dm_mod").context("open the BTF of dm_mod (needs CAP_SYS_ADMIN)")?)
    } else {
        None
    };
    let mut programs = Vec::new();
    for hook in &HOOKS {
        let function_id = function_id(setup, hook.point)?;
        let attach_type = if hook.at_return { BPF_TRACE_FEXIT } else { BPF_TRACE_FENTRY };
        programs.push(object.load(hook.fentry, attach_type, module_btf.as_ref(), function_id)?);
    }
    // All are loaded before the first is attached, since loading takes a while.
    let attach = |(hook, program): (&'static Hook, OwnedFd)| {
        let function = hook.point.function();
        let link = bpf::attach(program.as_fd()).with_context(|| format!("attach to {function}"))?;
        Ok(Attached { hook, program, link: Link::Tracing(link) })
    };
    HOOKS.iter().zip(programs).map(attach).collect()
}

fn function_id(setup: &Setup<'_>, point: Point) -> Result<u32> {
    let ids = Point::ALL.iter().zip(setup.function_ids);
    ids.filter(|(of, _)| **of == point)
        .find_map(|(_, id)| id)
        .with_context(|| format!("no BTF of the function {}", point.function()))
}

fn attach_kprobes(ebpf: &mut Ebpf, setup: &Setup<'_>) -> Result<Vec<Attached>> {
    let mut attach = |hook: &'static Hook| {
        let program: &mut KProbe = ebpf
            .program_mut(hook.kprobe)
            .with_context(|| format!("the object has no program {}", hook.kprobe))?
            .try_into()?;
        program.load().with_context(|| format!("load program {}", hook.kprobe))?;
        let module = if setup.is_module { "dm_mod:" } else { "" };
        let symbol = format!("{module}{}", hook.point.function());
        let id = program.attach(&symbol, 0).with_context(|| format!("attach to {symbol}"))?;
        let link = Link::KProbe(program.take_link(id)?);
        let program = program.fd()?.as_fd().try_clone_to_owned().context("keep the program")?;
        Ok(Attached { hook, program, link })
    };
    HOOKS.iter().map(&mut attach).collect()
}
