//! Log-linear histograms: the bucket of a value, and the bounds of a bucket.
//!
//! Between a power of two and the next lie [`PARTS`] buckets of the same width, so that a bucket is
//! at most a quarter as wide as its lower bound. Values below [`PARTS`] have a bucket each, 0 among
//! them; those from [`LIMIT`] on share the last one.
#![expect(clippy::cast_possible_truncation, reason = "a bucket is a small number")]

/// Buckets between a power of two and the next.
pub const PARTS: u64 = 1 << PARTS_LOG2;
const PARTS_LOG2: u32 = 2;

/// From here on values are not told apart; 69 s in ns.
pub const LIMIT: u64 = 1 << 36;

/// Buckets of a histogram.
pub const BUCKETS: usize = place(LIMIT, HALVES) + 1;

/// The bucket of a value, below [`BUCKETS`].
#[inline(always)]
pub const fn bucket(value: u64) -> usize {
    place(if value < LIMIT { value } else { LIMIT }, HALVES)
}

/// From here on the sizes of messages are not told apart; 64 KiB.
pub const SIZE_LIMIT: u64 = 1 << 16;

/// Buckets of a histogram of sizes, which are the first of any.
pub const SIZE_BUCKETS: usize = place(SIZE_LIMIT, HALVES) + 1;

/// The bucket of a size, below [`SIZE_BUCKETS`].
#[inline(always)]
pub const fn size_bucket(bytes: u32) -> usize {
    let bytes = bytes as u64;
    // A size has fewer digits, and takes a step less.
    place(if bytes < SIZE_LIMIT { bytes } else { SIZE_LIMIT }, HALVES / 2)
}

/// The lowest value of a bucket; that of the next one, where this ends, is the bucket's upper bound.
pub const fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let octave = bucket / PARTS - 1;
    (PARTS + bucket % PARTS) << octave
}

#[inline(always)]
const fn place(value: u64, halves: u32) -> usize {
    if value < PARTS {
        return value as usize;
    }
    // The number of octaves above the one that starts at `PARTS`.
    let octave = log2(value, halves) - PARTS_LOG2;
    let part = (value >> octave) & (PARTS - 1);
    ((octave as u64 + 1) * PARTS + part) as usize
}

/// Half of the digits that a value may have, and of those that [`log2`] looks at first.
const HALVES: u32 = 32;

/// The logarithm to base 2, rounded down, of a value of at most twice so many digits.
///
/// By halves down to four digits, for which there is a table: BPF cannot count zeroes, and what the
/// compiler makes of `ilog2` takes 45 instructions.
#[inline(always)]
const fn log2(value: u64, halves: u32) -> u32 {
    /// The logarithm of each number of four digits, in two digits each.
    const OF_FOUR: u32 = 0xffff_aa50;
    let (mut rest, mut log2) = (value, 0);
    let mut step = halves;
    while step >= 4 {
        if rest >> step != 0 {
            rest >>= step;
            log2 += step;
        }
        step /= 2;
    }
    log2 + (OF_FOUR >> ((2 * rest as u32) & 31) & 3)
}

#[cfg(test)]
mod tests {
    use super::{
        BUCKETS, LIMIT, PARTS, SIZE_BUCKETS, SIZE_LIMIT, bucket, lower_bound, size_bucket,
    };

    #[test]
    fn buckets_touch_and_hold_what_is_between_their_bounds() {
        assert_eq!(BUCKETS, 141);
        assert_eq!((lower_bound(0), lower_bound(BUCKETS - 1)), (0, LIMIT));
        for at in 0..BUCKETS - 1 {
            let (low, high) = (lower_bound(at), lower_bound(at + 1));
            assert!(low < high, "{at}");
            assert!(low < PARTS || high - low <= low / PARTS, "{at}: {low} to {high}");
            for value in [low, low + (high - low) / 2, high - 1] {
                assert_eq!(bucket(value), at, "{value}");
            }
        }
        for value in [LIMIT, LIMIT + 1, u64::MAX] {
            assert_eq!(bucket(value), BUCKETS - 1);
        }
    }

    #[test]
    fn sizes_have_the_buckets_of_other_values() {
        assert_eq!((SIZE_BUCKETS, bucket(SIZE_LIMIT)), (61, SIZE_BUCKETS - 1));
        for bytes in 0..=1 << 16 {
            assert_eq!(size_bucket(bytes), bucket(u64::from(bytes)));
        }
        assert_eq!(size_bucket(u32::MAX), SIZE_BUCKETS - 1);
    }
}
