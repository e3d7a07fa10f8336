//! Tells whether a block of memory holds a NUL, many bytes at a time.

/// Bytes of a block. An aligned block never crosses a page.
pub const BLOCK: usize = 64;

/// A block as words.
pub type Words = [u64; BLOCK / 8];

/// Whether a byte of the block is zero.
///
/// Without a branch, for the sake of the verifier. Taking 1 from each byte borrows into the top bit
/// of a zero byte, or of one that had its top bit set, which the second factor rules out.
#[inline(always)]
pub fn has_nul(block: &Words) -> bool {
    block.iter().fold(0, |found, word| {
        found | word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
    }) != 0
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, has_nul};

    #[test]
    fn a_nul_is_found_at_every_place_and_nowhere_else() {
        for other in [0x01, 0x7f, 0x80, 0x81, 0xff] {
            assert!(!has_nul(&[u64::from_le_bytes([other; 8]); BLOCK / 8]));
            for at in 0..BLOCK {
                let mut bytes = [other; BLOCK];
                bytes[at] = 0;
                let words = core::array::from_fn(|i| {
                    u64::from_le_bytes(core::array::from_fn(|j| bytes[8 * i + j]))
                });
                assert!(has_nul(&words));
            }
        }
    }
}
