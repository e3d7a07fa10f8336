//! A guest's life, from the boot to the results that its one command leaves.
//!
//! For the other commands of xtask:
//!
//! ```ignore
//! let mut boot = Boot::new(&Cache::open()?, kernel::Version::V6_12)?; // downloads what is missing
//! boot.files.push(GuestFile::program(binary, "/usr/bin/it"));         // static, or with its libraries
//! boot.command = vec!["it".into(), "--nocapture".into()];
//! let outcome = boot.run(&folder)?;                                   // folder: where results go
//! // outcome.exit_code, outcome.console (a file), outcome.out (the guest's /out, a folder)
//! ```
//!
//! A boot that ends before init has spoken is repeated, for that happens under multi-threaded
//! emulation; nothing is ever repeated after that.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdout, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::accel::Accel;
use crate::archive;
use crate::cache::Cache;
use crate::child::{self, Guarded};
use crate::console::Console;
use crate::initramfs::{self, GuestFile};
use crate::kernel::{Kernel, Version};
use crate::verdict::{self, Verdict};
use crate::{prerequisites, progress, rootfs, tool};

/// How many boots may end before init has spoken.
const ATTEMPTS: u32 = 3;
/// How long a guest may take until init speaks; emulated on a busy machine it takes a tenth of it.
const FIRST_WORD: Duration = Duration::from_mins(2);
/// Where a guest has its disk.
pub const DISK: &str = "/disk";
/// A guest's own in QEMU's user network, which forwards connections there.
const ADDRESS: &str = "10.0.2.15/24";
/// How much of the console an error repeats.
const TAIL_LINES: usize = 50;

/// A guest to boot. Change the fields as needed, then [`Boot::run`].
#[derive(Clone, Debug)]
pub struct Boot {
    /// The kernel.
    pub kernel: Kernel,
    /// Cpio archives of the userland, later ones on top; see [`rootfs::layer`] for more packages.
    pub archives: Vec<PathBuf>,
    /// Virtual processors.
    pub smp: u8,
    /// Memory; also holds everything the guest writes.
    pub memory_mib: u32,
    /// Make the guest's clock count instructions: one processor, emulated, repeatable.
    pub icount: bool,
    /// Files of the host to put into the guest.
    pub files: Vec<GuestFile>,
    /// A disk that the guest has at [`DISK`] and may only read; see [`crate::disk`].
    pub disk: Option<PathBuf>,
    /// Ports of this machine's loopback that lead into the guest, which reaches nothing outside.
    pub forwards: Vec<Forward>,
    /// What to run, with its arguments.
    pub command: Vec<String>,
    /// When to give up, counted from the start of QEMU.
    pub timeout: Duration,
    /// What becomes of the console's output.
    pub console: Console,
    accel: Accel,
}

/// A TCP port of this machine that leads to one of the guest.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// On 127.0.0.1.
    pub host: u16,
    /// On every address of the guest.
    pub guest: u16,
}

/// What a guest left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command's exit status as the guest's shell saw it: 128 and more means a signal.
    pub exit_code: u8,
    /// A folder with what the guest had in `/out`, and its kernel log as `dmesg.txt`.
    pub out: PathBuf,
    /// A file with all that the command wrote to the console.
    pub console: PathBuf,
}

/// Where QEMU puts things in the folder of results.
struct Channels {
    console: PathBuf,
    status: PathBuf,
    archive: PathBuf,
}

impl Boot {
    /// A guest of two processors and 1 GiB that runs nothing yet, shows its console and has ten
    /// minutes. Installs or downloads what is missing.
    ///
    /// # Errors
    /// If something is missing and cannot be had.
    pub fn new(cache: &Cache, version: Version) -> Result<Self> {
        prerequisites::ensure(prerequisites::VM)?;
        let kernel = Kernel::fetch(cache, version)?;
        let archives = vec![rootfs::base(cache)?, kernel.modules()];
        let accel = Accel::choose(cache, &kernel.vmlinuz())?;
        Ok(Self {
            kernel,
            archives,
            smp: 2,
            memory_mib: 1024,
            icount: false,
            files: Vec::new(),
            disk: None,
            forwards: Vec::new(),
            command: Vec::new(),
            timeout: Duration::from_mins(10),
            console: Console::Show,
            accel,
        })
    }

    /// Boots, runs the command and collects the results in the folder `results`.
    ///
    /// # Errors
    /// If the guest does not come up, dies, takes too long or loses results. A command that fails is
    /// no error: see [`Outcome::exit_code`].
    pub fn run(&self, results: &Path) -> Result<Outcome> {
        fs::create_dir_all(results).with_context(|| format!("create {}", results.display()))?;
        let channels = Channels::in_folder(results);
        // Without a name it leaves nothing behind, however this run ends.
        let initramfs = tempfile::tempfile().context("create a temporary file")?;
        initramfs::write(&initramfs, &self.archives, &self.files, &self.command)?;
        let mut attempt = 1;
        loop {
            let end = self.attempt(&channels, &initramfs)?;
            match verdict::read(&channels.status)? {
                Verdict::Exit { code, archive_bytes } => {
                    return channels.collect(code, archive_bytes);
                }
                Verdict::Running => bail!("the guest {end} and left no verdict{}", channels.tail()),
                Verdict::Silent if attempt == ATTEMPTS => {
                    bail!(
                        "{ATTEMPTS} guests died, init never spoke: this one {end}{}",
                        channels.tail()
                    )
                }
                Verdict::Silent => {
                    progress::note(&format!("the guest {end} before init spoke: booting again"));
                    attempt += 1;
                }
            }
        }
    }

    /// One boot from start to end; says how it ended.
    fn attempt(&self, channels: &Channels, initramfs: &File) -> Result<String> {
        channels.clear()?;
        let started = Instant::now();
        let deadline = started + self.timeout;
        let (mut guest, console) = Guarded::spawn(&mut self.qemu(channels, initramfs))?;
        let recorder = self.record(console, &channels.console);

        let mut status = progress::step(&self.describe(), || {
            let spoken = || verdict::read(&channels.status).is_ok_and(|v| v != Verdict::Silent);
            guest.wait(deadline.min(started + FIRST_WORD), spoken)
        })?;
        if status.is_none() && verdict::read(&channels.status)? != Verdict::Silent {
            status = guest.wait(deadline, || false)?;
        }
        drop(guest);
        match recorder.join() {
            Ok(result) => result?,
            Err(_) => bail!("record the guest's console: the recorder panicked"),
        }
        Ok(match status {
            Some(status) if status.success() => "went down".to_owned(),
            Some(status) => format!("ended (QEMU: {status})"),
            None => format!("timed out after {} s", started.elapsed().as_secs()),
        })
    }

    fn record(&self, input: ChildStdout, log: &Path) -> thread::JoinHandle<Result<()>> {
        let (console, log) = (self.console, log.to_owned());
        thread::spawn(move || console.record(input, &log))
    }

    fn describe(&self) -> String {
        let (smp, accel) = self.processors();
        format!("booting {} ({smp} cpu, {accel})", self.kernel.release)
    }

    fn processors(&self) -> (u8, &'static str) {
        if self.icount { (1, "counting instructions") } else { (self.smp, self.accel.name()) }
    }

    fn qemu(&self, channels: &Channels, initramfs: &File) -> Command {
        let mut qemu = child::command("qemu-system-x86_64");
        if self.icount {
            qemu.args(["-accel", "tcg", "-cpu", "max", "-icount", "shift=0,sleep=off"]);
        } else {
            qemu.args(self.accel.arguments());
        }
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
        qemu.args(["-smp", &self.processors().0.to_string()]);
        qemu.args(["-m", &self.memory_mib.to_string()]);
        qemu.arg("-kernel").arg(self.kernel.vmlinuz());
        let initramfs = format!("/proc/{}/fd/{}", process::id(), initramfs.as_raw_fd());
        qemu.args(["-initrd", &initramfs]);
        qemu.args(["-append", &self.command_line()]);
        qemu.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        qemu.args(["-chardev", &file_device("status", &channels.status)]);
        qemu.args(["-serial", "chardev:status"]);
        qemu.args(["-chardev", &file_device("results", &channels.archive)]);
        qemu.args(["-device", "virtio-serial-pci"]);
        qemu.args(["-device", "virtserialport,nr=1,chardev=results"]);
        if let Some(disk) = &self.disk {
            let path = escape(disk);
            let drive = format!("if=virtio,format=raw,readonly=on,file={path}");
            qemu.args(["-drive", &drive]);
        }
        if !self.forwards.is_empty() {
            qemu.args(["-netdev", &network(&self.forwards)]);
            // Nothing boots from it, and QEMU need not have the code for that.
            qemu.args(["-device", "virtio-net-pci,netdev=network,romfile="]);
        }
        qemu
    }

    /// The kernel's; it hands on to init what it does not know, as variables.
    fn command_line(&self) -> String {
        // The console is the command's: the kernel may speak there only when it dies.
        let console = "console=ttyS0 quiet loglevel=1 oops=panic panic=-1";
        let disk = self.disk.as_ref().map(|_| format!("DISK={DISK}"));
        let network = (!self.forwards.is_empty()).then(|| format!("NETWORK={ADDRESS}"));
        let words = [Some(console.to_owned()), disk, network];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl Channels {
    fn in_folder(results: &Path) -> Self {
        Self {
            console: results.join("console.txt"),
            status: results.join("status.txt"),
            archive: results.join("out.cpio"),
        }
    }

    /// Forgets what an earlier boot left.
    fn clear(&self) -> Result<()> {
        for path in [&self.console, &self.status, &self.archive] {
            File::create(path).with_context(|| format!("create {}", path.display()))?;
        }
        Ok(())
    }

    /// Unpacks the results of a guest that ended with `exit_code`.
    fn collect(&self, exit_code: u8, archive_bytes: u64) -> Result<Outcome> {
        let came = fs::metadata(&self.archive).context("stat the guest's results")?.len();
        if came != archive_bytes {
            bail!("the guest sent {archive_bytes} bytes of results and {came} came{}", self.tail());
        }
        let out = self.archive.with_file_name("out");
        if out.exists() {
            fs::remove_dir_all(&out).with_context(|| format!("empty {}", out.display()))?;
        }
        fs::create_dir(&out).with_context(|| format!("create {}", out.display()))?;
        archive::unpack(&self.archive, &out)?;
        fs::remove_file(&self.archive).context("remove the archive of results")?;
        Ok(Outcome { exit_code, out, console: self.console.clone() })
    }

    /// The end of the console, as the end of an error.
    fn tail(&self) -> String {
        let console = fs::read(&self.console).unwrap_or_default();
        let tail = tool::tail(&String::from_utf8_lossy(&console), TAIL_LINES);
        if tail.is_empty() {
            "; its console is empty".into()
        } else {
            format!("; its console ends\n{tail}")
        }
    }
}

/// A QEMU character device that writes to a file.
fn file_device(id: &str, path: &Path) -> String {
    format!("file,id={id},path={}", escape(path))
}

/// A QEMU network that leads nowhere but from this machine's loopback into the guest.
fn network(forwards: &[Forward]) -> String {
    let forward =
        |&Forward { host, guest }: &Forward| format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}");
    let forwards = forwards.iter().map(forward).collect::<String>();
    format!("user,id=network,restrict=on{forwards}")
}

/// A path as a value of an option of QEMU's, where a comma is doubled.
fn escape(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
