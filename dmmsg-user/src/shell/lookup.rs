//! Answers from `/proc` about a message's sender.

use std::{
    collections::HashMap,
    fs,
    os::unix::ffi::OsStringExt,
    path::Path,
    time::{Duration, Instant},
};

use crate::engine::enrich::{Context, Question, Sender, unified_cgroup};

/// How long an answer is taken to hold: a sender may start another program.
const LIFETIME: Duration = Duration::from_secs(1);

/// Senders remembered at most; a machine has few at a time.
const CAPACITY: usize = 256;

/// Looks senders up, and remembers them for a moment.
#[derive(Debug, Default)]
pub struct Lookup {
    answers: HashMap<Sender, Answer>,
}

#[derive(Debug)]
struct Answer {
    read_at: Instant,
    exe: Option<Vec<u8>>,
    cgroup: Option<Vec<u8>>,
}

impl Lookup {
    /// What is known of a sender now; nothing of one that is gone.
    pub fn answer(&mut self, question: &Question) -> Context<'_> {
        let now = Instant::now();
        let fresh = |answer: &Answer| now.duration_since(answer.read_at) < LIFETIME;
        if !self.answers.get(&question.sender).is_some_and(fresh) {
            if self.answers.len() >= CAPACITY {
                self.answers.clear();
            }
            self.answers.insert(question.sender, Answer::read(question, now));
        }
        self.answers.get(&question.sender).map(Answer::context).unwrap_or_default()
    }
}

impl Answer {
    fn read(question: &Question, read_at: Instant) -> Self {
        let directory = format!("/proc/{}", question.sender.pid);
        let directory = Path::new(&directory);
        let exe = fs::read_link(directory.join("exe")).ok();
        let cgroup = fs::read(directory.join("cgroup")).ok();
        // Asked last: if the process is still the sender now, it was when the rest was read.
        let stat = fs::read(directory.join("stat")).unwrap_or_default();
        if !question.admits_stat(&stat) {
            return Self { read_at, exe: None, cgroup: None };
        }
        Self {
            read_at,
            exe: exe.map(|path| path.into_os_string().into_vec()),
            cgroup: cgroup.and_then(|contents| unified_cgroup(&contents).map(<[u8]>::to_vec)),
        }
    }

    fn context(&self) -> Context<'_> {
        Context { exe: self.exe.as_deref(), cgroup: self.cgroup.as_deref() }
    }
}
