//! Answers from `/proc` about a message's sender.

use std::{collections::HashMap, fs, os::unix::ffi::OsStringExt, path::Path};

use crate::engine::enrich::{Answers, Context, Question, Sender, unified_cgroup};

/// How long an answer is taken to hold, in ns: a sender may start another program.
const LIFETIME_NS: u64 = 1_000_000_000;

/// Senders remembered at most; a machine has few at a time.
const CAPACITY: usize = 256;

/// Looks senders up, and remembers them for a moment.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The sender asked about last, who most often is the next one too.
    last: Option<(Sender, Answer)>,
    others: HashMap<Sender, Answer>,
}

#[derive(Debug)]
struct Answer {
    /// When the sender was asked about first.
    boot_ns: u64,
    exe: Option<Vec<u8>>,
    cgroup: Option<Vec<u8>>,
}

impl Answers for Lookup {
    fn answer(&mut self, question: &Question) -> Context<'_> {
        let holds = |answer: &Answer| question.boot_ns.abs_diff(answer.boot_ns) < LIFETIME_NS;
        if !self.last.as_ref().is_some_and(|(of, answer)| *of == question.sender && holds(answer)) {
            let known = self.others.remove(&question.sender).filter(holds);
            let answer = known.unwrap_or_else(|| Answer::read(question));
            self.put_aside();
            self.last = Some((question.sender, answer));
        }
        self.last.as_ref().map(|(_, answer)| answer.context()).unwrap_or_default()
    }
}

impl Lookup {
    fn put_aside(&mut self) {
        if self.others.len() >= CAPACITY {
            self.others.clear();
        }
        self.others.extend(self.last.take());
    }
}

impl Answer {
    fn read(question: &Question) -> Self {
        let directory = format!("/proc/{}", question.sender.pid);
        let directory = Path::new(&directory);
        let exe = fs::read_link(directory.join("exe")).ok();
        let cgroup = fs::read(directory.join("cgroup")).ok();
        // Asked last: if the process is still the sender now, it was when the rest was read.
        let stat = fs::read(directory.join("stat")).unwrap_or_default();
        let boot_ns = question.boot_ns;
        if !question.admits_stat(&stat) {
            return Self { boot_ns, exe: None, cgroup: None };
        }
        Self {
            boot_ns,
            exe: exe.map(|path| path.into_os_string().into_vec()),
            cgroup: cgroup.and_then(|contents| unified_cgroup(&contents).map(<[u8]>::to_vec)),
        }
    }

    fn context(&self) -> Context<'_> {
        Context { exe: self.exe.as_deref(), cgroup: self.cgroup.as_deref() }
    }
}
