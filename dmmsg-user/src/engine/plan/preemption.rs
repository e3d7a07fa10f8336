//! Whether the kernel preempts tasks that run in it.
//!
//! It matters since a program for fentry is skipped while an earlier run of it on the same CPU is not
//! over, which is only where a task was preempted in the middle of it. Kprobes run with preemption
//! off. Source: `kernel/bpf/trampoline.c`, `__bpf_prog_enter_recur`, 6.1 to 7.3.

/// What the shell can read of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs<'a> {
    /// `/sys/kernel/debug/sched/preempt`: all models, the one in force in parentheses.
    pub debugfs: Option<&'a str>,
    /// `/proc/cmdline`.
    pub command_line: &'a str,
    /// The kernel's version as `uname -v` prints it.
    pub version: &'a str,
}

/// The first release that knows no model without preemption, on the machines that we know.
///
/// Source: `kernel/Kconfig.preempt`, `PREEMPT_NONE`, which depends on an architecture without lazy
/// preemption since 7.0.
pub const ALWAYS: (u32, u32) = (7, 0);

/// Whether the kernel preempts itself; what cannot be told is told by the release.
pub fn is_preemptible(signs: Signs<'_>, release: Option<(u32, u32)>) -> bool {
    if let Some(models) = signs.debugfs {
        return ["(full)", "(lazy)"].iter().any(|model| models.contains(model));
    }
    let booted = |model: &str| {
        signs.command_line.split_ascii_whitespace().any(|word| word == format!("preempt={model}"))
    };
    let words: Vec<_> = signs.version.split_ascii_whitespace().collect();
    if words.contains(&"PREEMPT_DYNAMIC") {
        let is_young = release.is_some_and(|release| release >= ALWAYS);
        return booted("full") || booted("lazy") || is_young;
    }
    ["PREEMPT", "PREEMPT_RT", "PREEMPT_LAZY"].iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::{Signs, is_preemptible};

    #[test]
    fn the_model_in_force_decides() {
        for (models, expected) in [
            ("none (voluntary) full \n", false),
            ("(none) voluntary full\n", false),
            ("full (lazy) \n", true),
            ("none voluntary (full)\n", true),
        ] {
            let signs = Signs { debugfs: Some(models), ..Signs::default() };
            assert_eq!(is_preemptible(signs, Some((6, 12))), expected, "{models}");
        }
    }

    #[test]
    fn without_debugfs_the_kernel_says_what_it_was_built_and_booted_for() {
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-01)";
        let full = "quiet preempt=full";
        for (version, command_line, release, expected) in [
            (dynamic, "quiet", (6, 12), false),
            (dynamic, full, (6, 12), true),
            (dynamic, "quiet", (7, 2), true),
            ("#1 SMP Debian 5.10.262-1 (2026-10-01)", "quiet", (5, 10), false),
            ("#1 SMP PREEMPT_RT Debian 6.1.192-2", "quiet", (6, 1), true),
        ] {
            let signs = Signs { debugfs: None, command_line, version };
            assert_eq!(is_preemptible(signs, Some(release)), expected, "{version} {command_line}");
        }
    }
}
