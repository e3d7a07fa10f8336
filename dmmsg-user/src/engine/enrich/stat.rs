//! A process, by the contents of its `/proc/PID/stat`.

/// Nanoseconds per unit of the times in `/proc/PID/stat` (`USER_HZ` is 100).
const NS_PER_TICK: u64 = 10_000_000;

/// Set when a thread begins to end, before it loses its memory and with that its executable.
///
/// Source: Linux v6.1 and v6.12, `include/linux/sched.h`; `kernel/exit.c`, `do_exit`.
const PF_EXITING: u64 = 4;

/// What is read of a process's `/proc/PID/stat`.
///
/// Source: `proc_pid_stat(5)`; the second field may hold spaces and parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Command name of its first thread.
    pub comm: &'a [u8],
    /// Process id of its parent; 0 where it has none.
    pub ppid: u32,
    /// When it started, in ns since boot, rounded down to a tick.
    pub start_boot_ns: u64,
    /// Whether its last thread has ended or is ending: its parent may not have noticed.
    pub has_ended: bool,
}

impl<'a> Stat<'a> {
    /// Reads the file's contents; nothing of one that is cut or makes no sense.
    pub fn parse(contents: &'a [u8]) -> Option<Self> {
        let comm_start = contents.iter().position(|&byte| byte == b'(')? + 1;
        let comm_end = contents.iter().rposition(|&byte| byte == b')')?;
        let mut fields = contents.get(comm_end..)?.split(|&byte| byte == b' ').skip(1);
        let state = fields.next()?;
        let ppid = number(fields.next()?)?;
        // Fields 9, 20 and 22.
        let flags = number(fields.nth(4)?)?;
        let threads = number(fields.nth(10)?)?;
        let ticks = number(fields.nth(1)?)?;
        Some(Self {
            comm: contents.get(comm_start..comm_end)?,
            ppid: ppid.try_into().ok()?,
            start_boot_ns: ticks.checked_mul(NS_PER_TICK)?,
            // The first thread of a process, which all this is about, may end before the others.
            has_ended: (flags & PF_EXITING != 0 || matches!(state, b"Z" | b"X")) && threads <= 1,
        })
    }

    /// Command name of its parent, by what is in the parent's place now.
    ///
    /// A process that started later has only the parent's process id.
    pub fn parent_comm<'p>(&self, parent: &'p [u8]) -> Option<&'p [u8]> {
        let parent = Stat::parse(parent)?;
        (parent.start_boot_ns <= self.start_boot_ns).then_some(parent.comm)
    }
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Stat;
    use expect_test::{Expect, expect};

    /// A process whose first thread is in `state`, of so many threads.
    fn stat(comm: &str, state: char, threads: u32, ticks: u64) -> Vec<u8> {
        with_flags(comm, state, 0x0040_0000, threads, ticks)
    }

    fn with_flags(comm: &str, state: char, flags: u32, threads: u32, ticks: u64) -> Vec<u8> {
        let times = "1 2 3 4 5 6 7 8 20 0";
        format!("812 ({comm}) {state} 77 812 812 0 -1 {flags} {times} {threads} 0 {ticks} 9 9\n")
            .into_bytes()
    }

    fn check(contents: &[u8], expected: &Expect) {
        let stat = Stat::parse(contents).map(|stat| {
            let comm = String::from_utf8_lossy(stat.comm);
            format!("{comm}, of {}, since {}, {}", stat.ppid, stat.start_boot_ns, stat.has_ended)
        });
        expected.assert_eq(&stat.unwrap_or_else(|| "nothing".to_owned()));
    }

    #[test]
    fn fields_are_found_behind_a_hostile_command_name() {
        check(&stat("lvm", 'S', 1, 998), &expect!["lvm, of 77, since 9980000000, false"]);
        check(
            &stat("a) R 1 (b", 'S', 1, 998),
            &expect!["a) R 1 (b, of 77, since 9980000000, false"],
        );
    }

    #[test]
    fn a_process_has_ended_with_its_last_thread() {
        check(&stat("lvm", 'Z', 1, 998), &expect!["lvm, of 77, since 9980000000, true"]);
        check(&stat("lvm", 'X', 0, 998), &expect!["lvm, of 77, since 9980000000, true"]);
        check(&stat("lvm", 'Z', 2, 998), &expect!["lvm, of 77, since 9980000000, false"]);
    }

    #[test]
    fn a_process_has_ended_when_its_last_thread_begins_to() {
        check(
            &with_flags("lvm", 'R', 0x0040_0004, 1, 998),
            &expect!["lvm, of 77, since 9980000000, true"],
        );
        check(
            &with_flags("lvm", 'R', 0x0040_0004, 2, 998),
            &expect!["lvm, of 77, since 9980000000, false"],
        );
    }

    #[test]
    fn a_file_that_is_cut_tells_nothing() {
        let whole = stat("x", 'S', 1, 998);
        for len in 0..whole.len() - "98 9 9\n".len() {
            assert_eq!(Stat::parse(&whole[..len]), None, "{len}");
        }
        check(&stat("x", 'S', 1, u64::MAX), &expect!["nothing"]);
        check(b"1 )x( S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 1 0 5 0", &expect!["nothing"]);
    }

    #[test]
    fn a_parent_is_not_younger_than_its_child() {
        let child = stat("dmsetup", 'S', 1, 998);
        let child = Stat::parse(&child).unwrap();
        assert_eq!(child.parent_comm(&stat("sh", 'S', 1, 998)), Some(&b"sh"[..]));
        assert_eq!(child.parent_comm(&stat("sh", 'S', 1, 999)), None);
        assert_eq!(child.parent_comm(b""), None);
    }
}
