//! What the arms measured, beside what they may cost.

use std::fmt;

use anyhow::{Context, Result, bail};

use crate::bench::median::median;
use crate::bench::totals::Totals;

/// Instructions that an arm may add to a message, by its name in `guest/bench-cost.sh`.
const BUDGETS: &[(&str, u64)] = &[
    ("fentry, full record", 1900),
    ("fentry, live table", 3000),
    ("fentry, live json", 3000),
    ("fentry, histogram", 750),
];

/// An arm that may add half of what another one adds.
const HALF: (&str, &str) = ("fentry, histogram", "bpftrace, histogram");

/// One arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    name: String,
    /// Instructions per message of each round; the first one warms up.
    rounds: Vec<u64>,
    /// Messages that the kernel refused.
    failed: u64,
    totals: Option<Totals>,
}

/// The arms, the untraced one first.
pub struct Table<'a>(pub &'a [Arm]);

/// Reads the console of the guest.
///
/// # Errors
/// If a line is none that the script writes, or an arm has no rounds besides the first.
pub fn read(console: &str) -> Result<Vec<Arm>> {
    let mut arms: Vec<Arm> = Vec::new();
    for line in console.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("arm ") {
            let name = name.to_owned();
            arms.push(Arm { name, rounds: Vec::new(), failed: 0, totals: None });
            continue;
        }
        let arm = arms.last_mut().with_context(|| format!("`{line}` comes before any arm"))?;
        arm.take(line).with_context(|| format!("`{line}` is no line of an arm"))?;
    }
    match arms.iter().find(|arm| arm.rounds.len() < 2) {
        Some(arm) => bail!("the arm `{}` has no rounds", arm.name),
        None if arms.is_empty() => bail!("there are no arms"),
        None => Ok(arms),
    }
}

/// Checks that each arm did its work: no message was refused, and none that was traced was lost.
///
/// # Errors
/// If not.
pub fn check(arms: &[Arm], messages: u64) -> Result<()> {
    for Arm { name, failed, totals, .. } in arms {
        if *failed > 0 {
            bail!("{name}: the kernel refused {failed} messages");
        }
        let whole = Totals { seen: messages, delivered: messages, lost: 0 };
        if totals.is_some_and(|totals| totals != whole) {
            bail!("{name}: of {messages} messages not all were delivered: {totals:?}");
        }
    }
    Ok(())
}

impl Arm {
    fn take(&mut self, line: &str) -> Option<()> {
        if let Some(totals) = line.strip_prefix("totals ") {
            self.totals = Some(Totals::read(totals)?);
            return Some(());
        }
        let (instructions, failed) = line.split_once(' ')?;
        self.rounds.push(instructions.parse().ok()?);
        self.failed += failed.parse::<u64>().ok()?;
        Some(())
    }

    fn median(&self) -> u64 {
        median(self.rounds.iter().skip(1).copied().collect()).unwrap_or_default()
    }

    fn budget(&self) -> Option<u64> {
        BUDGETS.iter().find(|(name, _)| *name == self.name).map(|&(_, budget)| budget)
    }
}

impl Table<'_> {
    /// Whether no arm exceeds its budget.
    pub fn within_budget(&self) -> bool {
        let half = self.half().is_none_or(|(ours, theirs)| 2 * ours <= theirs);
        half && self.0.iter().all(|arm| arm.budget().is_none_or(|budget| self.added(arm) <= budget))
    }

    /// What the arms of [`HALF`] add, if both are there.
    fn half(&self) -> Option<(u64, u64)> {
        let added =
            |wanted| self.0.iter().find(|arm| arm.name == wanted).map(|arm| self.added(arm));
        Some((added(HALF.0)?, added(HALF.1)?))
    }

    /// Instructions per message on top of the first arm's.
    fn added(&self, arm: &Arm) -> u64 {
        arm.median().saturating_sub(self.0.first().map_or(0, Arm::median))
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22}{:>13}{:>8}{:>8}", "ARM", "INSTRUCTIONS", "ADDED", "BUDGET")?;
        for arm in self.0 {
            let added = self.added(arm);
            write!(f, "{:<22}{:>13}{added:>8}", arm.name, arm.median())?;
            match arm.budget() {
                Some(budget) if added <= budget => writeln!(f, "{budget:>8}  PASS")?,
                Some(budget) => writeln!(f, "{budget:>8}  over budget")?,
                None => writeln!(f, "{:>8}", "-")?,
            }
        }
        if let Some((ours, theirs)) = self.half() {
            let verdict = if 2 * ours <= theirs { "PASS" } else { "over budget" };
            writeln!(f, "{} to be half of {}: {ours} of {theirs}  {verdict}", HALF.0, HALF.1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "\
arm untraced
9000 0
4445 0
4450 0
4440 0
arm fentry, full record
9000 0
6000 0
6100 0
totals seen 30 = delivered 30 + lost 0 + filtered 0
arm fentry, live json
9000 0
8000 0
totals seen 30 = delivered 30 + lost 0 + filtered 0
";

    #[test]
    fn the_table() {
        let arms = read(CONSOLE).unwrap();
        check(&arms, 30).unwrap();
        let table = Table(&arms);
        assert_eq!(
            table.to_string(),
            "\
ARM                    INSTRUCTIONS   ADDED  BUDGET
untraced                       4445       0       -
fentry, full record            6000    1555    1900  PASS
fentry, live json              8000    3555    3000  over budget
"
        );
        assert!(!table.within_budget());
        assert!(Table(&arms[..2]).within_budget());
    }

    #[test]
    fn one_arm_is_to_add_half_of_another() {
        let arms = |ours: u64| {
            let console = "arm untraced\n9 0\n100 0\narm bpftrace, histogram\n9 0\n1100 0\n";
            let ours = format!("arm fentry, histogram\n9 0\n{ours} 0\n");
            read(&(console.to_owned() + &ours)).unwrap()
        };
        let (half, more) = (arms(600), arms(601));
        let half = Table(&half);
        let line = "fentry, histogram to be half of bpftrace, histogram: 500 of 1000  PASS\n";
        assert!(half.to_string().ends_with(line) && half.within_budget(), "{half}");
        assert!(!Table(&more).within_budget());
    }

    #[test]
    fn a_lost_or_refused_message_spoils_an_arm() {
        let arms = read(CONSOLE).unwrap();
        assert!(check(&arms, 31).is_err());
        let refused = read("arm a\n1 0\n1 1\n").unwrap();
        assert!(check(&refused, 2).is_err());
    }

    #[test]
    fn what_is_no_arm_is_refused() {
        assert!(read("bench: no switch device\n").is_err());
        assert!(read("arm a\nsomething else\n").is_err());
        assert!(read("arm a\n").is_err());
        assert!(read("").is_err());
    }
}
