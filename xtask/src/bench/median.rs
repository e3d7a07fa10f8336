//! The median, for rounds of which one or the other is interrupted.

/// The middle one of `values`, of two middle ones the lower; `None` of nothing.
pub fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_does_not_matter() {
        assert_eq!(median(vec![5, 2_300_000, 4, 6, 5]), Some(5));
        assert_eq!(median(vec![2, 1]), Some(1));
        assert_eq!(median(vec![7]), Some(7));
        assert_eq!(median(vec![]), None);
    }
}
