//! What a thread asked the kernel for.

use dmmsg_common::dm::{Cmd, IOCTL_TYPE, TARGET_MSG_NR};

/// The number of `ioctl(2)` for programs of 64 and of 32 bits.
///
/// Source: `arch/x86/entry/syscalls`, `syscall_64.tbl` and `syscall_32.tbl`.
const IOCTL: [&[u8]; 2] = [b"16", b"54"];

/// Where a call of a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It has returned for sure.
    Returned,
    /// The thread is on a processor or waits for one, where nobody can look: it may be asked again.
    Runs,
    /// The thread waits in a call, which may be this one.
    MayHang,
}

impl Whereabouts {
    /// Where a message stands, by its sender's `/proc/PID/syscall`.
    ///
    /// Source: `proc_pid_syscall(5)`; `fs/proc/base.c`, `proc_pid_syscall`: `NUMBER ARGUMENT...`.
    pub fn of_message(syscall: &[u8]) -> Self {
        if syscall.starts_with(b"running") {
            return Self::Runs;
        }
        let mut words = syscall.split(|byte| *byte == b' ');
        let is_ioctl = words.next().is_some_and(|number| IOCTL.contains(&number));
        let cmd = words.nth(1).and_then(number).map(Cmd);
        let is_message =
            cmd.is_some_and(|cmd| cmd.kind() == IOCTL_TYPE && cmd.number() == TARGET_MSG_NR);
        if is_ioctl && is_message { Self::MayHang } else { Self::Returned }
    }
}

/// A command's number; one of an `unsigned int` may come with the upper half set.
fn number(word: &[u8]) -> Option<u32> {
    let digits = str::from_utf8(word).ok()?.strip_prefix("0x")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    u32::try_from(number & u64::from(u32::MAX)).ok()
}

#[cfg(test)]
mod tests {
    use super::Whereabouts::{self, MayHang, Returned, Runs};

    #[test]
    fn a_thread_tells_where_its_message_stands() {
        for (syscall, expected) in [
            ("16 0x3 0xc138fd0e 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", MayHang),
            ("16 0x4 0xffffffffc138fd0e 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", MayHang),
            ("54 0x3 0xc138fd0e 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", MayHang),
            ("running\n", Runs),
            ("16 0x3 0xc138fd08 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", Returned),
            ("0 0x3 0xc138fd0e 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", Returned),
            ("16 0x3 0x5401 0x55e6a8 0x0 0x7f 0x0 0x7ffd 0x7f01\n", Returned),
            ("202 0x55 0x80 0x2 0x0 0x0 0x0 0x7ffd 0x7f01\n", Returned),
            ("-1 0x7ffd 0x7f01\n", Returned),
            ("0\n", Returned),
            ("", Returned),
        ] {
            assert_eq!(Whereabouts::of_message(syscall.as_bytes()), expected, "{syscall}");
        }
    }
}
