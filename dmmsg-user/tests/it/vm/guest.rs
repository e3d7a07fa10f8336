//! The guest that the tests run in: its tools and its device-mapper devices.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use dmmsg::shell::kernel::control::{Address, Argument, Control, Direct, Request};
use rustix::{process::Uid, thread::set_thread_res_uid};

use crate::require;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::new(());

/// A table of one segment: all regions are on the same path.
pub const SWITCH: &str = "0 65536 switch 1 128 0 /dev/ram10 0";

/// A table of dm-crypt, with a key that no test takes for a secret.
pub fn crypt_table() -> String {
    format!("0 65536 crypt aes-xts-plain64 {} 0 /dev/ram2 0", "0123456789abcdef".repeat(8))
}

/// Made by xtask/guest/init, and by nothing else.
const MARK: &str = "/command";

/// Proof that the test runs in a guest, and alone, as long as it is kept.
pub struct Guest(#[expect(dead_code, reason = "held locked")] MutexGuard<'static, ()>);

impl Guest {
    /// Enters the guest, with dm_mod loaded; `None` outside of one, having said so.
    ///
    /// Panics where `DMMSG_REQUIRE` asks for a guest and this is none.
    pub fn enter() -> Option<Self> {
        if !require::is_required("vm") {
            require::skip("needs a guest, see `cargo xtask test`");
            return None;
        }
        assert!(Path::new(MARK).exists(), "DMMSG_REQUIRE has `vm`, but this is no test guest");
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        run("modprobe", ["dm_mod"]);
        Some(Self(alone))
    }
}

/// Major and minor version of the running kernel.
pub fn kernel() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_str().expect("a release");
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    [(); 2].map(|()| numbers.next().and_then(Result::ok).expect("a version")).into()
}

/// The first kernel on which texts are searched for more than their first KiBs.
pub const WHOLE_TEXTS: (u32, u32) = (5, 17);

/// The rungs that this kernel has, in the order in which dmmsg-trace tries them.
///
/// Fentry on a module's functions takes BTF of modules, which came with 5.11.
pub fn rungs() -> &'static [&'static str] {
    if kernel() < (5, 11) { &["kprobe"] } else { &["fentry", "kprobe"] }
}

/// Those on which nothing is missed, whoever is preempted where.
pub fn exact_rungs() -> &'static [&'static str] {
    if is_preemptible() { &["kprobe"] } else { rungs() }
}

/// Whether the kernel may take a CPU from a task that is in the kernel.
///
/// Debian's 7.2 does, by default, and its older ones do not.
pub fn is_preemptible() -> bool {
    // The file came with 5.13.
    let model = fs::read_to_string("/sys/kernel/debug/sched/preempt").unwrap_or_default();
    model.contains("(lazy)") || model.contains("(full)")
}

/// Waits for what the kernel does some time after a program ended.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a program to its end.
pub fn attempt<A: AsRef<OsStr>>(program: &str, words: impl IntoIterator<Item = A>) -> Output {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("start {program}: {error}"))
}

/// Runs a program that must succeed, and gives its output.
pub fn run<A: AsRef<OsStr>>(program: &str, words: impl IntoIterator<Item = A>) -> String {
    let output = attempt(program, words);
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Sends a message by dmsetup, where a failure is the message's own.
pub fn dmsetup_message(line: &str) {
    attempt("dmsetup", ["message"].into_iter().chain(line.split(' ')));
}

/// Sends a message by the ioctl itself; gives the errno, or 0.
pub fn send(to: Address<'_>, sector: u64, text: &[u8]) -> i32 {
    send_request(&mut Request::new(to, sector, text))
}

/// Sends a prepared message; gives the errno, or 0.
pub fn send_request(request: &mut Request) -> i32 {
    let control = Control::open().expect("the control node opens");
    errno(control.send(request))
}

/// The errno of what was sent, or 0.
pub fn errno(result: io::Result<()>) -> i32 {
    result.map_or_else(|error| error.raw_os_error().expect("an errno"), |()| 0)
}

/// The user that has no right to anything.
pub const NOBODY: u32 = 65_534;

/// Makes this thread one of nobody, without a way back.
pub fn become_nobody() {
    // Learnt from a file that nobody may not read, and remembered.
    rustix::param::page_size();
    let nobody = Uid::from_raw(NOBODY);
    set_thread_res_uid(nobody, nobody, nobody).expect("the user id is set");
}

/// A device-mapper device, removed when dropped.
pub struct Device {
    name: String,
}

impl Device {
    /// Makes a device of a table, with one line a segment.
    pub fn new(name: &str, table: &str) -> Self {
        Self::create(&["create", name], name, table)
    }

    /// Makes a device that has a uuid.
    pub fn with_uuid(name: &str, uuid: &str, table: &str) -> Self {
        Self::create(&["create", name, "--uuid", uuid], name, table)
    }

    /// Makes a device without a table.
    pub fn without_table(name: &str) -> Self {
        Self::create(&["create", name, "--notable"], name, "")
    }

    /// Makes a thin pool of 32 MiB.
    pub fn thin_pool(name: &str) -> Self {
        run("dd", ["if=/dev/zero", "of=/dev/ram0", "bs=4096", "count=1"]);
        Self::new(name, "0 65536 thin-pool /dev/ram0 /dev/ram1 128 0")
    }

    /// Makes a device of one segment that takes `set_region_mappings 0:0` any number of times.
    pub fn switch(name: &str) -> Self {
        Self::new(name, SWITCH)
    }

    fn create(words: &[&str], name: &str, table: &str) -> Self {
        let mut dmsetup = Command::new("dmsetup");
        let dmsetup = dmsetup.args(words).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = dmsetup.spawn().expect("dmsetup starts");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // Fails where dmsetup does, which is told below.
        let _ = stdin.write_all(table.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("dmsetup ends");
        assert!(output.status.success(), "{words:?}: {output:?}");
        Self { name: name.to_owned() }
    }

    /// The device's name, to send a message to.
    pub fn address(&self) -> Address<'_> {
        Address::Name(self.name.as_bytes())
    }

    /// The device's number, as `MAJ:MIN`.
    pub fn number(&self) -> String {
        let info = run("dmsetup", ["info", "-c", "--noheadings", "-o", "major,minor", &self.name]);
        info.trim().to_owned()
    }

    /// The device's node.
    pub fn node(&self) -> PathBuf {
        Path::new("/dev/mapper").join(&self.name)
    }

    /// Lets every user open the device.
    pub fn open_to_all(&self) {
        let mode = Permissions::from_mode(0o666);
        fs::set_permissions(self.node(), mode).expect("the node's mode is set");
    }

    /// Sends an ioctl to the device itself; gives the errno, or 0.
    pub fn send_direct(&self, cmd: u32, argument: &Argument) -> i32 {
        let direct = Direct::open(&self.node()).expect("the device opens");
        errno(direct.send(cmd, argument))
    }

    /// Sends a message to the segment at a sector; gives the errno, or 0.
    pub fn send(&self, sector: u64, text: &[u8]) -> i32 {
        send(self.address(), sector, text)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let output = attempt("dmsetup", ["remove", "--retry", &self.name]);
        // A second panic would hide the first.
        assert!(output.status.success() || thread::panicking(), "{}: {output:?}", self.name);
    }
}
