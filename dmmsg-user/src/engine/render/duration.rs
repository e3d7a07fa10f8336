//! Times as people read them.

use std::fmt;

/// A time in ns, shown by three digits and the unit that fits; `{:#}` leaves out the space between.
pub struct Duration(pub u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ns) = *self;
        let space = if f.alternate() { "" } else { " " };
        let (unit_ns, unit) = match ns {
            ..1_000 => return f.pad(&format!("{ns}{space}ns")),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (whole, rest) = (ns / unit_ns, ns % unit_ns);
        // Cut, not rounded, so that no value shows as more than it is.
        let digits = format!("{:03}", rest / (unit_ns / 1_000));
        let decimals = match whole {
            0..10 => 2,
            10..100 => 1,
            _ => return f.pad(&format!("{whole}{space}{unit}")),
        };
        f.pad(&format!("{whole}.{}{space}{unit}", digits.get(..decimals).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (1_024, "1.02 us"),
            (19_999, "19.9 us"),
            (524_288, "524 us"),
            (1_048_576, "1.04 ms"),
            (68_719_476_736, "68.7 s"),
            (7_000_000_000_000, "7000 s"),
        ] {
            assert_eq!(Duration(ns).to_string(), expected);
        }
    }
}
