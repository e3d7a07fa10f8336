//! How a run ended, as its exit code tells.

/// The exit codes that `dmmsg-trace` uses; all programs share their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The run did what was asked; a reader that closed the pipe counts.
    Done = 0,
    /// Something failed while running.
    Failed = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The probes cannot be attached, or the privilege does not suffice.
    Refused = 3,
    /// The capture is invalid.
    Invalid = 4,
    /// Events were lost under `--strict`.
    Lost = 6,
}

impl Exit {
    /// The code for the parent process.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
