//! What works on this host and what does not, probe point by probe point.

use std::fmt;

use super::plan::{KernelFacts, Plan, Point, Probe, Refusal, plan};

/// A diagnosis; its text is a table with one row per probe point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    outcome: Result<Plan, Refusal>,
}

impl Diagnosis {
    /// Examines the facts as a run with this `probe` would.
    pub fn of(facts: &KernelFacts, probe: Probe) -> Self {
        Self { outcome: plan(facts, probe) }
    }

    /// Whether tracing can work, now or once dm_mod is loaded.
    pub const fn works(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |[point, rung, status, lost, fix]: [&str; 5]| {
            writeln!(f, "{point:<24} {rung:<6} {status:<8} {lost:<30} {fix}")
        };
        line(["POINT", "RUNG", "STATUS", "WHAT IS LOST", "FIX"])?;
        for point in Point::ALL {
            let Row { rung, status, lost, fix } = Row::new(point, &self.outcome);
            line([point.function(), rung, status, lost, &fix])?;
        }
        Ok(())
    }
}

struct Row {
    rung: &'static str,
    status: &'static str,
    lost: &'static str,
    fix: String,
}

impl Row {
    fn new(point: Point, outcome: &Result<Plan, Refusal>) -> Self {
        match outcome {
            Ok(Plan::Wait) => Self {
                rung: "-",
                status: "waiting",
                lost: "-",
                fix: "none needed: attaches once dm_mod is loaded".to_owned(),
            },
            Ok(Plan::Attach(rung)) => {
                Self { rung: rung.name(), status: "ready", lost: "-", fix: "-".to_owned() }
            }
            Err(refusal) => {
                Self { rung: "-", status: "refused", lost: point.loss(), fix: refusal.to_string() }
            }
        }
    }
}
