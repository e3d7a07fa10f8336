//! What became of every message: nothing is lost in silence.

use std::fmt;

use dmmsg_common::{record::Call, stats::Counters};
use thiserror::Error;

/// Messages that a run can have at most, a thousand million a second for a lifetime of 36 years:
/// sums of a few such counts fit 64 bits.
pub const COUNT_MAX: u64 = 1 << 60;

/// Calls that the kernel's programs did not see.
///
/// These are bounds: the kernel counts how often it skipped a program, not what the call was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Calls whose entry was not seen.
    pub begun: u64,
    /// Direct and control ioctls whose return was not seen. Messages are known by their table.
    pub ended: u64,
}

/// The kernel's account, with the calls that its programs did not see as lost.
///
/// Of the messages in the table of those in flight, `returned` have returned all the same, and
/// `hanging` have not.
pub fn settle(kernel: &Counters, missed: Missed, returned: u64, hanging: u64) -> Counters {
    let mut sum = *kernel;
    sum.hits += missed.begun;
    sum.lost += missed.begun;
    sum.lost += returned.min(sum.in_flight());
    // A return that was not seen leaves its call in flight.
    sum.lost += missed.ended.min(sum.in_flight().saturating_sub(hanging));
    sum
}

/// What user space did with the records it read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    shown: u64,
    turned_away: u64,
    bad: u64,
    /// Highest number of lost records that a record told of.
    lost: u64,
    /// Losses that others have accounted for.
    lost_before: u64,
}

impl Tally {
    /// An account that begins in the middle of a run, after so many losses.
    pub const fn after_losses(lost_before: u64) -> Self {
        Self { shown: 0, turned_away: 0, bad: 0, lost: lost_before, lost_before }
    }

    /// Takes note of the losses that a record tells of.
    ///
    /// Returns how many records were lost since the last one that told of any.
    pub const fn note_losses(&mut self, call: &Call) -> u64 {
        self.note_lost(call.lost)
    }

    /// Takes note that so many records have been lost since the run began.
    ///
    /// Returns how many of them are news.
    pub const fn note_lost(&mut self, total: u64) -> u64 {
        // Records of two CPUs may stand in the ring in another order than they were counted.
        let total = if total < COUNT_MAX { total } else { COUNT_MAX };
        let new = total.saturating_sub(self.lost);
        self.lost += new;
        new
    }

    /// Losses since the run began that were told of.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Counts messages that the user gets to see.
    pub const fn show(&mut self, count: u64) {
        self.shown += count;
    }

    /// Counts a message that user space turned away, for a filter or because the run was over.
    pub const fn turn_away(&mut self) {
        self.turned_away += 1;
    }

    /// Counts a record that could not be read: its message is lost. Returns how many there were.
    pub const fn bad_record(&mut self) -> u64 {
        self.bad += 1;
        self.bad
    }

    /// Messages that the user got to see.
    pub const fn shown(&self) -> u64 {
        self.shown
    }

    /// Records that were read.
    pub const fn read(&self) -> u64 {
        self.shown + self.turned_away + self.bad
    }

    /// Losses of the whole run that no record told of: those after the last one, and those that no
    /// program saw.
    pub const fn untold_losses(&self, totals: &Totals) -> u64 {
        let told = self.lost - self.lost_before;
        totals.lost.saturating_sub(totals.bad_records).saturating_sub(told)
    }

    /// The kernel's account as far as the records tell it, where it cannot be had.
    pub const fn what_was_read(&self) -> Counters {
        let (delivered, lost) = (self.read(), self.lost - self.lost_before);
        Counters { hits: delivered + lost, delivered, lost, filtered: 0, over_budget: 0 }
    }

    /// The whole account.
    ///
    /// `kernel` is the sum over all CPUs, read when the ring was empty and the probes detached.
    pub const fn totals(&self, kernel: &Counters) -> Totals {
        Totals {
            seen: kernel.hits,
            delivered: self.shown,
            lost: kernel.lost + self.bad,
            filtered: kernel.filtered + self.turned_away,
            over_budget: kernel.over_budget,
            in_flight: kernel.in_flight(),
            bad_records: self.bad,
            read: self.read(),
            written: kernel.delivered,
        }
    }
}

/// The account of a run: `seen = delivered + lost + filtered + in flight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Messages whose dispatch began.
    pub seen: u64,
    /// Messages that the user got to see.
    pub delivered: u64,
    /// Messages of which there is no record, or none that can be read.
    pub lost: u64,
    /// Messages that a filter turned away, in the kernel or here.
    pub filtered: u64,
    /// Those of `filtered` whose sender had used up its budget of direct ioctls.
    pub over_budget: u64,
    /// Messages that have not returned.
    pub in_flight: u64,
    /// Records that could not be read; part of `lost`.
    pub bad_records: u64,
    read: u64,
    written: u64,
}

/// An account that does not balance: a bug, or a reader that stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Imbalance {
    /// More or fewer messages ended than began.
    #[error("{seen} messages were seen, but {accounted} are accounted for")]
    Messages {
        /// Messages seen.
        seen: u64,
        /// Sum of all that became of messages.
        accounted: u64,
    },
    /// More or fewer records were read than written.
    #[error("the kernel wrote {written} records, but {read} were read")]
    Records {
        /// Records the kernel wrote.
        written: u64,
        /// Records user space read.
        read: u64,
    },
}

impl Totals {
    /// Checks the account.
    ///
    /// # Errors
    /// It does not balance.
    pub const fn check(&self) -> Result<(), Imbalance> {
        if self.read != self.written {
            return Err(Imbalance::Records { written: self.written, read: self.read });
        }
        let accounted = self.delivered + self.lost + self.filtered + self.in_flight;
        if accounted != self.seen {
            return Err(Imbalance::Messages { seen: self.seen, accounted });
        }
        Ok(())
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, delivered, lost, filtered, over_budget, in_flight, .. } = self;
        write!(f, "seen {seen} = delivered {delivered} + lost {lost} + filtered {filtered}")?;
        if *over_budget > 0 {
            write!(f, " ({over_budget} of them direct ioctls beyond a user's budget)")?;
        }
        if *in_flight > 0 {
            write!(f, " + in flight {in_flight}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Imbalance, Missed, Tally, settle};
    use dmmsg_common::stats::Counters;
    use expect_test::{Expect, expect};

    fn tally(shown: u64, turned_away: u64, bad: u64) -> Tally {
        Tally { shown, turned_away, bad, ..Tally::default() }
    }

    fn check(tally: Tally, kernel: Counters, expected: &Expect) {
        let totals = tally.totals(&kernel);
        assert_eq!(totals.check(), Ok(()));
        expected.assert_eq(&totals.to_string());
    }

    #[test]
    fn accounts_balance() {
        let kernel = Counters { hits: 812, delivered: 812, lost: 0, filtered: 0, over_budget: 0 };
        let expected = expect!["seen 812 = delivered 812 + lost 0 + filtered 0"];
        check(tally(812, 0, 0), kernel, &expected);

        let kernel = Counters { hits: 100, delivered: 60, lost: 10, filtered: 25, over_budget: 0 };
        let expected = expect!["seen 100 = delivered 52 + lost 11 + filtered 32 + in flight 5"];
        check(tally(52, 7, 1), kernel, &expected);
    }

    #[test]
    fn what_programs_did_not_see_is_lost() {
        let kernel = Counters { hits: 10, delivered: 4, lost: 0, filtered: 0, over_budget: 0 };
        for (missed, returned, hanging, expected) in [
            (Missed::default(), 0, 6, (10, 0, 6)),
            (Missed::default(), 2, 4, (10, 2, 4)),
            (Missed { begun: 3, ended: 0 }, 0, 6, (13, 3, 6)),
            (Missed { begun: 0, ended: 9 }, 2, 3, (10, 3, 3)),
            (Missed { begun: 0, ended: 1 }, 0, 6, (10, 0, 6)),
            (Missed { begun: 0, ended: 0 }, 99, 0, (10, 6, 0)),
        ] {
            let sum = settle(&kernel, missed, returned, hanging);
            let found = (sum.hits, sum.lost, sum.in_flight());
            assert_eq!(found, expected, "{missed:?} {returned} {hanging}");
        }
    }

    #[test]
    fn records_left_in_the_ring_are_an_imbalance() {
        let kernel = Counters { hits: 3, delivered: 3, lost: 0, filtered: 0, over_budget: 0 };
        let error = Imbalance::Records { written: 3, read: 2 };
        assert_eq!(tally(2, 0, 0).totals(&kernel).check(), Err(error));
    }

    #[test]
    fn messages_that_end_without_a_start_are_an_imbalance() {
        let kernel = Counters { hits: 3, delivered: 3, lost: 1, filtered: 0, over_budget: 0 };
        let error = Imbalance::Messages { seen: 3, accounted: 4 };
        assert_eq!(tally(3, 0, 0).totals(&kernel).check(), Err(error));
    }
}
