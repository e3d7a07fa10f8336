//! Short values in plain ASCII, which stay in registers until they are written.

use dmmsg_common::{dm::DevT, nul::cut};

use crate::engine::{
    digits::{last_digit, last_pair},
    names::escape::is_plain_block,
};

/// Bytes of a short value at most.
pub const SHORT: usize = 16;

const SPACES: u64 = u64::from_le_bytes(*b"        ");

/// A value of at most [`SHORT`] bytes, built from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// Spaces follow the value.
    bytes: u128,
    len: usize,
}

impl Short {
    /// Nothing.
    pub const EMPTY: Self = Self { bytes: join(SPACES, SPACES), len: 0 };
    /// What stands for a value that is missing.
    pub const DASH: Self = Self::EMPTY.after(b'-');

    /// A number.
    pub fn number(number: u32) -> Self {
        Self::EMPTY.after_number(number)
    }

    /// A number with its sign.
    pub fn signed(number: i32) -> Self {
        let value = Self::number(number.unsigned_abs());
        if number < 0 { value.after(b'-') } else { value }
    }

    /// A device's number.
    pub fn dev(dev: DevT) -> Self {
        Self::number(dev.minor()).after(b':').after_number(dev.major())
    }

    /// A zero-padded text, if all of it is plain.
    pub fn padded(text: &[u8; SHORT]) -> Option<Self> {
        let [first, second] = zerocopy::transmute!(*text);
        let (first, first_len) = until_nul(first);
        let (second, second_len) = if first_len < 8 { (SPACES, 0) } else { until_nul(second) };
        let value = Self { bytes: join(first, second), len: first_len + second_len };
        is_plain_block(&value.bytes()).then_some(value)
    }

    /// The value after one more byte.
    pub const fn after(self, byte: u8) -> Self {
        Self { bytes: self.bytes << 8 | byte as u128, len: self.len + 1 }
    }

    /// The value after a number.
    pub fn after_number(mut self, mut number: u32) -> Self {
        while number >= 100 {
            self = self.after_pair(number);
            number /= 100;
        }
        if number >= 10 { self.after_pair(number) } else { self.after(last_digit(number)) }
    }

    fn after_pair(self, number: u32) -> Self {
        let pair = u16::from_le_bytes(last_pair(number));
        Self { bytes: self.bytes << 16 | u128::from(pair), len: self.len + 2 }
    }

    /// The value and the spaces that follow it.
    pub const fn bytes(self) -> [u8; SHORT] {
        self.bytes.to_le_bytes()
    }

    /// Bytes of the value.
    pub const fn len(self) -> usize {
        self.len
    }
}

const fn join(first: u64, second: u64) -> u128 {
    first as u128 | (second as u128) << 64
}

/// A word with spaces from its first NUL on, and how many bytes stand before that.
fn until_nul(word: u64) -> (u64, usize) {
    let piece = cut(word);
    match piece.ends_at {
        Some(len) => (piece.word | SPACES << (8 * len), len as usize),
        None => (word, 8),
    }
}
