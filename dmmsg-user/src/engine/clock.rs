//! Time since boot, shown as a time of day.

use super::digits::write_digits;

/// Where a boot clock stands in wall time; the shell measures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// `CLOCK_REALTIME` when `CLOCK_BOOTTIME` was 0, in ns since 1970.
    pub wall_ns_at_boot_zero: i64,
}

const NS_PER_S: u32 = 1_000_000_000;
const S_PER_DAY: i64 = 86_400;

/// Writes times, and remembers the last second it wrote.
///
/// Times past the year 2262, where 64 bits of nanoseconds end, are written as that end.
#[derive(Clone, Debug)]
pub struct Clock {
    anchor: Anchor,
    utc_offset_s: i32,
    /// Where the second starts that `text` shows, in ns since 1970.
    second_ns: i64,
    /// Date and time as in RFC 3339; its fraction is of no meaning.
    text: [u8; RFC3339],
}

/// Bytes of a date and time.
const RFC3339: usize = 30;
/// Bytes of a time of day.
const TIME_OF_DAY: usize = 12;

impl Clock {
    /// A clock that shows UTC.
    pub fn utc(anchor: Anchor) -> Self {
        Self::local(anchor, 0)
    }

    /// A clock for a place whose time is `utc_offset_s` seconds ahead of UTC.
    pub fn local(anchor: Anchor, utc_offset_s: i32) -> Self {
        let text = *b"1970-01-01T00:00:00.000000000Z";
        let mut clock = Self { anchor, utc_offset_s, second_ns: 0, text };
        clock.set(0);
        clock
    }

    /// Date and time as in RFC 3339, `2026-11-24T14:03:07.118204511Z`.
    ///
    /// Meant for a clock that shows UTC: the offset is not written.
    pub fn rfc3339(&mut self, boot_ns: u64) -> [u8; RFC3339] {
        let fraction_ns = self.advance(boot_ns);
        let mut text = self.text;
        write_digits(&mut text[20..29], fraction_ns);
        text
    }

    /// The time of day, `14:03:07.118`, rounded down.
    pub fn time_of_day(&mut self, boot_ns: u64) -> [u8; TIME_OF_DAY] {
        let fraction_ns = self.advance(boot_ns);
        let mut text = [b'.'; TIME_OF_DAY];
        text[..8].copy_from_slice(&self.text[11..19]);
        write_digits(&mut text[9..], fraction_ns / 1_000_000);
        text
    }

    /// Shows the second of an instant; returns the nanoseconds within it.
    fn advance(&mut self, boot_ns: u64) -> u32 {
        let wall_ns = self.anchor.wall_ns_at_boot_zero.saturating_add_unsigned(boot_ns);
        let within_ns = u32::try_from(wall_ns.wrapping_sub(self.second_ns));
        within_ns.ok().filter(|ns| *ns < NS_PER_S).unwrap_or_else(|| self.set(wall_ns))
    }

    #[cold]
    fn set(&mut self, wall_ns: i64) -> u32 {
        let second = wall_ns.div_euclid(NS_PER_S.into()) + i64::from(self.utc_offset_s);
        let within_ns = small(wall_ns.rem_euclid(NS_PER_S.into()));
        // The first second there is starts before 64 bits do.
        self.second_ns = wall_ns.wrapping_sub(within_ns.into());
        self.text[0..10].copy_from_slice(&date(second.div_euclid(S_PER_DAY)));
        self.text[11..19].copy_from_slice(&time(small(second.rem_euclid(S_PER_DAY))));
        within_ns
    }
}

/// A number that is a year, or less than what it was divided by.
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

fn time(second_of_day: u32) -> [u8; 8] {
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
    write_digits(&mut text[0..4], small(year));
    write_digits(&mut text[5..7], small(month));
    write_digits(&mut text[8..10], small(day_of_month));
    text
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Clock};
    use expect_test::{Expect, expect};

    const SECOND: u64 = 1_000_000_000;

    fn check(wall_ns_at_boot_zero: i64, boot_ns: u64, expected: &Expect) {
        let text = Clock::utc(Anchor { wall_ns_at_boot_zero }).rfc3339(boot_ns);
        expected.assert_eq(str::from_utf8(&text).unwrap());
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
        let texts = [118_999_999, 119_000_000, SECOND, 0].map(|boot_ns| clock.time_of_day(boot_ns));
        let expected = expect!["08:33:07.118 08:33:07.119 08:33:08.000 08:33:07.000"];
        expected.assert_eq(&texts.map(|text| String::from_utf8(text.to_vec()).unwrap()).join(" "));
    }
}
