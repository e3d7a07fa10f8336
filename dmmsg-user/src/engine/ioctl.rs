//! An ioctl to the control node that is no message to a target, over the bytes of its record.

use dmmsg_common::{
    dm::{Cmd, DevT, SUSPEND_FLAG},
    record::{IoctlHead, ioctl_flag},
};

use super::names::ioctl::{COMMANDS, Command, command};

/// A control ioctl.
#[derive(Clone, Copy, Debug)]
pub struct Ioctl<'a> {
    /// The fixed part of the record.
    pub head: &'a IoctlHead,
    /// Name of the device; empty where none was given.
    pub name: &'a [u8],
    /// Uuid of the device; empty where it has none or none was given.
    pub uuid: &'a [u8],
}

/// Name of the command that suspends or resumes.
const SUSPEND: &str = "suspend";
/// What is said of it where it resumes.
pub const RESUME: &str = "resume";

/// All that [`Ioctl::verb`] can say.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name).chain([RESUME])
}

impl Ioctl<'_> {
    /// Whether the sender's header could be read.
    pub const fn is_readable(&self) -> bool {
        self.head.flags & ioctl_flag::HEADER_UNREADABLE == 0
    }

    /// The command, if it is one that we know.
    pub fn command(&self) -> Option<&'static Command> {
        command(Cmd(self.head.cmd))
    }

    /// What the command does: its name, but for suspend and resume, which are one command.
    pub fn verb(&self) -> Option<&'static str> {
        let name = self.command()?.name;
        let resumes = name == SUSPEND && self.head.flags_in & SUSPEND_FLAG == 0;
        Some(if resumes { RESUME } else { name })
    }

    /// The device's number, where it is known.
    pub fn dev(&self) -> Option<DevT> {
        Some(DevT(self.head.call.dev)).filter(|dev| *dev != DevT(0))
    }
}
