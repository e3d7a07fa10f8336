//! What the probes have counted, as one value.

use dmmsg_common::dm::DevT;

use crate::engine::{groups::Kind, histogram::Histogram};

/// What the probes have counted since they were attached.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// One for each kind of call that was made at least once; sorted by kind.
    pub series: Vec<Series>,
    /// Lengths of messages' texts in bytes, by type of target: a name of the closed set, `other`, or
    /// `None` where no target was found.
    pub sizes: Vec<(Option<&'static str>, Histogram)>,
    /// Calls by device; empty unless asked for. `None` stands for the devices beyond the first so
    /// many.
    pub by_device: Vec<(Option<DevT>, Kind, u64)>,
    /// Names of those devices as they are now: bytes from strangers.
    pub devices: Vec<(DevT, Vec<u8>)>,
    /// Messages that have not returned.
    pub in_flight: u64,
    /// Age of the oldest of them in ns; 0 where there is none.
    pub oldest_in_flight_ns: u64,
    /// Messages whose text holds key material.
    pub secrets: u64,
    /// Calls that were not counted, by the stage that lost them.
    pub lost: Vec<(&'static str, u64)>,
    /// The probes that are wanted.
    pub probes: Vec<ProbeState>,
}

/// What is known of one kind of call.
#[derive(Clone, Debug)]
pub struct Series {
    /// What was asked for.
    pub kind: Kind,
    /// Latencies in ns of the calls that returned.
    pub latency: Histogram,
    /// Calls that did not fail. It never falls from one snapshot to the next, though what it is made of is
    /// counted while it is read.
    pub succeeded: u64,
    /// Calls that failed, by positive errno.
    pub errors: Vec<(i32, u64)>,
}

/// How one probe does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeState {
    /// Where it sits, such as `target_message`.
    pub name: &'static str,
    /// `fentry`, `kprobe` or `none`.
    pub rung: &'static str,
    /// Whether it is there.
    pub attached: bool,
    /// How many calls it saw begin; `None` where nobody counts them there.
    pub hits: Option<u64>,
    /// How long it ran in all, in ns; `None` where BPF statistics are off.
    pub run_ns: Option<u64>,
}
