//! Time since boot, shown as a time of day.

/// Where a boot clock stands in wall time; the shell measures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// `CLOCK_REALTIME` when `CLOCK_BOOTTIME` was 0, in ns since 1970.
    pub wall_ns_at_boot_zero: i64,
}

const NS_PER_S: i64 = 1_000_000_000;
const S_PER_DAY: i64 = 86_400;

/// Writes times, and remembers the last second it wrote.
///
/// Times past the year 2262, where 64 bits of nanoseconds end, are written as that end.
#[derive(Clone, Debug)]
pub struct Clock {
    anchor: Anchor,
    utc_offset_s: i32,
    /// What `date` and `time` show, in seconds since 1970 and ahead of UTC by the offset.
    second: i64,
    date: [u8; 10],
    time: [u8; 8],
}

impl Clock {
    /// A clock that shows UTC.
    pub fn utc(anchor: Anchor) -> Self {
        Self::local(anchor, 0)
    }

    /// A clock for a place whose time is `utc_offset_s` seconds ahead of UTC.
    pub fn local(anchor: Anchor, utc_offset_s: i32) -> Self {
        Self { anchor, utc_offset_s, second: 0, date: *b"1970-01-01", time: *b"00:00:00" }
    }

    /// Appends date and time as in RFC 3339, `2026-11-24T14:03:07.118204511Z`.
    ///
    /// Meant for a clock that shows UTC: the offset is not written.
    pub fn rfc3339(&mut self, out: &mut Vec<u8>, boot_ns: u64) {
        let fraction_ns = self.advance(boot_ns);
        out.extend_from_slice(&self.date);
        out.push(b'T');
        out.extend_from_slice(&self.time);
        append_fraction::<9>(out, fraction_ns);
        out.push(b'Z');
    }

    /// Appends the time of day, `14:03:07.118`, rounded down.
    pub fn time_of_day(&mut self, out: &mut Vec<u8>, boot_ns: u64) {
        let fraction_ns = self.advance(boot_ns);
        out.extend_from_slice(&self.time);
        append_fraction::<3>(out, fraction_ns / 1_000_000);
    }

    /// Sets `date` and `time`; returns the nanoseconds within their second.
    fn advance(&mut self, boot_ns: u64) -> u64 {
        let wall_ns = self.anchor.wall_ns_at_boot_zero.saturating_add_unsigned(boot_ns);
        let second = wall_ns.div_euclid(NS_PER_S) + i64::from(self.utc_offset_s);
        if second != self.second {
            self.second = second;
            self.date = date(second.div_euclid(S_PER_DAY));
            self.time = time(second.rem_euclid(S_PER_DAY).unsigned_abs());
        }
        wall_ns.rem_euclid(NS_PER_S).unsigned_abs()
    }
}

fn time(second_of_day: u64) -> [u8; 8] {
    let mut text = *b"00:00:00";
    write_digits(&mut text[0..2], second_of_day / 3600);
    write_digits(&mut text[3..5], second_of_day / 60 % 60);
    write_digits(&mut text[6..8], second_of_day % 60);
    text
}

/// The Gregorian date of a day counted from 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years
/// that start in March put the leap day last, so that months have a linear formula.
fn date(day: i64) -> [u8; 10] {
    const DAYS_PER_ERA: i64 = 146_097;
    const DAYS_FROM_MARCH_0000_TO_1970: i64 = 719_468;

    let day = day + DAYS_FROM_MARCH_0000_TO_1970;
    let era = day.div_euclid(DAYS_PER_ERA);
    let day_of_era = day.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);

    let mut text = *b"0000-00-00";
    write_digits(&mut text[0..4], year.unsigned_abs());
    write_digits(&mut text[5..7], month.unsigned_abs());
    write_digits(&mut text[8..10], day_of_month.unsigned_abs());
    text
}

/// Appends `.` and a fraction of so many decimal digits.
fn append_fraction<const DIGITS: usize>(out: &mut Vec<u8>, fraction: u64) {
    let mut text = [0; DIGITS];
    write_digits(&mut text, fraction);
    out.push(b'.');
    out.extend_from_slice(&text);
}

/// Fills `text` with the last decimal digits of a number.
fn write_digits(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Clock};
    use expect_test::{Expect, expect};

    const SECOND: u64 = 1_000_000_000;

    fn check(wall_ns_at_boot_zero: i64, boot_ns: u64, expected: &Expect) {
        let mut out = Vec::new();
        Clock::utc(Anchor { wall_ns_at_boot_zero }).rfc3339(&mut out, boot_ns);
        expected.assert_eq(str::from_utf8(&out).unwrap());
    }

    #[test]
    fn instants_of_note() {
        check(0, 0, &expect!["1970-01-01T00:00:00.000000000Z"]);
        check(1_795_528_987_000_000_000, 118_204_511, &expect!["2026-11-24T14:03:07.118204511Z"]);
        check(951_782_400_000_000_000, 86_399 * SECOND, &expect!["2000-02-29T23:59:59.000000000Z"]);
        check(4_107_542_400_000_000_000, 0, &expect!["2100-03-01T00:00:00.000000000Z"]);
        check(-1, 0, &expect!["1969-12-31T23:59:59.999999999Z"]);
    }

    #[test]
    fn instants_out_of_range_are_the_last_one() {
        check(0, u64::MAX, &expect!["2262-04-11T23:47:16.854775807Z"]);
        check(i64::MAX, 1, &expect!["2262-04-11T23:47:16.854775807Z"]);
        check(i64::MIN, 0, &expect!["1677-09-21T00:12:43.145224192Z"]);
    }

    #[test]
    fn local_time_of_day_follows_the_offset() {
        let anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };
        let mut clock = Clock::local(anchor, -5 * 3600 - 1800);
        let mut out = Vec::new();
        for boot_ns in [118_999_999, 119_000_000, SECOND, 0] {
            clock.time_of_day(&mut out, boot_ns);
            out.push(b' ');
        }
        let expected = expect!["08:33:07.118 08:33:07.119 08:33:08.000 08:33:07.000 "];
        expected.assert_eq(str::from_utf8(&out).unwrap());
    }
}
