//! What works on this host and what does not, probe point by probe point.

use std::fmt;

use super::plan::{KernelFacts, Plan, Point, Probe, Refusal, Rung, plan};

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
        for place in Point::ALL.map(Place::Point).into_iter().chain([Place::Methods]) {
            let Row { rung, status, lost, fix } = Row::new(place, &self.outcome);
            line([place.name(), rung, status, lost, &fix])?;
        }
        Ok(())
    }
}

/// A place that has a row.
#[derive(Clone, Copy)]
enum Place {
    Point(Point),
    /// The message methods of all targets.
    Methods,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Point(point) => point.function(),
            Self::Methods => "target_type::message",
        }
    }

    const fn loss(self) -> &'static str {
        match self {
            Self::Point(point) => point.loss(),
            Self::Methods => "time in the target (HANDLER)",
        }
    }
}

struct Row {
    rung: &'static str,
    status: &'static str,
    lost: &'static str,
    fix: String,
}

impl Row {
    fn new(place: Place, outcome: &Result<Plan, Refusal>) -> Self {
        match outcome {
            Ok(Plan::Wait) => Self {
                rung: "-",
                status: "waiting",
                lost: "-",
                fix: "none needed: attaches once dm_mod is loaded".to_owned(),
            },
            Ok(Plan::Attach(attachment)) => {
                let (rung, reached) = match place {
                    Place::Point(point) => (attachment.rung, attachment.reaches(point)),
                    Place::Methods => (Rung::Kprobe, attachment.handlers),
                };
                if reached { Self::ready(rung) } else { Self::missing(place) }
            }
            Err(refusal) => {
                Self { rung: "-", status: "refused", lost: place.loss(), fix: refusal.to_string() }
            }
        }
    }

    fn ready(rung: Rung) -> Self {
        Self { rung: rung.name(), status: "ready", lost: "-", fix: "-".to_owned() }
    }

    fn missing(place: Place) -> Self {
        let fix = match place {
            Place::Point(_) => "use a kernel that does not inline the function",
            Place::Methods => "kprobes: CONFIG_KPROBE_EVENTS, and CAP_SYS_ADMIN or paranoid 2",
        };
        Self { rung: "-", status: "missing", lost: place.loss(), fix: fix.to_owned() }
    }
}
