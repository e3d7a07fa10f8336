//! Answers from `/proc` about a message's sender.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io::{self, ErrorKind},
    os::unix::{ffi::OsStringExt, fs::MetadataExt as _},
    path::Path,
};

use super::users::Users;
use crate::engine::enrich::{
    Answer, Answers, Context, Parent, Question, Sender, stat::Stat, syscall::Whereabouts,
    unified_cgroup,
};

/// How long an answer is taken to hold, in ns: a sender may start another program.
const LIFETIME_NS: u64 = 1_000_000_000;

/// Senders remembered at most; a machine has few at a time.
const CAPACITY: usize = 256;

/// Looks senders up, and remembers them for a moment.
#[derive(Debug, Default)]
pub struct Lookup {
    users: Users,
    /// The sender asked about last, who most often is the next one too.
    last: Option<(Sender, Known)>,
    others: HashMap<Sender, Known>,
    /// Where the sender hangs that was asked about last, if it does.
    stack: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Known {
    /// When the sender was asked about first.
    boot_ns: u64,
    answer: Answer,
}

impl Answers for Lookup {
    fn answer(&mut self, question: &Question) -> Context<'_> {
        let holds = |known: &Known| question.boot_ns.abs_diff(known.boot_ns) < LIFETIME_NS;
        if !self.last.as_ref().is_some_and(|(of, known)| *of == question.sender && holds(known)) {
            let known = self.others.remove(&question.sender).filter(holds);
            let known = known.unwrap_or_else(|| self.read(question));
            self.put_aside();
            self.last = Some((question.sender, known));
        }
        self.stack = question.hangs_in.and_then(|tid| stack(question.sender.pid, tid));
        let context = self.last.as_ref().map(|(_, known)| known.answer.context());
        Context { stack: self.stack.as_deref(), ..context.unwrap_or_default() }
    }
}

impl Lookup {
    fn put_aside(&mut self) {
        if self.others.len() >= CAPACITY {
            self.others.clear();
        }
        self.others.extend(self.last.take());
    }

    fn read(&mut self, question: &Question) -> Known {
        let Question { sender, boot_ns, .. } = *question;
        let user = self.users.name(sender.uid, boot_ns).map(<[u8]>::to_vec);
        Known { boot_ns, answer: Answer { user, ..read_process(question) } }
    }
}

/// Where a message of a thread stands.
pub fn whereabouts(pid: u32, tid: u32) -> Whereabouts {
    if !sees_all() {
        return Whereabouts::MayHang;
    }
    match fs::read(format!("/proc/{pid}/task/{tid}/syscall")) {
        Ok(syscall) => Whereabouts::of_message(&syscall),
        Err(error) if says_gone(&error) => Whereabouts::Returned,
        Err(_) => Whereabouts::MayHang,
    }
}

/// Whether a thread is not there any more, for sure.
pub fn is_gone(pid: u32, tid: u32) -> bool {
    sees_all() && fs::exists(format!("/proc/{pid}/task/{tid}")).is_ok_and(|is_there| !is_there)
}

/// Whether every process can be found: none is hidden from us, and process ids are those of the initial
/// namespace, as those of senders are.
///
/// Source: `include/linux/proc_ns.h`, `PROC_PID_INIT_INO`; `hidepid` in `proc(5)`.
fn sees_all() -> bool {
    const INITIAL: u64 = 0xefff_fffc;
    let is_initial = |namespace: Metadata| namespace.ino() == INITIAL;
    fs::metadata("/proc/self/ns/pid").is_ok_and(is_initial)
        && fs::exists("/proc/1/stat").is_ok_and(|is| is)
}

/// The kernel's stack of a thread, where the kernel shows it: it must be waiting, and we be root.
fn stack(pid: u32, tid: u32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/task/{tid}/stack")).ok().filter(|stack| !stack.is_empty())
}

/// What `/proc` tells.
fn read_process(question: &Question) -> Answer {
    let directory = format!("/proc/{}", question.sender.pid);
    let directory = Path::new(&directory);
    let exe = fs::read_link(directory.join("exe")).ok();
    let cgroup = fs::read(directory.join("cgroup")).ok();
    // Asked after these: if the process is still the sender now, it was when they were read.
    let stat = match fs::read(directory.join("stat")) {
        Ok(stat) => stat,
        Err(error) => return Answer { gone: says_gone(&error), ..Answer::default() },
    };
    let Some(process) = Stat::parse(&stat).filter(|process| question.admits(process)) else {
        return Answer { gone: true, ..Answer::default() };
    };
    Answer {
        exe: exe.map(|path| path.into_os_string().into_vec()),
        cgroup: cgroup.and_then(|contents| unified_cgroup(&contents).map(<[u8]>::to_vec)),
        user: None,
        parent: read_parent(&process),
        gone: process.has_ended,
        stack: None,
    }
}

/// Whether it is for want of a process that its file cannot be read.
fn says_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

fn read_parent(process: &Stat<'_>) -> Option<Parent<Vec<u8>>> {
    let pid = Some(process.ppid).filter(|pid| *pid != 0)?;
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    Some(Parent { pid, comm: process.parent_comm(&stat).map(<[u8]>::to_vec) })
}
