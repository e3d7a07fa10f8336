//! Questions about a sender that its messages do not answer.
//!
//! The engine asks, the shell looks the answer up in `/proc`. A sender may be gone by then, or its
//! process id given to another process: an answer that may be about another process is no answer.

use dmmsg_common::dm::COMM_LEN;

use super::event::Message;

/// What identifies a sender.
///
/// Two messages with the same sender ask the same question, apart from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The sender itself.
    pub sender: Sender,
    /// When it was seen: `CLOCK_BOOTTIME` in ns.
    pub boot_ns: u64,
}

/// What tells a process from others that had its process id before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// Process id, in the initial namespace.
    pub pid: u32,
    /// Command name, zero-padded.
    pub comm: [u8; COMM_LEN],
    /// Cgroup id.
    pub cgroup_id: u64,
}

/// What is known of a sender beyond its messages; all bytes are the sender's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Path of its executable.
    pub exe: Option<&'a [u8]>,
    /// Path of its cgroup in the unified hierarchy.
    pub cgroup: Option<&'a [u8]>,
}

/// Who answers questions: the machine that the sender runs on, or a capture of it.
pub trait Answers {
    /// What is known of the sender; nothing of one that is gone.
    fn answer(&mut self, question: &Question) -> Context<'_>;
}

impl Question {
    /// The question that a message raises.
    pub fn about(message: &Message<'_>) -> Self {
        let head = message.head;
        let sender = Sender { pid: head.pid, comm: head.comm, cgroup_id: head.cgroup_id };
        Self { sender, boot_ns: head.boot_ns }
    }

    /// Whether a process could have sent the message, by the contents of its `/proc/PID/stat`.
    ///
    /// A process that started later has only the sender's process id.
    pub fn admits_stat(&self, stat: &[u8]) -> bool {
        start_boot_ns(stat).is_some_and(|start| start <= self.boot_ns)
    }
}

/// Nanoseconds per unit of the times in `/proc/PID/stat` (`USER_HZ` is 100).
const NS_PER_TICK: u64 = 10_000_000;

/// When a process started, in ns since boot, rounded down to a tick.
///
/// Source: `proc_pid_stat(5)`, field 22; the second field may hold spaces and parentheses.
fn start_boot_ns(stat: &[u8]) -> Option<u64> {
    let comm_end = stat.iter().rposition(|&byte| byte == b')')?;
    let ticks = stat.get(comm_end..)?.split(|&byte| byte == b' ').nth(20)?;
    str::from_utf8(ticks).ok()?.parse::<u64>().ok()?.checked_mul(NS_PER_TICK)
}

/// Path in the unified hierarchy, by the contents of `/proc/PID/cgroup`.
///
/// Source: `cgroups(7)`; the unified hierarchy has the number 0 and no controllers.
pub fn unified_cgroup(contents: &[u8]) -> Option<&[u8]> {
    contents.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))
}

#[cfg(test)]
mod tests {
    use super::{start_boot_ns, unified_cgroup};

    #[test]
    fn start_time_is_found_behind_a_hostile_command_name() {
        let stat =
            b"81233 (a) R 1 (b) S 1 81233 81233 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 998 9 9\n";
        assert_eq!(start_boot_ns(stat), Some(9_980_000_000));
    }

    #[test]
    fn a_stat_that_is_cut_has_no_start_time() {
        for stat in
            [&b""[..], b"1 (x", b"1 (x) S 1 1", b"1 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 -5"]
        {
            assert_eq!(start_boot_ns(stat), None);
        }
    }

    #[test]
    fn cgroup_of_the_unified_hierarchy_is_found_among_others() {
        let hybrid =
            b"5:devices:/x\n1:name=systemd:/init.scope\n0::/system.slice/multipathd.service\n";
        assert_eq!(unified_cgroup(hybrid), Some(&b"/system.slice/multipathd.service"[..]));
        assert_eq!(unified_cgroup(b"5:devices:/x\n"), None);
    }
}
