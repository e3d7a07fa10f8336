//! The table of metrics.

use super::{
    bound::{self, Most},
    buckets::{BYTES, Bounds, NANOSECONDS},
    sample::{self, Sample},
    snapshot::Snapshot,
};

/// A metric that is served.
#[derive(Debug)]
pub struct Metric {
    /// Its name in Prometheus' text format.
    pub name: &'static str,
    /// What its values are.
    pub kind: Type,
    /// The unit in its name; empty where there is none.
    pub unit: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// A label that it has only with `--per-device`, after the others.
    pub device_label: Option<&'static str>,
    /// What it tells, in a sentence without a full stop.
    pub help: &'static str,
    /// What else there is to know, for the document.
    pub note: &'static str,
    /// Its series in a snapshot.
    pub samples: fn(&Snapshot) -> Vec<Sample>,
    /// How many sets of labels there are at most.
    pub(super) most: Most,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Always 1: the labels are what is told.
    Info,
    /// Values by size, in buckets that end at these bounds.
    Histogram(Bounds),
}

impl Type {
    /// The type's name in Prometheus' text format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::Info => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// What the name of each metric of this type ends in.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram(_) => "",
        }
    }
}

impl Metric {
    /// The name without what type and unit add to it.
    pub fn stem(&self) -> &'static str {
        let name = self.name.strip_suffix(self.kind.suffix()).unwrap_or(self.name);
        let without_unit = name.strip_suffix(self.unit).and_then(|name| name.strip_suffix('_'));
        if self.unit.is_empty() { name } else { without_unit.unwrap_or(name) }
    }

    /// Names of the labels, with those that `--per-device` adds.
    pub fn all_labels(&self) -> impl Iterator<Item = &'static str> {
        self.labels.iter().copied().chain(self.device_label)
    }
}

impl Metric {
    /// What a row says if it says no more.
    const PLAIN: Self = Self {
        name: "",
        kind: Type::Counter,
        unit: "",
        labels: &[],
        device_label: None,
        help: "",
        note: "",
        samples: |_| Vec::new(),
        most: bound::one,
    };
}

/// Every metric, in the order in which they are served.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "dmmsg_messages_total",
        labels: &["target_type", "verb", "interface"],
        device_label: Some("device"),
        help: "Messages that returned",
        note: "`interface` is `control` for `DM_TARGET_MSG` and `direct` for ioctls of \
               device-mapper's type that are sent to a device. Whoever sent them and however they \
               ended, each counts once, when it returns; a `direct` one once on each device that \
               passed it on.",
        samples: sample::messages,
        most: bound::messages,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_message_errors_total",
        labels: &["target_type", "verb", "errno"],
        help: "Messages that failed, by the error they returned",
        note: "Both interfaces together. `errno` is a name such as `EBUSY`.",
        samples: sample::errors,
        most: bound::errors,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_message_duration_seconds",
        kind: Type::Histogram(NANOSECONDS),
        unit: "seconds",
        labels: &["target_type", "verb"],
        help: "Time from a message's entry into the kernel's handler to its return",
        note: "Both interfaces together.",
        samples: sample::durations,
        most: bound::durations,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_message_size_bytes",
        kind: Type::Histogram(BYTES),
        unit: "bytes",
        labels: &["target_type"],
        help: "Length of messages' texts without the NUL",
        note: "Of `control` messages, whose text the kernel has.",
        samples: sample::sizes,
        most: bound::types,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_in_flight_messages",
        kind: Type::Gauge,
        help: "Messages that have not returned",
        samples: sample::in_flight,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_oldest_in_flight_seconds",
        kind: Type::Gauge,
        unit: "seconds",
        help: "Age of the oldest message that has not returned, 0 where there is none",
        note: "Of `control` messages. One that hangs is in no other metric, for those count what \
               returned. By kprobes, which miss the returns of more calls at once than the kernel \
               has room for, a message whose sender lives on can be here until that sends another.",
        samples: sample::oldest_in_flight,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_dm_ioctls_total",
        labels: &["command", "errno"],
        help: "Ioctls to the control node other than messages, by what they returned",
        note: "`command` is what dmsetup calls it. `errno` is `0` where it succeeded.",
        samples: sample::ioctls,
        most: bound::ioctls,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_secrets_redacted_total",
        help: "Messages whose text holds key material, none of which is kept",
        samples: sample::secrets,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_events_lost_total",
        labels: &["stage"],
        help: "Calls that were seen and not counted, by the stage that lost them",
        note: "What is lost is in no other metric.",
        samples: sample::lost,
        most: bound::stages,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_probe_hits_total",
        labels: &["probe"],
        help: "Calls that a probe saw begin, where it counts them",
        samples: sample::probe_hits,
        most: bound::probes,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_probe_attached",
        kind: Type::Gauge,
        labels: &["probe", "rung"],
        help: "Whether a probe is attached, and how",
        note: "`rung` is `fentry`, `kprobe` or `none`. A probe that is wanted and cannot be attached \
               is there with 0.",
        samples: sample::probe_attached,
        most: bound::probes,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_probe_run_seconds_total",
        unit: "seconds",
        labels: &["probe"],
        help: "Time that a probe ran",
        note: "Only while `kernel.bpf_stats_enabled` is 1: the kernel does not measure else.",
        samples: sample::probe_run,
        most: bound::probes,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_device_info",
        kind: Type::Info,
        labels: &["device", "name"],
        help: "Name of a device that is told apart, as it is now",
        note: "Only with `--per-device`, with which a scrape reads by system calls: on a kernel that \
               preempts itself, a kprobe can miss a call meanwhile. The name is bytes from strangers: what is not plain text is \
               escaped as `\\xNN` before the format's own escapes.",
        samples: sample::devices,
        most: bound::devices,
        ..Metric::PLAIN
    },
    Metric {
        name: "dmmsg_build_info",
        kind: Type::Info,
        labels: &["version"],
        help: "The exporter's version",
        samples: sample::build,
        ..Metric::PLAIN
    },
];
