//! How to attach to this kernel, or why that cannot be done.

mod facts;
mod point;
mod preemption;
#[cfg(test)]
mod recorded;
mod refusal;
#[cfg(test)]
mod tests;

pub use facts::{DmMod, FunctionFacts, KernelFacts, Lockdown, Privilege};
pub use point::{Point, Rung};
pub use preemption::{Signs, is_preemptible};
pub use refusal::{Obstacle, Refusal};

/// What to do on this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Wait until dm_mod is loaded, then plan again.
    Wait,
    /// Attach all probes now, on this rung.
    Attach(Attachment),
}

/// How to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The rung of device-mapper's own functions.
    pub rung: Rung,
    /// Whether each of [`Point::ALL`] can be probed on it; those that are required can.
    reached: [bool; Point::ALL.len()],
    /// Whether the message methods of targets can be probed, which takes kprobes.
    pub handlers: bool,
}

impl Attachment {
    fn of(facts: &KernelFacts, rung: Rung) -> Self {
        Self {
            rung,
            reached: Point::ALL.map(|point| rung.reaches(point.facts(facts))),
            handlers: kprobe_obstacle(facts).is_none(),
        }
    }

    /// Whether a point can be probed.
    pub const fn reaches(self, point: Point) -> bool {
        self.reached[point.index()]
    }
}

/// The rung that the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// The first that works.
    #[default]
    Auto,
    /// This one or none.
    Only(Rung),
}

/// The first Linux that the programs for old kernels are made for and tested on.
const OLDEST: (u32, u32) = (5, 10);

/// The first Linux with all that the other programs call: `bpf_loop` and `bpf_get_func_arg` are
/// youngest.
const CURRENT: (u32, u32) = (5, 17);

/// The first Linux that lets anybody read the maps and programs of which it has a descriptor, although
/// `kernel.unprivileged_bpf_disabled` is set.
///
/// Source: `kernel/bpf/syscall.c`, `__sys_bpf`, 5.10 and 6.1; since 5.19.
const READ_BY_ALL: (u32, u32) = (5, 19);

/// A set of compiled kernel programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// For Linux 5.17 and later, on either rung.
    Current,
    /// For 5.10 to 5.16, for kprobes alone.
    Linux5_10,
}

/// The highest `kernel.perf_event_paranoid` at which `CAP_PERFMON` opens kprobes.
const PARANOID: i32 = 2;

/// Decides how to attach.
///
/// # Errors
/// Tracing cannot work on this kernel, with our privilege, or on the rung that was asked for.
pub fn plan(facts: &KernelFacts, probe: Probe) -> Result<Plan, Refusal> {
    require_base(facts)?;
    let rung = choose(facts, probe)?;
    match facts.dm_mod {
        DmMod::Absent => Ok(Plan::Wait),
        DmMod::Never => Err(Refusal::NoDeviceMapper),
        DmMod::Module if !facts.dm_mod_btf && !facts.has_known_structs() => {
            Err(Refusal::NoDmModBtf)
        }
        DmMod::Module | DmMod::BuiltIn => Ok(Plan::Attach(Attachment::of(facts, rung))),
    }
}

/// Checks what every rung needs.
fn require_base(facts: &KernelFacts) -> Result<(), Refusal> {
    if !facts.bpf_syscall {
        return Err(Refusal::NoBpf);
    }
    if !facts.privilege.suffices() {
        return Err(Refusal::Privilege);
    }
    if facts.lockdown == Lockdown::Confidentiality {
        return Err(Refusal::Lockdown);
    }
    if facts.is_before(OLDEST) {
        return Err(Refusal::TooOld { release: facts.release.clone() });
    }
    if !facts.vmlinux_btf {
        return Err(Refusal::NoVmlinuxBtf);
    }
    Ok(())
}

impl KernelFacts {
    /// Whether the release is one before this; one that cannot be read is taken for a new one, and
    /// the load will tell.
    fn is_before(&self, wanted: (u32, u32)) -> bool {
        version(&self.release).is_some_and(|version| version < wanted)
    }

    /// Whether dm_mod's structs are known without its BTF.
    pub fn has_known_structs(&self) -> bool {
        version(&self.release) == Some(OLDEST)
    }

    /// The rungs, the one to try first before the other.
    ///
    /// Fentry costs less. Where the kernel preempts itself it may skip messages, and kprobes do not.
    pub const fn order(&self) -> [Rung; 2] {
        if self.preemptible { [Rung::Kprobe, Rung::Fentry] } else { [Rung::Fentry, Rung::Kprobe] }
    }

    /// Major and minor version, where they can be read.
    pub fn version(&self) -> Option<(u32, u32)> {
        version(&self.release)
    }

    /// Whether reading maps takes `CAP_BPF` even of those who have opened them.
    pub fn reading_takes_privilege(&self) -> bool {
        self.is_before(READ_BY_ALL)
    }

    /// The programs that this kernel can run.
    pub fn programs(&self) -> Programs {
        if self.is_before(CURRENT) { Programs::Linux5_10 } else { Programs::Current }
    }
}

/// Major and minor version at the start of a release.
fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn choose(facts: &KernelFacts, probe: Probe) -> Result<Rung, Refusal> {
    if let Probe::Only(rung) = probe {
        return obstacle(facts, rung).map_or(Ok(rung), |obstacle| Err(Refusal::Forced(obstacle)));
    }
    let order = facts.order();
    let obstacles = order.map(|rung| obstacle(facts, rung));
    match (order, obstacles) {
        ([first, _], [None, _]) => Ok(first),
        ([_, second], [_, None]) => Ok(second),
        (_, [Some(first), Some(second)]) => Err(Refusal::NoRung { first, second }),
    }
}

fn obstacle(facts: &KernelFacts, rung: Rung) -> Option<Obstacle> {
    if rung == Rung::Kprobe
        && let Some(obstacle) = kprobe_obstacle(facts)
    {
        return Some(obstacle);
    }
    if rung == Rung::Fentry && facts.programs() == Programs::Linux5_10 {
        return Some(Obstacle::OldKernel);
    }
    let in_module = facts.dm_mod != DmMod::BuiltIn;
    if rung == Rung::Fentry && in_module && !facts.privilege.sys_admin {
        return Some(Obstacle::ModuleBtfPrivilege);
    }
    if matches!(facts.dm_mod, DmMod::Absent | DmMod::Never) {
        return None;
    }
    let missing = Point::ALL
        .into_iter()
        .find(|point| point.is_required() && !rung.reaches(point.facts(facts)))?;
    Some(Obstacle::NoFunction { rung, function: missing.function() })
}

/// What is in the way of any kprobe.
fn kprobe_obstacle(facts: &KernelFacts) -> Option<Obstacle> {
    if !facts.kprobes {
        return Some(Obstacle::NoKprobes);
    }
    let paranoid = facts.perf_event_paranoid > PARANOID;
    (paranoid && !facts.privilege.sys_admin)
        .then_some(Obstacle::Paranoid { level: facts.perf_event_paranoid })
}
