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

/// Offset of the first zero byte.
#[inline(always)]
pub fn first_nul(words: &[u64]) -> Option<u32> {
    let mut offset = 0;
    for word in words {
        let zeroes = zero_bytes(*word);
        if zeroes != 0 {
            return Some(offset + lowest_byte(zeroes));
        }
        offset += 8;
    }
    None
}

/// A word whose lowest set bit is the top bit of the lowest zero byte; zero where there is none.
///
/// Taking 1 from each byte borrows into the top bit of a zero byte, or of one that had its top bit
/// set, which the second factor rules out. Only a byte above a zero byte can be wrong.
#[inline(always)]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

/// Index of the lowest byte that is not zero, by halving: BPF cannot count trailing zeroes.
#[inline(always)]
const fn lowest_byte(mut word: u64) -> u32 {
    let mut index = 0;
    if word & 0xffff_ffff == 0 {
        word >>= 32;
        index += 4;
    }
    if word & 0xffff == 0 {
        word >>= 16;
        index += 2;
    }
    if word & 0xff == 0 {
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Words, first_nul, has_nul};

    #[test]
    fn the_first_nul_is_found_at_every_place() {
        for other in [0x01, 0x7f, 0x80, 0x81, 0xff] {
            for rest in [0x00, 0x01, 0x80] {
                for at in 0..BLOCK {
                    let mut bytes = [rest; BLOCK];
                    bytes[..at].fill(other);
                    bytes[at] = 0;
                    assert!(has_nul(&words(&bytes)));
                    assert_eq!(first_nul(&words(&bytes)), Some(at as u32));
                }
            }
        }
    }

    #[test]
    fn no_nul_is_found_where_there_is_none() {
        for byte in 1..=255 {
            assert!(!has_nul(&words(&[byte; BLOCK])));
            assert_eq!(first_nul(&words(&[byte; BLOCK])), None);
        }
    }

    fn words(bytes: &[u8; BLOCK]) -> Words {
        core::array::from_fn(|i| u64::from_le_bytes(core::array::from_fn(|j| bytes[8 * i + j])))
    }
}
