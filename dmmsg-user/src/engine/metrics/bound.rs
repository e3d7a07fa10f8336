//! How many series there are at most, whatever senders do.

use std::collections::BTreeSet;

use super::table::{METRICS, Metric, Type};
use crate::engine::{
    groups::{self, IOCTL, Kind},
    names::errno::errno_names,
};

/// Number of a metric's sets of labels at most, where so many devices are told apart.
pub type Most = fn(devices: u64) -> u64;

/// Probes at most: one state of each point, and room for more points.
const PROBES: u64 = 16;
/// Stages at most at which a call can be lost.
const STAGES: u64 = 8;

/// Series at most of all metrics together, where so many devices are told apart (0 where none are).
pub fn series_at_most(devices: u64) -> u64 {
    METRICS.iter().map(|metric| metric.series_at_most(devices)).sum()
}

impl Metric {
    /// Series of this metric at most: of a histogram, one for each bucket, and two more.
    pub fn series_at_most(&self, devices: u64) -> u64 {
        let each = match self.kind {
            Type::Histogram(bounds) => bounds.len() as u64 + 2,
            Type::Counter | Type::Gauge | Type::Info => 1,
        };
        each * (self.most)(devices)
    }
}

pub fn one(_: u64) -> u64 {
    1
}

fn kinds(is_ioctl: bool) -> impl Iterator<Item = Kind> {
    Kind::all().into_iter().filter(move |kind| (kind.interface == IOCTL) == is_ioctl)
}

/// Each device, those that are not told apart, and none.
pub fn messages(devices: u64) -> u64 {
    let places = if devices == 0 { 1 } else { devices + 2 };
    kinds(false).count() as u64 * places
}

pub fn durations(_: u64) -> u64 {
    kinds(false).map(|kind| (kind.target_type, kind.verb)).collect::<BTreeSet<_>>().len() as u64
}

/// Names of errors, and `other`.
fn errnos() -> u64 {
    errno_names().count() as u64 + 1
}

pub fn errors(devices: u64) -> u64 {
    durations(devices) * errnos()
}

/// Success is one more outcome.
pub fn ioctls(_: u64) -> u64 {
    kinds(true).count() as u64 * (errnos() + 1)
}

pub fn types(_: u64) -> u64 {
    groups::types().count() as u64
}

pub fn stages(_: u64) -> u64 {
    STAGES
}

pub fn probes(_: u64) -> u64 {
    PROBES
}

pub fn devices(devices: u64) -> u64 {
    devices
}
