//! Reads the first word of a text and the text's length eight bytes at a time, where that is enough.
//!
//! It is for verbs as programs send them: in lower case, from the text's first byte to a separator or
//! to its end. Whatever else a text begins with matches no name in a vocabulary, and takes the
//! byte-wise way of [`crate::secret`].

use crate::{
    argv::is_space,
    nul::{index_of, zero_bytes},
};

/// Words of an opening; a canonical verb has no more.
pub const WORDS: usize = crate::verb::VERB_LEN / 8;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x80 * ONES;

/// The start of a text, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// In the first word.
    InWord,
    /// Behind the first word.
    Behind,
    /// At the end of the text, which has so many bytes in its last piece.
    Ended(u32),
    /// The first word is none that a name could be.
    Strange,
}

/// Reads a piece, little-endian, of a text whose first word has not ended before.
///
/// Returns the bytes that belong to the word, with zeroes behind them, and where the text stands now.
#[inline(always)]
pub const fn read(text: u64) -> (u64, Opening) {
    // The lowest of these bits is right, for only what is above it can have been borrowed from.
    let stops = (text.wrapping_sub(0x21 * ONES) | text) & TOPS;
    if stops == 0 {
        return (text, Opening::InWord);
    }
    let top = stops & stops.wrapping_neg();
    // The lowest bit of the byte that stops the word.
    let one = top >> 7;
    let word = text & (one - 1);
    let stop = text & (top | (top - one));
    if stop == 0 {
        return (word, Opening::Ended(index_of(top)));
    }
    if stop == one << 5 || is_space(bottom(stop)) {
        return (word, after(text));
    }
    (word, Opening::Strange)
}

/// Reads a piece behind the first word.
#[inline(always)]
pub const fn after(text: u64) -> Opening {
    let zeroes = zero_bytes(text);
    if zeroes == 0 {
        return Opening::Behind;
    }
    Opening::Ended(index_of(zeroes & zeroes.wrapping_neg()))
}

/// The only byte of a word that is not zero.
#[inline(always)]
const fn bottom(byte: u64) -> u8 {
    // The top byte of the product is the sum of all.
    (byte.wrapping_mul(ONES) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::{Opening, after, read};
    use crate::argv::is_space;

    #[test]
    fn words_end_where_the_kernel_ends_them() {
        for (text, word, stands) in [
            (b"delete 7", &b"delete"[..], Opening::Behind),
            (b"a 7\0zzzz", b"a", Opening::Ended(3)),
            (b"@stats_c", b"@stats_c", Opening::InWord),
            (b"ab\0\x01\xff\0\0\0", b"ab", Opening::Ended(2)),
            (b"ab\xa0cdefg", b"ab", Opening::Behind),
            (b"ab\x01cdefg", b"ab", Opening::Strange),
            (b"ab\x80cdefg", b"ab", Opening::Strange),
            (b"ab\x0bcde\0g", b"ab", Opening::Ended(6)),
            (b" abcdefg", b"", Opening::Behind),
            (b"\0abcdefg", b"", Opening::Ended(0)),
            (b"abcdefg\x7f", b"abcdefg\x7f", Opening::InWord),
        ] {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            let found = read(u64::from_le_bytes(*text));
            assert_eq!(found, (u64::from_le_bytes(bytes), stands), "{text:x?}");
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for (at, place) in (0..8).zip(0_usize..) {
                let mut text = *b"AbCdEfGh";
                text[place] = byte;
                let stops = !(0x21..=0x7f).contains(&byte);
                let mut word = text;
                if stops {
                    word[place..].fill(0);
                }
                let stands = match byte {
                    0 => Opening::Ended(at),
                    byte if is_space(byte) => Opening::Behind,
                    _ if stops => Opening::Strange,
                    _ => Opening::InWord,
                };
                let text = u64::from_le_bytes(text);
                assert_eq!(read(text), (u64::from_le_bytes(word), stands), "{byte:#x} at {at}");
                let behind = if byte == 0 { Opening::Ended(at) } else { Opening::Behind };
                assert_eq!(after(text), behind);
            }
        }
    }
}
