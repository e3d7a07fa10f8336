//! A child process that never outlives us.
//!
//! It is killed when its handle is dropped, and by the kernel should we die first (`setpriv
//! --pdeathsig`). The kernel means the *thread* that started it: the thread that starts a child is the
//! one to wait for it.

use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::tool;

const POLL: Duration = Duration::from_millis(20);

/// A running child.
pub struct Guarded {
    child: Child,
}

/// A command for `program`, which must be installed, that [`Guarded::spawn`] can start.
pub fn command(program: &str) -> Command {
    let mut command = tool::command("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

impl Guarded {
    /// Starts what [`command`] made. What the child writes to standard output is for the caller to
    /// read, all of it, lest the child block.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(command: &mut Command) -> Result<(Self, ChildStdout)> {
        let child = command.stdout(Stdio::piped()).spawn().context("start setpriv")?;
        let mut guarded = Self { child };
        let stdout = guarded.child.stdout.take().context("read from a child process")?;
        Ok((guarded, stdout))
    }

    /// What the child reads, if the command asked for a pipe; the first caller gets it.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits until the child ends, `enough` says so, or `deadline` is there; the status if it ended.
    ///
    /// # Errors
    /// If the child cannot be waited for.
    pub fn wait(
        &mut self,
        deadline: Instant,
        mut enough: impl FnMut() -> bool,
    ) -> Result<Option<ExitStatus>> {
        loop {
            let status = self.child.try_wait().context("wait for a child process")?;
            if status.is_some() || enough() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail only if the child has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn dropping_the_handle_kills_the_child() {
        let (mut child, mut stdout) = Guarded::spawn(command("sleep").arg("1000")).unwrap();
        assert_eq!(child.wait(Instant::now(), || false).unwrap(), None);
        drop(child);
        assert_eq!(stdout.read(&mut [0]).unwrap(), 0, "its end of the pipe is closed");
    }
}
