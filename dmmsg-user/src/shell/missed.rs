//! Calls whose return no probe has seen: the kernel keeps the returns of a bounded number of calls for a
//! kretprobe.

use std::{
    collections::HashSet,
    hash::Hash,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::lookup::whereabouts;
use crate::engine::enrich::syscall::Whereabouts;

/// How long to wait for senders that run to be seen elsewhere.
const PATIENCE: Duration = Duration::from_millis(500);

/// The messages in a table of those in flight that have returned all the same.
///
/// `look` shows every one of them, with its sender's process and thread. The probes must be attached: a
/// call whose return they see leaves the table before its thread leaves the kernel.
pub async fn missed_returns<M: Copy + Eq + Hash>(
    mut look: impl FnMut(&mut dyn FnMut(M, u32, u32)),
) -> HashSet<M> {
    let patience = Instant::now();
    let (mut returned, mut running) = (HashSet::new(), None::<HashSet<M>>);
    loop {
        let mut still = HashSet::new();
        look(&mut |message, pid, tid| {
            if running.as_ref().is_some_and(|running| !running.contains(&message)) {
                return;
            }
            match whereabouts(pid, tid) {
                Whereabouts::Returned => _ = returned.insert(message),
                Whereabouts::Runs => _ = still.insert(message),
                Whereabouts::MayHang => {}
            }
        });
        if still.is_empty() || patience.elapsed() > PATIENCE {
            break;
        }
        running = Some(still);
        sleep(Duration::from_millis(1)).await;
    }
    let mut missed = HashSet::new();
    look(&mut |message, _, _| missed.extend(returned.contains(&message).then_some(message)));
    missed
}
