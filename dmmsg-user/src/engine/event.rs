//! What happened, as decoded from the ring.

use dmmsg_common::{
    argv::{Splitter, Token},
    dm::DevT,
    record::{Call, MessageHead, NO_HANDLER, NO_INDEX, flag},
    verb::Verb,
};

use super::{
    decode::{DecodeError, decode},
    direct::Direct,
    enrich::Question,
    ioctl::Ioctl,
};

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message to a device, by way of the control node, returned or is in flight.
    Message(Message<'a>),
    /// A direct ioctl returned.
    Direct(Direct<'a>),
    /// An ioctl to the control node that is no message returned.
    Ioctl(Ioctl<'a>),
    /// A record that this version cannot read.
    Bad(BadRecord),
}

impl<'a> Event<'a> {
    /// Decodes one record; every input gives an event.
    pub fn from_record(record: &'a [u8]) -> Self {
        match decode(record) {
            Ok(event) => event,
            Err(error) => Self::Bad(BadRecord { bytes: record.len(), error }),
        }
    }
}

impl Event<'_> {
    /// What every record tells, if it could be read.
    pub const fn call(&self) -> Option<&Call> {
        match self {
            Self::Message(message) => Some(&message.head.call),
            Self::Direct(direct) => Some(&direct.head.call),
            Self::Ioctl(ioctl) => Some(&ioctl.head.call),
            Self::Bad(_) => None,
        }
    }

    /// Whether this is a message that has not returned.
    pub const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Message(message) if message.is_in_flight())
    }

    /// What to ask about the caller, if the record could be read.
    pub fn question(&self) -> Option<Question> {
        let hangs_in = match self {
            Self::Message(message) if message.is_in_flight() => Some(message.head.call.tid),
            _ => None,
        };
        self.call().map(|call| Question { hangs_in, ..Question::about(call) })
    }

    /// Type of the target that a message is for, where it is known.
    pub fn target_type(&self) -> Option<&[u8]> {
        match self {
            Self::Message(message) => message.target_type(),
            Self::Direct(direct) => direct.target_type(),
            Self::Ioctl(_) | Self::Bad(_) => None,
        }
    }

    /// The canonical verb of a message, or the word for what an ioctl does.
    pub fn verb(&self) -> Option<&[u8]> {
        match self {
            Self::Message(message) => message.tag(),
            Self::Ioctl(ioctl) => ioctl.verb().map(str::as_bytes),
            Self::Direct(_) | Self::Bad(_) => None,
        }
    }

    /// Name and uuid of the device, empty where they are not known.
    pub const fn names(&self) -> [&[u8]; 2] {
        match self {
            Self::Message(message) => [message.name, message.uuid],
            Self::Direct(direct) => [direct.name, direct.uuid],
            Self::Ioctl(ioctl) => [ioctl.name, ioctl.uuid],
            Self::Bad(_) => [&[], &[]],
        }
    }
}

/// A record that this version cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// Length of the record in bytes.
    pub bytes: usize,
    /// What is wrong with it.
    pub error: DecodeError,
}

/// A message to a device-mapper device, over the bytes of its record.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The fixed part of the record.
    pub head: &'a MessageHead,
    /// The device's name; empty where none was seen.
    pub name: &'a [u8],
    /// The device's uuid; empty where it has none.
    pub uuid: &'a [u8],
    /// The text as captured: its start, without what is secret.
    pub text: &'a [u8],
    pub(super) tag: Tag<'a>,
    pub(super) redacted: bool,
}

/// Where a message's canonical verb is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// Behind the text: the kernel found it.
    Kernel(&'a [u8]),
    /// In the text, and plain as [`is_plain`](super::names::escape::is_plain) means it.
    Text(&'a [u8]),
    /// Here: it was made from the text.
    Host(Verb),
    Unknown,
}

impl Message<'_> {
    /// Time in the target's own message method, in ns, where it was seen.
    pub fn handler_ns(&self) -> Option<u64> {
        Some(self.head.handler_ns).filter(|ns| *ns != NO_HANDLER)
    }

    /// Whether the message has not returned, so that there is no result yet.
    pub const fn is_in_flight(&self) -> bool {
        self.has(flag::IN_FLIGHT)
    }

    /// Whether a bit of [`flag`] is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.head.flags & flag != 0
    }

    /// Command name of the sender's thread.
    pub fn comm(&self) -> &[u8] {
        until_nul(&self.head.call.comm)
    }

    /// The device's number, where the device was found or the sender named it by number.
    pub fn dev(&self) -> Option<DevT> {
        Some(DevT(self.head.call.dev)).filter(|dev| *dev != DevT(0))
    }

    /// Name of the target's type, where a target was found.
    pub fn target_type(&self) -> Option<&[u8]> {
        Some(until_nul(&self.head.target_type)).filter(|name| !name.is_empty())
    }

    /// Index of the target in its table, where one was found.
    pub fn target_index(&self) -> Option<u32> {
        Some(self.head.target_index).filter(|index| *index != NO_INDEX)
    }

    /// Sector that the sender addressed, in units of 512 bytes, where the message was seen.
    pub fn sector(&self) -> Option<u64> {
        self.was_seen().then_some(self.head.sector)
    }

    /// Bytes of the whole text without its NUL, where the message was seen.
    ///
    /// A lower bound under [`flag::LEN_AT_LEAST`].
    pub fn text_len(&self) -> Option<u32> {
        self.was_seen().then_some(self.head.text_len)
    }

    /// The canonical verb, where the message has one and it is not secret.
    pub fn tag(&self) -> Option<&[u8]> {
        let verb = match &self.tag {
            Tag::Kernel(verb) | Tag::Text(verb) => verb,
            Tag::Host(verb) => verb.as_bytes(),
            Tag::Unknown => &[],
        };
        Some(verb).filter(|verb| !verb.is_empty())
    }

    /// Whether part of the text is left out because it is secret.
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// Whether part of the text is left out because it is long.
    pub fn is_truncated(&self) -> bool {
        !self.redacted && (self.hidden_bytes() > 0 || self.has(flag::LEN_AT_LEAST))
    }

    /// Bytes of the text that were not captured.
    pub fn hidden_bytes(&self) -> usize {
        (self.head.text_len as usize).saturating_sub(self.text.len())
    }

    /// Hands the captured words to `take`, as the kernel splits them, through a buffer to reuse.
    ///
    /// Where the text is not whole, the last word may be cut.
    pub fn each_word(&self, word: &mut Vec<u8>, mut take: impl FnMut(&[u8])) {
        word.clear();
        let mut splitter = Splitter::new();
        let is_whole = !self.is_redacted() && !self.is_truncated();
        for byte in self.text.iter().map(Some).chain(is_whole.then_some(None)) {
            let token = match byte {
                Some(byte) => splitter.step(*byte),
                None => splitter.finish(),
            };
            match token {
                Token::Nothing => {}
                Token::Next(byte) => word.push(byte),
                Token::First(byte) => {
                    if !word.is_empty() {
                        take(word);
                        word.clear();
                    }
                    word.push(byte);
                }
            }
        }
        if !word.is_empty() {
            take(word);
        }
    }

    /// Whether only what is known to be harmless may be shown, as [`dmmsg_common::secret`] says.
    pub(super) fn is_strict(&self) -> bool {
        self.has(flag::SECURE) || self.head.target_type.starts_with(b"crypt\0")
    }

    /// Whether the kernel's lookup of the device was seen, and with it the message.
    fn was_seen(&self) -> bool {
        !self.has(flag::NO_LOOKUP)
    }
}

/// A zero-padded text without what follows its end.
pub(super) fn until_nul(padded: &[u8]) -> &[u8] {
    padded.split(|&byte| byte == 0).next().unwrap_or_default()
}
