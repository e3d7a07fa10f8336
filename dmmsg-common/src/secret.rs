//! Which bytes of a message are key material.
//!
//! Two rules, both on the words as the kernel splits them:
//!
//! 1. Whatever the target, all that follows `key` is secret, but for the words `set` and `wipe`.
//! 2. Where the target is `crypt` or the sender asked for secrecy (*strict*), only `key set`,
//!    `key wipe` and core messages are known to be harmless; any other text is secret as a whole,
//!    for its first word may be the key.

use crate::{
    argv::{Splitter, Token, is_space},
    verb::Verb,
};

/// Offset that stands for "nothing is secret".
pub const NO_SECRET: u32 = u32::MAX;

/// Whether a message that starts with `first` could name a key, so that it must be scanned.
///
/// Any other first byte starts a word that is not `key`.
#[inline(always)]
pub const fn may_name_key(first: u8) -> bool {
    matches!(first, b'k' | b'K' | b'\\') || is_space(first)
}

/// Reads a message byte by byte and finds its verb and where its secret starts.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Scan {
    /// Bytes read so far, the message's length once it ended.
    pub length: u32,
    secret_from: u32,
    verb: Verb,
    splitter: Splitter,
    /// Offset of the second word.
    second: u32,
    words: u8,
    strict: bool,
    settled: bool,
}

impl Scan {
    /// Starts a scan; `strict` as defined by the module's second rule.
    #[inline(always)]
    pub const fn new(strict: bool) -> Self {
        Self {
            length: 0,
            secret_from: NO_SECRET,
            verb: Verb::new(),
            splitter: Splitter::new(),
            second: 0,
            words: 0,
            strict,
            settled: false,
        }
    }

    /// Feeds one byte, which must not be the terminating NUL.
    #[inline(always)]
    pub fn step(&mut self, byte: u8) {
        let offset = self.length;
        self.length += 1;
        if self.settled {
            return;
        }
        let token = self.splitter.step(byte);
        self.take(token, offset);
    }

    /// Ends the message and settles what is still open.
    #[inline(always)]
    pub fn finish(&mut self) {
        if self.settled {
            return;
        }
        // A backslash that quotes nothing is the message's last byte.
        let token = self.splitter.finish();
        self.take(token, self.length.saturating_sub(1));
        if !self.settled {
            self.settle(NO_SECRET);
        }
    }

    /// Gives up before the message's end: what was not read must be taken for a secret.
    #[inline(always)]
    pub fn abandon(&mut self) {
        if !self.settled {
            self.settled = true;
            self.secret_from = 0;
        }
    }

    /// Whether verb and secret are known, so that further bytes only count.
    #[inline(always)]
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Offset of the first secret byte, or [`NO_SECRET`].
    #[inline(always)]
    pub const fn secret_from(&self) -> u32 {
        self.secret_from
    }

    /// The canonical verb, or nothing where the verb itself may be a secret.
    #[inline(always)]
    pub fn verb(&self) -> Option<&Verb> {
        if self.secret_from == 0 { None } else { Some(&self.verb) }
    }

    #[inline(always)]
    fn take(&mut self, token: Token, offset: u32) {
        match token {
            Token::Nothing => {}
            Token::First(byte) => self.first(byte, offset),
            Token::Next(byte) => self.next(byte, offset),
        }
    }

    #[inline(always)]
    fn first(&mut self, byte: u8, offset: u32) {
        self.words += 1;
        if self.words == 1 {
            self.verb.push(byte);
        } else if self.words == 2 && self.verb.is(b"key") {
            self.second = offset;
            self.verb.push(b' ');
            self.verb.push(byte);
        } else if self.words > 2 || self.verb.is(b"key set") || self.verb.is(b"key wipe") {
            self.settle(offset);
        } else {
            self.settle(NO_SECRET);
        }
    }

    #[inline(always)]
    fn next(&mut self, byte: u8, offset: u32) {
        // `key\ set\ 00ff` is one word to the kernel, and a key all the same.
        if self.verb.is(b"key set") {
            self.settle(offset);
        } else {
            self.verb.push(byte);
        }
    }

    /// The verb is complete; `rest` is where rule 1 puts the start of the secret.
    #[inline(always)]
    fn settle(&mut self, rest: u32) {
        self.settled = true;
        let known = self.verb.is(b"key set") || self.verb.is(b"key wipe");
        if self.strict && !known && !self.verb.is_core() && self.words > 0 {
            self.secret_from = 0;
        } else if self.verb.starts_with_key() && !known {
            // Someone forgot `set`. Where `key` and the rest are one word, nothing is shown.
            self.secret_from = self.second;
            self.verb = Verb::KEY;
        } else {
            self.secret_from = rest;
        }
    }
}
