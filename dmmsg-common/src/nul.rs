//! Finds the NUL that ends a text, eight bytes at a time.

/// Bytes of a block. An aligned block never crosses a page.
pub const BLOCK: usize = 64;

/// A block as little-endian words.
pub type Words = [u64; BLOCK / 8];

/// Whether a byte of the words is zero; without a branch, for the sake of the verifier.
#[inline(always)]
pub fn has_nul(words: &[u64]) -> bool {
    words.iter().fold(0, |found, word| found | zero_bytes(*word)) != 0
}

/// The part of a text that a word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The word, with zeroes from the NUL on.
    pub word: u64,
    /// Bytes before the NUL, if the text ends here.
    pub ends_at: Option<u32>,
}

/// Cuts a word at its first NUL.
#[inline(always)]
pub const fn cut(word: u64) -> Piece {
    let zeroes = zero_bytes(word);
    if zeroes == 0 {
        return Piece { word, ends_at: None };
    }
    let lowest = zeroes & zeroes.wrapping_neg();
    Piece { word: word & ((lowest - 1) >> 7), ends_at: Some(index_of(lowest)) }
}

/// A word whose lowest set bit is the top bit of the lowest zero byte; zero where there is none.
///
/// Taking 1 from each byte borrows into the top bit of a zero byte, or of one that had its top bit
/// set, which the second factor rules out. Only a byte above a zero byte can be wrong.
#[inline(always)]
pub(crate) const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

/// Index of the byte whose top bit is the only bit of `bit`; BPF cannot count zeroes.
///
/// The factor's bytes are their own indices from the top, and multiplying by a power of two brings
/// one of them there.
#[inline(always)]
pub(crate) const fn index_of(bit: u64) -> u32 {
    ((bit >> 7).wrapping_mul(0x0001_0203_0405_0607) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Piece, cut, has_nul};

    #[test]
    fn words_are_cut_at_their_first_nul() {
        for other in [0x01, 0x7f, 0x80, 0x81, 0xff] {
            for rest in [0x00, 0x01, 0x80, 0xff] {
                for at in 0..8 {
                    let (mut bytes, mut text) = ([rest; 8], [0; 8]);
                    bytes[..at].fill(other);
                    bytes[at] = 0;
                    text[..at].fill(other);
                    let expected =
                        Piece { word: u64::from_le_bytes(text), ends_at: u32::try_from(at).ok() };
                    assert_eq!(cut(u64::from_le_bytes(bytes)), expected);
                }
            }
        }
    }

    #[test]
    fn words_without_nul_stay_whole() {
        for byte in 1..=255 {
            let word = u64::from_le_bytes([byte; 8]);
            assert_eq!(cut(word), Piece { word, ends_at: None });
            assert!(!has_nul(&[word; BLOCK / 8]));
        }
    }

    #[test]
    fn a_nul_is_seen_in_every_word_of_a_block() {
        for at in 0..BLOCK / 8 {
            let mut block = [u64::MAX; BLOCK / 8];
            block[at] &= !0xff00;
            assert!(has_nul(&block));
        }
    }
}
