//! Log-linear histograms: the bucket of a value, and the bounds of a bucket.
//!
//! Between a power of two and the next lie [`PARTS`] buckets of the same width, so that a bucket is
//! at most a quarter as wide as its lower bound. Values below [`PARTS`] have a bucket each, 0 among
//! them; those from [`LIMIT`] on share the last one.

/// Buckets between a power of two and the next.
pub const PARTS: u64 = 1 << PARTS_LOG2;
const PARTS_LOG2: u32 = 2;

/// From here on values are not told apart; 69 s in ns.
pub const LIMIT: u64 = 1 << 36;

/// Buckets of a histogram.
pub const BUCKETS: usize = place(LIMIT) + 1;

/// The bucket of a value, below [`BUCKETS`].
#[inline(always)]
pub const fn bucket(value: u64) -> usize {
    place(if value < LIMIT { value } else { LIMIT })
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

#[expect(clippy::cast_possible_truncation, reason = "a bucket is a small number")]
#[inline(always)]
const fn place(value: u64) -> usize {
    if value < PARTS {
        return value as usize;
    }
    // The number of octaves above the one that starts at `PARTS`.
    let octave = value.ilog2() - PARTS_LOG2;
    let part = (value >> octave) & (PARTS - 1);
    ((octave as u64 + 1) * PARTS + part) as usize
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, LIMIT, PARTS, bucket, lower_bound};

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
}
