//! Finds out what the running kernel can do and where its structures keep their fields.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use dmmsg_common::layout::KernelLayout;

use crate::engine::{
    btf::Btf,
    layout::{self, DmStructs},
    plan::{
        DmMod, FunctionFacts, KernelFacts, Lockdown, Point, Privilege, Rung, Signs, is_preemptible,
    },
};

const VMLINUX_BTF: &str = "/sys/kernel/btf/vmlinux";
const DM_MOD_BTF: &str = "/sys/kernel/btf/dm_mod";
const DM_MOD: &str = "/sys/module/dm_mod";

/// The running kernel, as far as its files tell.
pub struct Host {
    /// What the plan is made from.
    pub facts: KernelFacts,
    btf: Option<BtfFiles>,
}

/// The contents of the BTF files.
struct BtfFiles {
    vmlinux: Vec<u8>,
    dm_mod: Option<Vec<u8>>,
}

/// What the probes must know of the kernel's BTF.
pub struct Resolved {
    /// Offsets of the fields that the probes read.
    pub layout: KernelLayout,
    /// BTF id of `bpf_rdonly_cast`, where the kernel has it.
    pub rdonly_cast: Option<u32>,
    /// BTF ids of the functions to attach to, in the order of [`Point::ALL`].
    pub function_ids: [Option<u32>; Point::ALL.len()],
}

impl Host {
    /// Looks at the running kernel; `symbols` also reads its symbol table, which takes a while, and is
    /// done anyway where kprobes come first.
    ///
    /// # Errors
    /// `/proc` cannot be read, or the kernel's BTF is damaged.
    pub fn look(symbols: bool) -> Result<Self> {
        let btf = BtfFiles::read();
        let mut facts = KernelFacts {
            release: rustix::system::uname().release().to_string_lossy().into_owned(),
            privilege: privilege()?,
            lockdown: lockdown(),
            bpf_syscall: Path::new("/proc/sys/kernel/unprivileged_bpf_disabled").exists(),
            vmlinux_btf: btf.is_some(),
            dm_mod_btf: btf.as_ref().is_some_and(|files| files.dm_mod.is_some()),
            dm_mod: dm_mod(),
            kprobes: Path::new("/sys/bus/event_source/devices/kprobe").exists(),
            preemptible: false,
            perf_event_paranoid: perf_event_paranoid(),
            functions: Default::default(),
        };
        facts.preemptible = preemptible(&facts);
        if let Some(files) = &btf {
            let btf = files.parse()?;
            for (function, point) in facts.functions.iter_mut().zip(Point::ALL) {
                function.in_btf = btf.function(point.function()).is_some();
            }
        }
        if symbols || facts.order()[0] == Rung::Kprobe {
            find_symbols(&mut facts.functions)?;
        }
        Ok(Self { facts, btf })
    }

    /// Resolves what the probes must know.
    ///
    /// # Errors
    /// There is no BTF, or device-mapper's structures are not those we know.
    pub fn resolve(&self) -> Result<Resolved> {
        let files = self.btf.as_ref().context("no BTF of the kernel")?;
        let btf = files.parse()?;
        let known = self.facts.has_known_structs() && !self.facts.dm_mod_btf;
        let known = known.then_some(DmStructs::LINUX_5_10);
        if known.is_some() && btf.kernel_size("mutex")? != DmStructs::MUTEX_BYTES {
            bail!(
                "this 5.10 keeps fields of dm_mod elsewhere (PREEMPT_RT or lock debugging): use 5.11+"
            );
        }
        Ok(Resolved {
            layout: layout::resolve(&btf, known).context("find device-mapper's structures")?,
            rdonly_cast: layout::rdonly_cast(&btf),
            function_ids: Point::ALL.map(|point| btf.function(point.function())),
        })
    }
}

impl BtfFiles {
    fn read() -> Option<Self> {
        Some(Self { vmlinux: fs::read(VMLINUX_BTF).ok()?, dm_mod: fs::read(DM_MOD_BTF).ok() })
    }

    fn parse(&self) -> Result<Btf<'_>> {
        Btf::parse(&self.vmlinux, self.dm_mod.as_deref()).context("read the kernel's BTF")
    }
}

/// Where device-mapper is now.
pub fn dm_mod() -> DmMod {
    if let Ok(state) = fs::read_to_string(format!("{DM_MOD}/initstate")) {
        return if state.trim_end() == "live" { DmMod::Module } else { DmMod::Absent };
    }
    if Path::new(DM_MOD).exists() {
        DmMod::BuiltIn
    } else if Path::new("/proc/modules").exists() {
        DmMod::Absent
    } else {
        DmMod::Never
    }
}

/// What tells one loading of dm_mod from the next; `None` where it is no module.
pub fn dm_mod_instance() -> Option<u64> {
    fs::metadata(format!("{DM_MOD}/initstate")).ok().map(|file| file.ino())
}

/// Our effective capabilities.
///
/// Source: `include/uapi/linux/capability.h`, numbers fixed for every version.
fn privilege() -> Result<Privilege> {
    let status = fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .context("find CapEff in /proc/self/status")?;
    let has = |capability: u32| effective >> capability & 1 != 0;
    Ok(Privilege { sys_admin: has(21), bpf: has(39), perfmon: has(38) })
}

fn perf_event_paranoid() -> i32 {
    let level = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    level.trim_end().parse().unwrap_or_default()
}

fn preemptible(facts: &KernelFacts) -> bool {
    let models = fs::read_to_string("/sys/kernel/debug/sched/preempt").ok();
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let uname = rustix::system::uname();
    let version = uname.version().to_string_lossy();
    let signs =
        Signs { debugfs: models.as_deref(), command_line: &command_line, version: &version };
    is_preemptible(signs, facts.version())
}

fn lockdown() -> Lockdown {
    let state = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if state.contains("[confidentiality]") {
        Lockdown::Confidentiality
    } else if state.contains("[integrity]") {
        Lockdown::Integrity
    } else {
        Lockdown::None
    }
}

fn find_symbols(functions: &mut [FunctionFacts]) -> Result<()> {
    let symbols = fs::File::open("/proc/kallsyms").context("open /proc/kallsyms")?;
    for line in BufReader::with_capacity(1 << 16, symbols).lines() {
        let line = line.context("read /proc/kallsyms")?;
        let Some(symbol) = line.split_ascii_whitespace().nth(2) else { continue };
        for (function, point) in functions.iter_mut().zip(Point::ALL) {
            function.in_kallsyms |= symbol == point.function();
        }
    }
    Ok(())
}
