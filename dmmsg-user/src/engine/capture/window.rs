//! The part of a file that is being read.

use zerocopy::IntoBytes as _;

/// Bytes that were handed over and not read yet, at whole words where the file has them.
#[derive(Debug, Default)]
pub struct Window {
    words: Vec<u64>,
    start: usize,
    end: usize,
}

impl Window {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(self.start..self.end).unwrap_or_default()
    }

    /// Adds bytes that follow.
    pub fn push(&mut self, bytes: &[u8]) {
        // What was read comes in whole words: what is left starts at one, here as there.
        self.words.as_mut_bytes().copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let end = self.end + bytes.len();
        self.words.resize(self.words.len().max(end.div_ceil(8)), 0);
        if let Some(room) = self.words.as_mut_bytes().get_mut(self.end..end) {
            room.copy_from_slice(bytes);
        }
        self.end = end;
    }

    /// Takes bytes off the start: whole words, lest what follows lie askew.
    pub const fn leave(&mut self, bytes: usize) {
        self.start += bytes;
    }
}
