//! Questions about a sender that its messages do not answer.
//!
//! The engine asks, the shell looks the answer up in `/proc`. A sender may be gone by then, or its
//! process id given to another process: an answer that may be about another process is no answer.

mod container;
pub mod passwd;
pub mod stack;
pub mod stat;
pub mod syscall;
mod unit;

use std::borrow::Cow;

use dmmsg_common::{dm::COMM_LEN, record::Call};

use self::stat::Stat;

/// What identifies a sender.
///
/// Two messages with the same sender ask the same question, apart from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The sender itself.
    pub sender: Sender,
    /// When it was seen: `CLOCK_BOOTTIME` in ns.
    pub boot_ns: u64,
    /// The thread of it that hangs in the kernel, if one does: its stack is asked for too.
    pub hangs_in: Option<u32>,
}

/// What tells a process from others that had its process id before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// Process id, in the initial namespace.
    pub pid: u32,
    /// Real user id, in the initial namespace.
    pub uid: u32,
    /// Command name, zero-padded.
    pub comm: [u8; COMM_LEN],
    /// Cgroup id.
    pub cgroup_id: u64,
}

/// What is known of a sender beyond its messages; all bytes are a stranger's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Path of its executable.
    pub exe: Option<&'a [u8]>,
    /// Path of its cgroup in the unified hierarchy.
    pub cgroup: Option<&'a [u8]>,
    /// Name of its real user; known even of a sender that is gone.
    pub user: Option<&'a [u8]>,
    /// The process that it is a child of.
    pub parent: Option<Parent<&'a [u8]>>,
    /// Whether it had ended, or its process id was another's, when it was looked for.
    pub gone: bool,
    /// The kernel's stack of its thread, as `/proc/PID/stack` shows it; asked for only where a
    /// message hangs.
    pub stack: Option<&'a [u8]>,
}

/// A process that has children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent<Bytes> {
    /// Its process id, in the initial namespace.
    pub pid: u32,
    /// Command name of its first thread; unknown if it ended meanwhile.
    pub comm: Option<Bytes>,
}

impl<'a> Context<'a> {
    /// The systemd unit that its cgroup belongs to; a slice only if there is nothing better.
    pub fn unit(&self) -> Option<&'a [u8]> {
        self.cgroup.and_then(unit::unit)
    }

    /// Id or name of the container that its cgroup belongs to.
    pub fn container(&self) -> Option<Cow<'a, [u8]>> {
        self.cgroup.and_then(container::container)
    }
}

/// A [`Context`] to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// As [`Context::exe`].
    pub exe: Option<Vec<u8>>,
    /// As [`Context::cgroup`].
    pub cgroup: Option<Vec<u8>>,
    /// As [`Context::user`].
    pub user: Option<Vec<u8>>,
    /// As [`Context::parent`].
    pub parent: Option<Parent<Vec<u8>>>,
    /// As [`Context::gone`].
    pub gone: bool,
    /// As [`Context::stack`].
    pub stack: Option<Vec<u8>>,
}

impl Answer {
    /// The answer, borrowed.
    pub fn context(&self) -> Context<'_> {
        let parent = self.parent.as_ref();
        Context {
            exe: self.exe.as_deref(),
            cgroup: self.cgroup.as_deref(),
            user: self.user.as_deref(),
            parent: parent.map(|of| Parent { pid: of.pid, comm: of.comm.as_deref() }),
            gone: self.gone,
            stack: self.stack.as_deref(),
        }
    }
}

impl From<Context<'_>> for Answer {
    fn from(context: Context<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            exe: owned(context.exe),
            cgroup: owned(context.cgroup),
            user: owned(context.user),
            parent: context.parent.map(|of| Parent { pid: of.pid, comm: owned(of.comm) }),
            gone: context.gone,
            stack: owned(context.stack),
        }
    }
}

/// Who answers questions: the machine that the sender runs on, or a capture of it.
pub trait Answers {
    /// What is known of the sender; of one that is gone, little.
    fn answer(&mut self, question: &Question) -> Context<'_>;
}

impl Question {
    /// The question that a call raises.
    pub const fn about(call: &Call) -> Self {
        let Call { pid, uid, comm, cgroup_id, .. } = *call;
        Self { sender: Sender { pid, uid, comm, cgroup_id }, boot_ns: call.boot_ns, hangs_in: None }
    }

    /// Whether a process could have sent the message.
    ///
    /// A process that started later has only the sender's process id.
    pub const fn admits(&self, process: &Stat<'_>) -> bool {
        process.start_boot_ns <= self.boot_ns
    }
}

/// Path in the unified hierarchy, by the contents of `/proc/PID/cgroup`.
///
/// Source: `cgroups(7)`; the unified hierarchy has the number 0 and no controllers.
pub fn unified_cgroup(contents: &[u8]) -> Option<&[u8]> {
    contents.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Context, Parent, unified_cgroup};

    #[test]
    fn cgroup_of_the_unified_hierarchy_is_found_among_others() {
        let hybrid =
            b"5:devices:/x\n1:name=systemd:/init.scope\n0::/system.slice/multipathd.service\n";
        assert_eq!(unified_cgroup(hybrid), Some(&b"/system.slice/multipathd.service"[..]));
        assert_eq!(unified_cgroup(b"5:devices:/x\n"), None);
    }

    #[test]
    fn an_answer_keeps_all_of_a_context() {
        let context = Context {
            exe: Some(b"/usr/sbin/dmsetup"),
            cgroup: Some(b"/system.slice/docker.service"),
            user: Some(b"root"),
            parent: Some(Parent { pid: 1, comm: Some(b"systemd") }),
            gone: true,
            stack: None,
        };
        for context in [context, Context { parent: None, ..context }, Context::default()] {
            assert_eq!(Answer::from(context).context(), context);
        }
    }
}
