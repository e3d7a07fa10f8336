//! The hooks of device-mapper's own functions, and how programs are put on them.

use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{KProbe, kprobe::KProbeLink},
};
use aya_obj::generated::bpf_attach_type::{BPF_TRACE_FENTRY, BPF_TRACE_FEXIT};

use super::{Setup, bpf, object::Object};
use crate::engine::{
    plan::{Point, Rung},
    tally::Missed,
};

/// A hook and its program.
#[derive(Clone, Copy)]
struct Hook {
    point: Point,
    at_return: bool,
    /// The program's name, but for what the rung adds.
    name: &'static str,
}

impl Hook {
    const fn entry(point: Point, name: &'static str) -> Self {
        Self { point, at_return: false, name }
    }

    const fn exit(point: Point, name: &'static str) -> Self {
        Self { point, at_return: true, name }
    }

    fn program(&self, rung: Rung) -> String {
        let suffix = match (rung, self.at_return) {
            (Rung::Fentry, false) => "fentry",
            (Rung::Fentry, true) => "fexit",
            (Rung::Kprobe, false) => "kprobe",
            (Rung::Kprobe, true) => "kretprobe",
        };
        format!("{}_{suffix}", self.name)
    }
}

/// All hooks, in the order in which they are attached.
///
/// The entry of a function comes after its return, so that no call is begun whose end would be
/// missed, and the control ioctl's before its message's, so that none of both is counted twice.
const HOOKS: [Hook; 7] = [
    Hook::exit(Point::ControlIoctl, "ctl_ioctl"),
    Hook::exit(Point::TargetMessage, "target_message"),
    Hook::exit(Point::FindDevice, "find_device"),
    Hook::entry(Point::TargetMessage, "target_message"),
    Hook::entry(Point::ControlIoctl, "ctl_ioctl"),
    Hook::exit(Point::DeviceIoctl, "dm_blk_ioctl"),
    Hook::entry(Point::DeviceIoctl, "dm_blk_ioctl"),
];

/// A program on its hook, until it is dropped.
struct Attached {
    hook: Hook,
    program: OwnedFd,
    link: Link,
}

/// Keeps a program attached as long as it is open.
enum Link {
    Tracing(#[expect(dead_code, reason = "held open")] OwnedFd),
    KProbe(#[expect(dead_code, reason = "held open")] KProbeLink),
}

/// Programs on their hooks; dropping it takes them off.
pub struct Hooks {
    attached: Vec<Attached>,
    missed: Missed,
}

impl Hooks {
    /// Loads the programs of all points that are to be probed, and attaches them.
    ///
    /// `object` is what `ebpf` was loaded from.
    ///
    /// # Errors
    /// The kernel refuses a program or an attachment.
    pub fn attach(ebpf: &mut Ebpf, object: &[u8], setup: &Setup<'_>) -> Result<Self> {
        let hooks: Vec<_> =
            HOOKS.into_iter().filter(|hook| setup.points.contains(&hook.point)).collect();
        let attached = match setup.rung {
            Rung::Fentry => attach_fentry(&hooks, ebpf, object, setup),
            Rung::Kprobe => attach_kprobes(&hooks, ebpf, setup),
        };
        Ok(Self { attached: attached?, missed: Missed::default() })
    }

    /// Takes all programs off their hooks, the first hook of a message first.
    ///
    /// # Errors
    /// The kernel does not tell what they missed.
    pub fn detach(&mut self) -> Result<()> {
        while let Some(Attached { hook, program, link }) = self.attached.pop() {
            drop(link);
            self.missed.add(hook, &program)?;
        }
        Ok(())
    }

    /// What the programs have not seen that were taken off.
    pub const fn missed(&self) -> Missed {
        self.missed
    }

    /// What the programs have not seen so far.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn missed_so_far(&self) -> Result<Missed> {
        let mut missed = self.missed;
        for Attached { hook, program, .. } in &self.attached {
            missed.add(*hook, program)?;
        }
        Ok(missed)
    }

    /// Runs of the programs on a point and the time they took in ns, if the kernel keeps account of
    /// that; `None` where there are no programs.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn runs(&self, point: Point) -> Result<Option<bpf::Runs>> {
        let mut runs = None::<bpf::Runs>;
        for Attached { program, .. } in self.attached.iter().filter(|of| of.hook.point == point) {
            let more = bpf::runs(program).context("read a program's statistics")?;
            runs = Some(runs.map_or(more, |runs| runs.and(more)));
        }
        Ok(runs)
    }
}

impl Missed {
    fn add(&mut self, hook: Hook, program: &OwnedFd) -> Result<()> {
        let missed = bpf::recursion_misses(program).context("read a program's statistics")?;
        match (hook.point, hook.at_return) {
            // Without the lookup, the message is there but tells less; without its return, it is
            // in the table of those in flight.
            (Point::FindDevice, _) | (Point::TargetMessage, true) => {}
            (_, false) => self.begun += missed,
            (_, true) => self.ended += missed,
        }
        Ok(())
    }
}

fn attach_fentry(
    hooks: &[Hook],
    ebpf: &Ebpf,
    object: &[u8],
    setup: &Setup<'_>,
) -> Result<Vec<Attached>> {
    let object = Object::prepare(object, ebpf, setup.rdonly_cast)?;
    let module_btf = if setup.is_module {
        Some(bpf::module_btf(c"dm_mod").context("open the BTF of dm_mod (needs CAP_SYS_ADMIN)")?)
    } else {
        None
    };
    let mut programs = Vec::new();
    for hook in hooks {
        let function = hook.point.function();
        let function_id = setup.function_ids[hook.point.index()]
            .with_context(|| format!("no BTF of the function {function}"))?;
        let attach_type = if hook.at_return { BPF_TRACE_FEXIT } else { BPF_TRACE_FENTRY };
        let program = hook.program(Rung::Fentry);
        programs.push(object.load(&program, attach_type, module_btf.as_ref(), function_id)?);
    }
    // All are loaded before the first is attached, since loading takes a while.
    let attach = |(hook, program): (&Hook, OwnedFd)| {
        let function = hook.point.function();
        let link = bpf::attach(program.as_fd()).with_context(|| format!("attach to {function}"))?;
        Ok(Attached { hook: *hook, program, link: Link::Tracing(link) })
    };
    hooks.iter().zip(programs).map(attach).collect()
}

fn attach_kprobes(hooks: &[Hook], ebpf: &mut Ebpf, setup: &Setup<'_>) -> Result<Vec<Attached>> {
    let mut attach = |hook: &Hook| {
        let name = hook.program(Rung::Kprobe);
        let program = load_kprobe(ebpf, &name)?;
        let module = if setup.is_module { "dm_mod:" } else { "" };
        let link = attach_kprobe(program, &format!("{module}{}", hook.point.function()))?;
        let program = program.fd()?.as_fd().try_clone_to_owned().context("keep the program")?;
        Ok(Attached { hook: *hook, program, link: Link::KProbe(link) })
    };
    hooks.iter().map(&mut attach).collect()
}

/// Loads a kprobe or kretprobe program of the object.
///
/// # Errors
/// The object has no such program, or the kernel refuses it.
pub fn load_kprobe<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut KProbe> {
    let program: &mut KProbe = ebpf
        .program_mut(name)
        .with_context(|| format!("the object has no program {name}"))?
        .try_into()?;
    program.load().with_context(|| format!("load program {name}"))?;
    Ok(program)
}

/// Attaches a loaded program to a function, given as `MODULE:FUNCTION` or as `FUNCTION`.
///
/// # Errors
/// The kernel has no such function, or refuses the probe.
pub fn attach_kprobe(program: &mut KProbe, symbol: &str) -> Result<KProbeLink> {
    let id = program.attach(symbol, 0).with_context(|| format!("attach to {symbol}"))?;
    Ok(program.take_link(id)?)
}
