//! What is to be done now and then while a run goes on.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::kernel::uevent::Uevents;

/// How often modules are looked at where the kernel does not tell of them, as in a container.
const MODULE_CHECK: Duration = Duration::from_secs(1);
/// How often messages in flight are looked at: so many times before they count as stuck.
const LOOKS: u32 = 4;
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(50);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// When each chore is due.
pub struct Chores {
    uevents: Option<Uevents>,
    modules: Option<Instant>,
    in_flight: Instant,
    look_every: Duration,
    /// When the interval ends, and how long the next one is.
    interval: Option<(Instant, Duration)>,
}

/// A chore that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Put probes on modules that have come, and forget those that are gone.
    FollowModules,
    /// Look for messages that do not return.
    LookForStuck,
    /// Show what came in the interval that ends now.
    ShowInterval,
}

impl Chores {
    /// Starts the clocks; must be called inside a tokio runtime. Modules count only if asked for.
    pub fn new(modules: bool, stuck_after: Duration, interval: Option<Duration>) -> Self {
        let now = Instant::now();
        let look_every = (stuck_after / LOOKS).clamp(LOOK_AT_MOST_EVERY, LOOK_AT_LEAST_EVERY);
        Self {
            uevents: modules.then(|| Uevents::listen().ok()).flatten(),
            modules: modules.then_some(now),
            in_flight: now + look_every,
            look_every,
            interval: interval.map(|every| (now + every, every)),
        }
    }

    /// What is due now, and is then due again later.
    pub fn take(&mut self) -> Option<Chore> {
        let now = Instant::now();
        if self.modules.is_some_and(|due| due <= now) {
            self.modules = Some(now + MODULE_CHECK);
            return Some(Chore::FollowModules);
        }
        if self.in_flight <= now {
            self.in_flight = now + self.look_every;
            return Some(Chore::LookForStuck);
        }
        if let Some((end, every)) = self.interval.filter(|(end, _)| *end <= now) {
            // A run that was held up for longer than an interval starts them anew.
            let next = Some(end + every).filter(|next| *next > now).unwrap_or(now + every);
            self.interval = Some((next, every));
            return Some(Chore::ShowInterval);
        }
        None
    }

    /// Returns when something is due.
    pub async fn wait(&mut self) {
        let others = self.modules.into_iter().chain(self.interval.map(|(end, _)| end));
        let due = others.fold(self.in_flight, Instant::min);
        let Some(uevents) = &mut self.uevents else {
            return sleep_until(due.into()).await;
        };
        tokio::select! {
            () = uevents.module() => self.modules = Some(Instant::now()),
            () = sleep_until(due.into()) => {}
        }
    }
}
