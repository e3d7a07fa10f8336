//! An ioctl of device-mapper's type that was sent to a device, over the bytes of its record.

use dmmsg_common::{
    dm::{Cmd, DevT, PROBE_PATHS_NR},
    record::{DirectHead, direct_flag},
};

use super::event::until_nul;

/// All that [`Direct::cmd_name`] can say.
pub const CMD_NAMES: [&str; 2] = ["DM_MESSAGE", "DM_MPATH_PROBE_PATHS"];

/// Source: `include/uapi/asm-generic/errno-base.h`.
const ENOTTY: i32 = 25;

/// A direct ioctl.
#[derive(Clone, Copy, Debug)]
pub struct Direct<'a> {
    /// The fixed part of the record.
    pub head: &'a DirectHead,
    /// The device's name; empty where it could not be read.
    pub name: &'a [u8],
    /// The device's uuid; empty where it has none.
    pub uuid: &'a [u8],
}

impl Direct<'_> {
    /// Whether a bit of [`direct_flag`] is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.head.flags & flag != 0
    }

    /// The ioctl's number.
    pub const fn cmd(&self) -> Cmd {
        Cmd(self.head.cmd)
    }

    /// The ioctl's name: those that mean something to a device have one.
    ///
    /// The others of device-mapper's numbers belong to the control node.
    pub fn cmd_name(&self) -> Option<&'static str> {
        let [message, probe_paths] = CMD_NAMES;
        match self.cmd() {
            Cmd::DM_MESSAGE => Some(message),
            cmd if cmd.number() == PROBE_PATHS_NR => Some(probe_paths),
            _ => None,
        }
    }

    /// The device's number.
    pub fn dev(&self) -> Option<DevT> {
        Some(DevT(self.head.call.dev)).filter(|dev| *dev != DevT(0))
    }

    /// Name of the addressed target's type, if the table has a target of that index.
    pub fn target_type(&self) -> Option<&[u8]> {
        Some(until_nul(&self.head.target_type)).filter(|name| !name.is_empty())
    }

    /// Index, tag and length of a message as the sender wrote them, where they could be read.
    pub fn message(&self) -> Option<DirectMessage<'_>> {
        let readable = self.cmd() == Cmd::DM_MESSAGE && !self.has(direct_flag::HEAD_UNREADABLE);
        let captured = usize::from(self.head.payload_bytes);
        readable.then_some(DirectMessage {
            index: self.head.index,
            tag: self.head.tag,
            len: self.head.len,
            payload: self.head.payload.get(..captured).unwrap_or(&self.head.payload),
        })
    }

    /// Why the ioctl failed, if that can be told.
    pub fn explain(&self) -> Option<&'static str> {
        let no_such_ioctl = self.head.call.ret == -ENOTTY;
        (no_such_ioctl && self.cmd() == Cmd::DM_MESSAGE)
            .then_some("this kernel takes messages by its control node alone")
    }

    /// Bytes of the payload that were not captured, by the sender's word for its length.
    pub fn hidden_bytes(&self) -> u32 {
        let len = u32::try_from(self.head.len).unwrap_or(0);
        len.saturating_sub(u32::from(self.head.payload_bytes))
    }

    /// Whether another device passed the ioctl on to this one.
    pub const fn is_forwarded(&self) -> bool {
        self.head.layer > 0
    }
}

/// What the sender of a direct message wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectMessage<'a> {
    /// Index of the target that is addressed.
    pub index: i32,
    /// Tag.
    pub tag: i32,
    /// Bytes of the payload.
    pub len: i32,
    /// What was captured of the payload.
    pub payload: &'a [u8],
}
