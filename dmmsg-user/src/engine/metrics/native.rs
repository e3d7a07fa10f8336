//! Native histograms: a log-linear histogram in the exponential buckets that Prometheus keeps whole.
//!
//! Schema 2 has four buckets between a power of two and the next, as our own have, but their bounds
//! are others. So a bucket of ours goes as a whole to the one that holds its middle. Counts and sum
//! stay exact; where a value is told by its bucket alone, it is off by less than [`ERROR_PERCENT`].

use super::buckets::Bounds;
use crate::engine::histogram::{Histogram, Span};

/// The schema: 2 to this power buckets between a power of two and the next.
pub const SCHEMA: i32 = 2;

/// The value of a bucket is its geometric middle; a value that was counted there is at most so much
/// more or less.
pub const ERROR_PERCENT: u32 = 22;

/// Values up to this one are zero: 2 to the power of -128, which client libraries use.
pub const ZERO_THRESHOLD: f64 = f64::from_bits((1023 - 128) << 52);

/// Buckets of schema [`SCHEMA`], as the protocol writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Native {
    /// Values that are 0.
    pub zero_count: u64,
    /// Runs of buckets: how far from the end of the one before, and how many buckets.
    pub spans: Vec<(i32, u32)>,
    /// Each bucket's count less that of the bucket before.
    pub deltas: Vec<i64>,
}

/// The native buckets of a histogram whose values are in units of a metric's bounds.
pub fn native(histogram: &Histogram, bounds: &Bounds) -> Native {
    let mut native = Native::default();
    let mut next = None;
    let mut last_count = 0;
    for (index, count) in indexed(histogram, bounds, &mut native.zero_count) {
        let gap = index - next.unwrap_or(0);
        match native.spans.last_mut() {
            Some((_, len)) if gap == 0 => *len += 1,
            _ => native.spans.push((gap, 1)),
        }
        next = Some(index + 1);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        native.deltas.push(count - last_count);
        last_count = count;
    }
    if native.spans.is_empty() {
        // Says that there are native buckets, none of which is needed.
        native.spans.push((0, 0));
    }
    native
}

/// Counts by index, both in order.
fn indexed(histogram: &Histogram, bounds: &Bounds, zero_count: &mut u64) -> Vec<(i32, u64)> {
    let mut counts: Vec<(i32, u64)> = Vec::new();
    for span in histogram.buckets() {
        if span.ge == 0 {
            *zero_count += span.count;
            continue;
        }
        let index = index(bounds.scaled(middle(&span)));
        match counts.last_mut() {
            Some((last, count)) if *last == index => *count += span.count,
            _ => counts.push((index, span.count)),
        }
    }
    counts
}

/// Of the values that a bucket holds, the middle one; of the last bucket, the lowest.
fn middle(span: &Span) -> u64 {
    span.lt.map_or(span.ge, |lt| span.ge.midpoint(lt - 1))
}

/// The bucket of a positive value: that of index i ends, inclusive, at 2 to the power of i/4.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm of a finite float is small")]
fn index(value: f64) -> i32 {
    (value.log2() * f64::from(1 << SCHEMA)).ceil() as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ERROR_PERCENT, Native, native};
    use crate::engine::{
        histogram::Histogram,
        metrics::buckets::{BYTES, NANOSECONDS},
    };

    /// Geometric middle and count of each bucket.
    fn buckets(native: &Native) -> Vec<(f64, u64)> {
        let (mut index, mut count, mut deltas) = (0, 0, native.deltas.iter());
        let mut buckets = Vec::new();
        for (offset, len) in &native.spans {
            index += offset;
            for _ in 0..*len {
                count += deltas.next().unwrap();
                let middle = ((f64::from(index) - 0.5) / 4.0).exp2();
                buckets.push((middle, u64::try_from(count).unwrap()));
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        buckets
    }

    #[test]
    fn gaps_part_spans() {
        let mut histogram = Histogram::default();
        for value in [0, 1, 1, 2, 1000] {
            histogram.add(value);
        }
        // 1 ends the bucket of index 0, 2 that of index 4; of 1000's bucket, the middle is 959.
        let expected =
            Native { zero_count: 1, spans: vec![(0, 1), (3, 1), (35, 1)], deltas: vec![2, -1, 0] };
        assert_eq!(native(&histogram, &BYTES), expected);
    }

    #[test]
    fn none_counted_is_told_from_none_kept() {
        assert_eq!(native(&Histogram::default(), &BYTES).spans, [(0, 0)]);
    }

    proptest! {
        #[test]
        fn no_value_is_lost_or_far_off(
            values in prop::collection::vec((0..1_u64 << 36, 0..37_u32), 0..200),
        ) {
            let mut values: Vec<_> = values.iter().map(|(value, less)| value >> less).collect();
            values.sort_unstable();
            let mut histogram = Histogram::default();
            for value in &values {
                histogram.add(*value);
            }
            for bounds in [NANOSECONDS, BYTES] {
                let native = native(&histogram, &bounds);
                let mut told = vec![0.0; usize::try_from(native.zero_count).unwrap()];
                for (middle, count) in buckets(&native) {
                    told.extend(std::iter::repeat_n(middle, usize::try_from(count).unwrap()));
                }
                prop_assert_eq!(told.len(), values.len());
                for (told, value) in told.iter().zip(&values) {
                    let exact = bounds.scaled(*value);
                    let error = exact * f64::from(ERROR_PERCENT) / 100.0;
                    prop_assert!((told - exact).abs() <= error, "{told} for {exact}");
                }
            }
        }
    }
}
