//! Whether guests run on KVM, which has to prove itself.
//!
//! `/dev/kvm` existing says little: nested virtualization may leave a guest hanging at its first
//! instruction. So a kernel is booted on it once per boot of the host and has five seconds to name
//! itself; the answer is cached.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::child::{self, Guarded};
use crate::progress;

const PATIENCE: Duration = Duration::from_secs(5);

/// How QEMU runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// On the processor.
    Kvm,
    /// By translation: slower, and works everywhere.
    Tcg,
}

impl Accel {
    /// The best that works here, tried with the kernel image `vmlinuz`.
    ///
    /// # Errors
    /// If QEMU cannot be started or the answer cannot be cached.
    pub fn choose(cache: &Cache, vmlinuz: &Path) -> Result<Self> {
        if File::options().read(true).write(true).open("/dev/kvm").is_err() {
            return Ok(Self::Tcg);
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").context("read boot_id")?;
        let entry = cache.entry("accel", boot, |draft| {
            let accel =
                progress::step("trying KVM", || kvm_boots(vmlinuz)).context("try a boot on KVM")?;
            fs::write(draft.join("accel"), if accel { "kvm" } else { "tcg" })
                .context("note whether KVM works")
        })?;
        let answer = fs::read_to_string(entry.join("accel")).context("read whether KVM works")?;
        Ok(if answer == "kvm" { Self::Kvm } else { Self::Tcg })
    }

    /// QEMU's arguments for it.
    pub const fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "max"],
        }
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "emulated",
        }
    }
}

/// Whether a kernel on KVM gets as far as saying its name.
fn kvm_boots(vmlinuz: &Path) -> Result<bool> {
    let mut qemu = child::command("qemu-system-x86_64");
    qemu.args(Accel::Kvm.arguments()).args(["-nodefaults", "-display", "none", "-no-reboot"]);
    qemu.args(["-m", "256", "-serial", "stdio"]).arg("-kernel").arg(vmlinuz);
    qemu.args(["-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1"]);
    // What QEMU has to say about a KVM that does not work is no news: this is a question.
    qemu.stderr(Stdio::null());

    let said = Mutex::new(Vec::new());
    let named = || said.lock().is_ok_and(|said| names_itself(&said));
    let hear = |mut console: ChildStdout| {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = console.read(&mut bytes) {
            if let Ok(mut said) = said.lock() {
                said.extend(bytes.iter().take(count));
            }
        }
    };
    thread::scope(|scope| {
        let (mut guest, console) = Guarded::spawn(&mut qemu)?;
        scope.spawn(|| hear(console));
        guest.wait(Instant::now() + PATIENCE, named)?;
        Ok(named())
    })
}

fn names_itself(console: &[u8]) -> bool {
    const NAME: &[u8] = b"Linux version";
    console.windows(NAME.len()).any(|window| window == NAME)
}
