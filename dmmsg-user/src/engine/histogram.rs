//! How values are spread, told by counts in log-linear buckets.

use dmmsg_common::hist::{BUCKETS, SIZE_BUCKETS, bucket, lower_bound};

/// Counts of values by bucket, as the kernel's programs keep them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    count: u64,
    sum: u128,
    max: u64,
}

/// So many values from a lower bound to below an upper one, which the last bucket has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lower bound.
    pub ge: u64,
    /// The upper bound.
    pub lt: Option<u64>,
    /// Values between them.
    pub count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), count: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    /// What was counted elsewhere, by [`bucket`]: counts, and sum and maximum of the values themselves.
    pub fn from_counts(counts: &[u64; BUCKETS], sum: u128, max: u64) -> Self {
        Self { counts: Box::new(*counts), count: counts.iter().sum(), sum, max }
    }

    /// Sizes that were counted elsewhere, of which nobody has kept the highest: it is taken for the
    /// highest that its bucket admits.
    pub fn of_sizes(sizes: &[u64; SIZE_BUCKETS], sum: u128) -> Self {
        let mut counts = [0; BUCKETS];
        counts[..SIZE_BUCKETS].copy_from_slice(sizes);
        let highest = sizes.iter().rposition(|count| *count > 0);
        let max = highest.map_or(0, |at| lower_bound(at + 1) - 1);
        Self::from_counts(&counts, sum, max)
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts.iter()).for_each(|(count, more)| *count += more);
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        // `bucket` is below `BUCKETS`.
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    /// Values counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the values.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The highest value; 0 where there is none.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The mean, rounded down; 0 where there is no value.
    pub fn mean(&self) -> u64 {
        // A mean of numbers of 64 bits has no more.
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// The value that so many of a thousand values do not exceed; 0 where there is none.
    ///
    /// It is the middle of a bucket, and below [`LIMIT`](dmmsg_common::hist::LIMIT) at most an eighth
    /// more or less than the exact one.
    pub fn quantile(&self, permille: u64) -> u64 {
        let rank = u128::from(self.count) * u128::from(permille);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += u128::from(*count);
            if *count > 0 && below * 1000 >= rank {
                return self.middle(at);
            }
        }
        self.max
    }

    fn middle(&self, at: usize) -> u64 {
        match upper_bound(at) {
            Some(high) => lower_bound(at).midpoint(high - 1).min(self.max),
            None => self.max,
        }
    }

    /// The buckets that are not empty.
    pub fn buckets(&self) -> impl Iterator<Item = Span> {
        let spans = self.counts.iter().enumerate().map(|(at, count)| Span {
            ge: lower_bound(at),
            lt: upper_bound(at),
            count: *count,
        });
        spans.filter(|span| span.count > 0)
    }

    /// The counts between powers of two, from the first that is not 0 to the last, and 0 apart.
    pub fn octaves(&self) -> Vec<Span> {
        let mut octaves: Vec<Span> = Vec::new();
        for (at, &count) in self.counts.iter().enumerate() {
            let (ge, lt) = (lower_bound(at), upper_bound(at));
            match octaves.last_mut() {
                Some(last) if ge > 1 && !ge.is_power_of_two() => {
                    *last = Span { ge: last.ge, lt, count: last.count + count };
                }
                _ => octaves.push(Span { ge, lt, count }),
            }
        }
        let is_full = |span: &Span| span.count > 0;
        let end = octaves.iter().rposition(is_full).map_or(0, |last| last + 1);
        octaves.truncate(end);
        let start = octaves.iter().position(is_full).unwrap_or(0);
        octaves.split_off(start)
    }
}

fn upper_bound(at: usize) -> Option<u64> {
    (at + 1 < BUCKETS).then(|| lower_bound(at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Histogram, Span};

    fn histogram(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.add(*value);
        }
        histogram
    }

    #[test]
    fn one_without_values() {
        let none = Histogram::default();
        assert_eq!((none.count(), none.mean(), none.max(), none.quantile(500)), (0, 0, 0, 0));
        assert_eq!((none.octaves(), none.buckets().count()), (vec![], 0));
    }

    #[test]
    fn octaves_have_no_gaps() {
        let span = |ge, lt, count| Span { ge, lt: Some(lt), count };
        assert_eq!(
            histogram(&[0, 0, 5, 7, 16]).octaves(),
            [
                span(0, 1, 2),
                span(1, 2, 0),
                span(2, 4, 0),
                span(4, 8, 2),
                span(8, 16, 0),
                span(16, 32, 1)
            ]
        );
        let last = Span { ge: 1 << 36, lt: None, count: 2 };
        assert_eq!(histogram(&[1 << 36, u64::MAX]).octaves(), [last]);
    }

    proptest! {
        #[test]
        fn quantiles_are_an_eighth_off_at_most(
            mut values in prop::collection::vec((0..1_u64 << 36, 0..36_u32), 1..200),
            permille in 1..=1000_u64,
        ) {
            let mut values: Vec<u64> = values.drain(..).map(|(value, less)| value >> less).collect();
            let quantile = histogram(&values).quantile(permille);
            values.sort_unstable();
            let rank = (values.len() as u64 * permille).div_ceil(1000);
            let exact = values[usize::try_from(rank).unwrap() - 1];
            prop_assert!(quantile.abs_diff(exact) <= exact / 8, "{quantile} for {exact}");
        }

        #[test]
        fn a_histogram_can_be_put_together(
            values in prop::collection::vec(any::<u64>(), 0..50),
            more in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let mut merged = histogram(&values);
            merged.merge(&histogram(&more));
            let whole = histogram(&[values, more].concat());
            prop_assert_eq!(&merged, &whole);
            let again = Histogram::from_counts(&whole.counts, whole.sum(), whole.max());
            prop_assert_eq!(again, whole);
        }

        #[test]
        fn all_values_are_counted(values in prop::collection::vec(any::<u64>(), 0..100)) {
            let histogram = histogram(&values);
            let count = values.len() as u64;
            prop_assert_eq!(histogram.count(), count);
            prop_assert_eq!(histogram.buckets().map(|span| span.count).sum::<u64>(), count);
            prop_assert_eq!(histogram.octaves().iter().map(|span| span.count).sum::<u64>(), count);
            prop_assert_eq!(histogram.sum, values.iter().map(|value| u128::from(*value)).sum());
            prop_assert_eq!(histogram.max(), values.iter().copied().max().unwrap_or(0));
        }
    }
}
