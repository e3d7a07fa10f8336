//! Durations and sizes, as people type them.

use std::{num::NonZeroU64, str::FromStr, time::Duration};

use thiserror::Error;

/// Why a quantity cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// The number before the unit is missing or not a number.
    #[error("expected a number, got `{got}`")]
    Number {
        /// What stands in its place.
        got: String,
    },
    /// The unit is missing or unknown.
    #[error("must end in one of the units {known}")]
    Unit {
        /// The known units.
        known: &'static str,
    },
    /// The quantity is out of range.
    #[error("must be {range}")]
    Range {
        /// What is in range.
        range: &'static str,
    },
}

/// Reads a duration such as `5s`, `1.5ms`, `100us` or `2m`; it is at least 1 ns.
///
/// # Errors
/// No number, no unit, or out of range.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = split_unit(text)?;
    let unit_ns = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(QuantityError::Unit { known: "ns, us, ms, s, m, h" }),
    };
    let ns = scale(number, unit_ns)?;
    u64::try_from(ns)
        .ok()
        .filter(|ns| *ns > 0)
        .map(Duration::from_nanos)
        .ok_or(QuantityError::Range { range: "from 1ns to 500 years" })
}

/// Reads an interval: a duration, or a number of seconds; it is at least 10 ms.
///
/// # Errors
/// No number, an unknown unit, or out of range.
pub fn parse_interval(text: &str) -> Result<Duration, QuantityError> {
    let is_number = text.ends_with(|last: char| last.is_ascii_digit());
    let range = QuantityError::Range { range: "10ms or longer" };
    match parse_duration(&if is_number { format!("{text}s") } else { text.to_owned() }) {
        Ok(interval) if interval >= Duration::from_millis(10) => Ok(interval),
        Ok(_) | Err(QuantityError::Range { .. }) => Err(range),
        Err(error) => Err(error),
    }
}

/// Size of a ring buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSize {
    wanted_bytes: u32,
}

impl RingSize {
    /// What a run without `--ring` gets: room for some 40,000 messages.
    pub const DEFAULT: Self = Self { wanted_bytes: 8 << 20 };
    const MAX_BYTES: u32 = 1 << 30;

    /// Size to ask the kernel for: a power of two, and at least one page, of `page_bytes` each.
    ///
    /// Source: `kernel/bpf/ringbuf.c`, `ringbuf_map_alloc`, 6.1 to 7.3.
    pub fn bytes(self, page_bytes: u32) -> u32 {
        self.wanted_bytes.max(page_bytes).next_power_of_two()
    }
}

impl FromStr for RingSize {
    type Err = QuantityError;

    /// Reads a size such as `64KiB`, `8MiB` or `65536`, up to 1 GiB.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        u32::try_from(parse_bytes(text)?)
            .ok()
            .filter(|bytes| (1..=Self::MAX_BYTES).contains(bytes))
            .map(|wanted_bytes| Self { wanted_bytes })
            .ok_or(QuantityError::Range { range: "from 1B to 1GiB" })
    }
}

/// Size at which a capture goes on in another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSize(NonZeroU64);

impl FileSize {
    /// Room for two frames.
    const MIN_BYTES: u64 = 256 << 10;
    const MAX_BYTES: u64 = 1 << 50;

    /// The size.
    pub const fn bytes(self) -> NonZeroU64 {
        self.0
    }
}

impl FromStr for FileSize {
    type Err = QuantityError;

    /// Reads a size such as `64MiB`, from 256 KiB to 1 PiB.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        u64::try_from(parse_bytes(text)?)
            .ok()
            .filter(|bytes| (Self::MIN_BYTES..=Self::MAX_BYTES).contains(bytes))
            .and_then(NonZeroU64::new)
            .map(Self)
            .ok_or(QuantityError::Range { range: "from 256KiB to 1PiB" })
    }
}

fn parse_bytes(text: &str) -> Result<u128, QuantityError> {
    let (number, unit) = split_unit(text)?;
    let unit_bytes = match unit {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err(QuantityError::Unit { known: "B, KiB, MiB, GiB" }),
    };
    scale(number, unit_bytes)
}

fn split_unit(text: &str) -> Result<(&str, &str), QuantityError> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(QuantityError::Number { got: text.to_owned() });
    }
    Ok((number, unit))
}

/// A decimal number times an integer, rounded down, exact up to the limits of 128 bits.
fn scale(number: &str, unit: u128) -> Result<u128, QuantityError> {
    let malformed = || QuantityError::Number { got: number.to_owned() };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9);
    let divisor = 10_u128.pow(digits.ok_or_else(malformed)?);
    let whole: u64 = whole.parse().map_err(|_| malformed())?;
    let fraction: u64 = fraction.parse().map_err(|_| malformed())?;
    Ok(u128::from(whole) * unit + u128::from(fraction) * unit / divisor)
}

#[cfg(test)]
mod tests {
    use super::{FileSize, QuantityError, RingSize, parse_duration, parse_interval};
    use std::time::Duration;

    #[test]
    fn durations() {
        for (text, ns) in [
            ("1ns", 1),
            ("100us", 100_000),
            ("1.5ms", 1_500_000),
            ("0.000000001s", 1),
            ("5s", 5_000_000_000),
            ("2m", 120_000_000_000),
            ("0.5h", 1_800_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
    }

    #[test]
    fn intervals() {
        for (text, ms) in [("1", 1000), ("0.5", 500), ("10ms", 10), ("2m", 120_000)] {
            assert_eq!(parse_interval(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["0", "9ms", "0ns", "0.001"] {
            let error = parse_interval(text).unwrap_err();
            assert_eq!(error.to_string(), "must be 10ms or longer", "{text}");
        }
        assert!(matches!(parse_interval("5d"), Err(QuantityError::Unit { .. })));
        assert!(matches!(parse_interval(""), Err(QuantityError::Number { .. })));
    }

    #[test]
    fn durations_that_cannot_be() {
        for text in
            ["", "s", ".5s", "5.s", "1.2.3s", "-1s", "0.1234567891s", "99999999999999999999s"]
        {
            let error = parse_duration(text).unwrap_err();
            assert!(matches!(error, QuantityError::Number { .. }), "{text}: {error}");
        }
        for text in ["5", "5 s", "5S", "5d", "1e3s"] {
            let error = parse_duration(text).unwrap_err();
            assert!(matches!(error, QuantityError::Unit { .. }), "{text}: {error}");
        }
        for text in ["0s", "0.1ns", "18446744073709551615h"] {
            let error = parse_duration(text).unwrap_err();
            assert!(matches!(error, QuantityError::Range { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn ring_sizes_are_powers_of_two_and_whole_pages() {
        for (text, bytes) in [
            ("1", 4096),
            ("4096B", 4096),
            ("4097", 8192),
            ("64KiB", 65_536),
            ("8MiB", 8_388_608),
            ("1.5M", 2_097_152),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse::<RingSize>().map(|size| size.bytes(4096)), Ok(bytes), "{text}");
        }
        assert_eq!("8MiB".parse(), Ok(RingSize::DEFAULT));
        assert_eq!("4KiB".parse::<RingSize>().map(|size| size.bytes(65_536)), Ok(65_536));
    }

    #[test]
    fn file_sizes_are_as_typed() {
        for (text, bytes) in [("256KiB", 262_144), ("64MiB", 67_108_864), ("1.5G", 1_610_612_736)] {
            assert_eq!(
                text.parse::<FileSize>().map(|size| size.bytes().get()),
                Ok(bytes),
                "{text}"
            );
        }
        for text in ["64", "255KiB", "1048577GiB", "8TiB"] {
            assert!(text.parse::<FileSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn ring_sizes_that_cannot_be() {
        for text in ["", "0", "8MB", "MiB", "1.1GiB", "8TiB"] {
            assert!(text.parse::<RingSize>().is_err(), "{text}");
        }
    }
}
