//! A message's canonical verb: its first word, or the first two after `key`, in lower case.

/// Bytes of a canonical verb with its NUL; the longest verb of any target has 26 without.
pub const VERB_LEN: usize = 32;

/// A canonical verb under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Verb {
    bytes: [u8; VERB_LEN],
    len: u8,
    cut: bool,
}

impl Verb {
    /// The empty verb.
    pub const fn new() -> Self {
        Self { bytes: [0; VERB_LEN], len: 0, cut: false }
    }

    /// The verb `key`, as far as it goes without a second word.
    pub const KEY: Self = {
        let mut bytes = [0; VERB_LEN];
        bytes[0] = b'k';
        bytes[1] = b'e';
        bytes[2] = b'y';
        Self { bytes, len: 3, cut: false }
    };

    /// Whether there is more behind `key`.
    #[inline(always)]
    pub const fn starts_with_key(&self) -> bool {
        let [k, e, y, space, ..] = self.bytes;
        k == b'k' && e == b'e' && y == b'y' && space == b' '
    }

    /// Appends one byte of a word, folded as the kernel compares verbs.
    ///
    /// A quoted separator counts as a space, so that `key\ set` reads as `key set`.
    /// Source: `strcasecmp` in every target's message method; verbs are ASCII.
    #[inline(always)]
    pub fn push(&mut self, byte: u8) {
        let folded = if crate::argv::is_space(byte) { b' ' } else { byte.to_ascii_lowercase() };
        // The mask bounds the index for the verifier; the last byte is only written by a cut verb.
        self.bytes[self.len as usize & (VERB_LEN - 1)] = folded;
        if self.len as usize == VERB_LEN - 1 {
            self.cut = true;
        } else {
            self.len += 1;
        }
    }

    /// Whether the verb is exactly `word`, which must be shorter than `VERB_LEN`.
    #[inline(always)]
    pub fn is(&self, word: &[u8]) -> bool {
        if self.len as usize != word.len() || self.cut {
            return false;
        }
        let mut at = 0;
        while at < word.len() {
            if self.bytes[at & (VERB_LEN - 1)] != word[at] {
                return false;
            }
            at += 1;
        }
        true
    }

    /// Whether this is a message to device-mapper's core, which the target never sees.
    ///
    /// Source: `drivers/md/dm-ioctl.c`, `message_for_md`, 5.10 to 7.3.
    #[inline(always)]
    pub fn is_core(&self) -> bool {
        self.bytes[0] == b'@'
    }

    /// The bytes collected so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len as usize).unwrap_or(&self.bytes)
    }

    /// All bytes; zero after the verb's end, unless it is cut.
    #[inline(always)]
    pub const fn padded(&self) -> &[u8; VERB_LEN] {
        &self.bytes
    }

    /// Number of bytes collected.
    #[inline(always)]
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// Whether nothing was collected.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the words are longer than a verb may be.
    #[inline(always)]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }
}

impl Default for Verb {
    fn default() -> Self {
        Self::new()
    }
}
