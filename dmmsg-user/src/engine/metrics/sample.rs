//! Samples: the series of a metric and their values, taken from a snapshot.

use std::{borrow::Cow, collections::BTreeMap};

use dmmsg_common::dm::DevT;

use super::snapshot::Snapshot;
use crate::engine::{
    groups::{IOCTL, Kind, OTHER},
    histogram::Histogram,
    names::{errno::errno_name, escape::escaped},
};

/// Stands for a type of target where there was no target, and for a device that is not known.
pub const NONE: &str = "none";
/// Stands for the devices that are not told apart.
pub const OTHER_DEVICES: &str = "_other";
/// Stands for an errno where there was no error.
pub const NO_ERROR: &str = "0";

/// One series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Values of the metric's labels, in their order.
    pub labels: Vec<Label>,
    /// The value.
    pub value: Value,
}

/// A label's value: mostly of a closed set.
pub type Label = Cow<'static, str>;

/// What a series holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A time in ns.
    Nanoseconds(u64),
    /// Values, in ns or bytes.
    Histogram(Histogram),
}

impl Value {
    /// The two values as one.
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(all), Self::Number(more))
            | (Self::Nanoseconds(all), Self::Nanoseconds(more)) => *all = all.saturating_add(more),
            (Self::Histogram(all), Self::Histogram(more)) => all.merge(&more),
            (this, other) => *this = other,
        }
    }
}

/// Samples in the order of their labels; those with equal labels are one, for a series may be told
/// of only once.
fn distinct(samples: impl IntoIterator<Item = (Vec<Label>, Value)>) -> Vec<Sample> {
    let mut distinct: BTreeMap<Vec<Label>, Value> = BTreeMap::new();
    for (labels, value) in samples {
        match distinct.get_mut(&labels) {
            Some(all) => all.merge(value),
            None => _ = distinct.insert(labels, value),
        }
    }
    distinct.into_iter().map(|(labels, value)| Sample { labels, value }).collect()
}

fn one(value: Value) -> Vec<Sample> {
    vec![Sample { labels: Vec::new(), value }]
}

/// The value of the label `errno`.
pub fn errno_label(errno: i32) -> &'static str {
    errno_name(errno).unwrap_or(OTHER)
}

/// The value of the label `target_type`.
pub fn type_label(target_type: Option<&'static str>) -> &'static str {
    target_type.unwrap_or(NONE)
}

/// The value of the label `device`; `None` is what stands for several.
pub fn device_label(dev: Option<DevT>) -> Label {
    match dev {
        None => OTHER_DEVICES.into(),
        Some(DevT(0)) => NONE.into(),
        Some(dev) => format!("{}:{}", dev.major(), dev.minor()).into(),
    }
}

fn words<const N: usize>(words: [&'static str; N]) -> Vec<Label> {
    words.map(Cow::Borrowed).to_vec()
}

fn kind_labels(kind: &Kind) -> [&'static str; 3] {
    [type_label(kind.target_type), kind.verb, kind.interface]
}

pub fn messages(snapshot: &Snapshot) -> Vec<Sample> {
    let is_message = |kind: &Kind| kind.interface != IOCTL;
    if snapshot.by_device.is_empty() {
        let series = snapshot.series.iter().filter(|series| is_message(&series.kind));
        return distinct(series.map(|series| {
            (words(kind_labels(&series.kind)), Value::Number(series.latency.count()))
        }));
    }
    let by_device = snapshot.by_device.iter().filter(|(_, kind, _)| is_message(kind));
    distinct(by_device.map(|(dev, kind, count)| {
        let mut labels = words(kind_labels(kind));
        labels.push(device_label(*dev));
        (labels, Value::Number(*count))
    }))
}

pub fn errors(snapshot: &Snapshot) -> Vec<Sample> {
    let messages = snapshot.series.iter().filter(|series| series.kind.interface != IOCTL);
    distinct(messages.flat_map(|series| {
        let [target_type, verb, _] = kind_labels(&series.kind);
        series.errors.iter().map(move |(errno, count)| {
            (words([target_type, verb, errno_label(*errno)]), Value::Number(*count))
        })
    }))
}

pub fn durations(snapshot: &Snapshot) -> Vec<Sample> {
    let messages = snapshot.series.iter().filter(|series| series.kind.interface != IOCTL);
    distinct(messages.map(|series| {
        let [target_type, verb, _] = kind_labels(&series.kind);
        (words([target_type, verb]), Value::Histogram(series.latency.clone()))
    }))
}

pub fn sizes(snapshot: &Snapshot) -> Vec<Sample> {
    distinct(snapshot.sizes.iter().map(|(target_type, sizes)| {
        (words([type_label(*target_type)]), Value::Histogram(sizes.clone()))
    }))
}

pub fn ioctls(snapshot: &Snapshot) -> Vec<Sample> {
    let ioctls = snapshot.series.iter().filter(|series| series.kind.interface == IOCTL);
    let counts = ioctls.flat_map(|series| {
        let succeeded = (NO_ERROR, series.succeeded);
        let failures = series.errors.iter().map(|(errno, count)| (errno_label(*errno), *count));
        let by_errno = [succeeded].into_iter().chain(failures);
        by_errno.map(|(errno, count)| (words([series.kind.verb, errno]), Value::Number(count)))
    });
    distinct(counts)
}

pub fn in_flight(snapshot: &Snapshot) -> Vec<Sample> {
    one(Value::Number(snapshot.in_flight))
}

pub fn oldest_in_flight(snapshot: &Snapshot) -> Vec<Sample> {
    one(Value::Nanoseconds(snapshot.oldest_in_flight_ns))
}

pub fn secrets(snapshot: &Snapshot) -> Vec<Sample> {
    one(Value::Number(snapshot.secrets))
}

pub fn lost(snapshot: &Snapshot) -> Vec<Sample> {
    let lost = snapshot.lost.iter();
    distinct(lost.map(|(stage, count)| (words([*stage]), Value::Number(*count))))
}

pub fn probe_hits(snapshot: &Snapshot) -> Vec<Sample> {
    let probes = snapshot.probes.iter();
    let counted = probes.filter_map(|probe| Some((probe.name, probe.hits?)));
    distinct(counted.map(|(name, hits)| (words([name]), Value::Number(hits))))
}

pub fn probe_attached(snapshot: &Snapshot) -> Vec<Sample> {
    let probes = snapshot.probes.iter();
    distinct(
        probes.map(|probe| {
            (words([probe.name, probe.rung]), Value::Number(u64::from(probe.attached)))
        }),
    )
}

pub fn probe_run(snapshot: &Snapshot) -> Vec<Sample> {
    let probes = snapshot.probes.iter();
    distinct(
        probes.filter_map(|probe| Some((words([probe.name]), Value::Nanoseconds(probe.run_ns?)))),
    )
}

/// Names as they are now; if a number were told of twice, the last name would stay.
pub fn devices(snapshot: &Snapshot) -> Vec<Sample> {
    let named: BTreeMap<_, _> = snapshot.devices.iter().map(|(dev, name)| (dev.0, name)).collect();
    distinct(named.into_iter().map(|(dev, name)| {
        (vec![device_label(Some(DevT(dev))), escaped(name).into()], Value::Number(1))
    }))
}

pub fn build(_: &Snapshot) -> Vec<Sample> {
    vec![Sample { labels: words([env!("CARGO_PKG_VERSION")]), value: Value::Number(1) }]
}
