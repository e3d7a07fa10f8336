//! Classic buckets: counts below powers of two, which log-linear buckets give exactly.

use crate::engine::histogram::Histogram;

/// Where the buckets of a metric end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The first bound is 2 to this power.
    pub first_log2: u32,
    /// The last one is 2 to this power; one without a bound follows.
    pub last_log2: u32,
    /// What values are divided by to be in the metric's unit.
    pub divisor: f64,
}

/// Of latencies counted in ns, in seconds: 1.024 us to 17.2 s.
pub const NANOSECONDS: Bounds = Bounds { first_log2: 10, last_log2: 34, divisor: 1e9 };

/// Of lengths: 1 byte to 64 KiB.
pub const BYTES: Bounds = Bounds { first_log2: 0, last_log2: 16, divisor: 1.0 };

impl Bounds {
    /// Number of buckets, the last one included.
    pub const fn len(&self) -> usize {
        (self.last_log2 - self.first_log2) as usize + 2
    }

    /// Always false: there is a bucket without a bound.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// How many values lie in each bucket, below its bound and not below the one before; `None` is
    /// the bound of the last.
    pub fn counts(&self, histogram: &Histogram) -> Vec<(Option<u64>, u64)> {
        let bounds = (self.first_log2..=self.last_log2).map(|log2| Some(1 << log2));
        let mut counts: Vec<_> = bounds.chain([None]).map(|bound| (bound, 0)).collect();
        for span in histogram.buckets() {
            let holds = |bound: Option<u64>| match (bound, span.lt) {
                (None, _) => true,
                (Some(bound), Some(lt)) => lt <= bound,
                (Some(_), None) => false,
            };
            if let Some((_, count)) = counts.iter_mut().find(|(bound, _)| holds(*bound)) {
                *count += span.count;
            }
        }
        counts
    }

    /// The sum of a histogram's values in the metric's unit.
    pub fn sum(&self, histogram: &Histogram) -> f64 {
        self.scaled_wide(histogram.sum())
    }

    /// A value in the metric's unit, rounded to the nearest that a float can hold.
    pub fn scaled(&self, value: u64) -> f64 {
        self.scaled_wide(u128::from(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    fn scaled_wide(&self, value: u128) -> f64 {
        value as f64 / self.divisor
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BYTES, Bounds, NANOSECONDS};
    use crate::engine::histogram::Histogram;

    fn check(bounds: &Bounds, values: &[u64]) {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.add(*value);
        }
        let counts = bounds.counts(&histogram);
        assert_eq!(counts.len(), bounds.len());
        let mut below = 0;
        for (bound, count) in counts {
            below += count;
            let exact = values.iter().filter(|value| bound.is_none_or(|bound| **value < bound));
            assert_eq!(below, exact.count() as u64, "below {bound:?}");
        }
    }

    #[test]
    fn a_value_on_a_bound_counts_above_it() {
        let mut histogram = Histogram::default();
        histogram.add(1024);
        let counts = NANOSECONDS.counts(&histogram);
        assert_eq!(counts[..2], [(Some(1024), 0), (Some(2048), 1)]);
    }

    proptest! {
        #[test]
        fn counts_are_exact(
            values in prop::collection::vec((any::<u64>(), 0..64_u32), 0..100)
        ) {
            let values: Vec<_> = values.iter().map(|(value, less)| value >> less).collect();
            check(&NANOSECONDS, &values);
            check(&BYTES, &values);
        }
    }
}
