//! How `msg` starts for a plain text, kept from the last message: in a burst, it is the same.

use super::{SHORT, object::Object};
use crate::engine::{event::Message, targets::Class};

/// The last verb, what it was sent to, and the members that tell of it.
#[derive(Debug, Default)]
pub struct Opening {
    target_type: [u8; SHORT],
    verb: Vec<u8>,
    /// From `msg` up to the first word of `argv`; empty before the first message.
    members: Vec<u8>,
}

impl Opening {
    /// Writes `msg` up to its first word, which is the verb and its own form.
    #[inline]
    pub fn write(&mut self, line: &mut Object<'_>, message: &Message<'_>, verb: &[u8]) {
        if self.verb != verb
            || self.target_type != message.head.target_type
            || self.members.is_empty()
        {
            self.compose(message, verb);
        }
        line.plain(&self.members);
    }

    #[inline(never)]
    fn compose(&mut self, message: &Message<'_>, verb: &[u8]) {
        self.target_type = message.head.target_type;
        self.verb.clear();
        self.verb.extend_from_slice(verb);
        self.members.clear();
        let class = Class::of(message.target_type(), verb).name();
        let mut line = Object(&mut self.members);
        line.raw(br#"},"msg":{"interface":"control","tag":""#).plain(verb);
        line.raw(br#"","class":""#).plain(class.as_bytes());
        line.raw(br#"","argv":[""#).plain(verb);
    }
}
