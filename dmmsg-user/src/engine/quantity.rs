//! Durations and sizes, as people type them.

use std::{str::FromStr, time::Duration};
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
    #[error("expected one of the units {expected}, got `{got}`")]
    Unit {
        /// The known units.
        expected: &'static str,
        /// What stands in its place.
        got: String,
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
        _ => {
            let expected = "ns, us, ms, s, m, h";
            return Err(QuantityError::Unit { expected, got: unit.to_owned() });
        }
    };
    let ns = scale(number, unit_ns)?;
    u64::try_from(ns)
        .ok()
        .filter(|ns| *ns > 0)
        .map(Duration::from_nanos)
        .ok_or(QuantityError::Range { range: "from 1ns to 500 years" })
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
        let (number, unit) = split_unit(text)?;
        let unit_bytes = match unit {
            "" | "B" => 1,
            "KiB" | "K" => 1 << 10,
            "MiB" | "M" => 1 << 20,
            "GiB" | "G" => 1 << 30,
            _ => {
                let expected = "B, KiB, MiB, GiB";
                return Err(QuantityError::Unit { expected, got: unit.to_owned() });
            }
        };
        let bytes = scale(number, unit_bytes)?;
        u32::try_from(bytes)
            .ok()
            .filter(|bytes| (1..=Self::MAX_BYTES).contains(bytes))
            .map(|wanted_bytes| Self { wanted_bytes })
            .ok_or(QuantityError::Range { range: "from 1B to 1GiB" })
    }
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
