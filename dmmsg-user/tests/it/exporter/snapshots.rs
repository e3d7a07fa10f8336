//! Snapshots that tests serve.

use dmmsg::engine::{
    groups::{self, Kind},
    histogram::Histogram,
    metrics::{ProbeState, Series, Snapshot},
};
use dmmsg_common::dm::DevT;

pub fn kind(
    interface: &'static str,
    target_type: Option<&'static str>,
    verb: &'static str,
) -> Kind {
    Kind { interface, target_type, verb }
}

pub fn histogram(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.add(*value);
    }
    histogram
}

pub fn series(kind: Kind, latencies_ns: &[u64], errors: &[(i32, u64)]) -> Series {
    let failed: u64 = errors.iter().map(|(_, count)| count).sum();
    let succeeded = (latencies_ns.len() as u64).saturating_sub(failed);
    Series { kind, latency: histogram(latencies_ns), succeeded, errors: errors.to_vec() }
}

const fn probe(name: &'static str, hits: u64) -> ProbeState {
    ProbeState { name, rung: "fentry", attached: true, hits: Some(hits), run_ns: None }
}

/// A few calls of each interface.
pub fn few() -> Snapshot {
    Snapshot {
        series: vec![
            series(kind("control", None, "other"), &[1_500], &[(6, 1)]),
            series(kind("control", Some("crypt"), "key set"), &[91_700], &[]),
            series(kind("control", Some("thin-pool"), "create_thin"), &[812_400, 900_000], &[]),
            series(kind("control", Some("thin-pool"), "other"), &[0, 1_024], &[(22, 2)]),
            series(kind("direct", Some("thin-pool"), "other"), &[1_023], &[(25, 1)]),
            series(kind("ioctl", None, "create"), &[5_000, 6_000, 7_000], &[(16, 1), (600, 1)]),
        ],
        sizes: vec![
            (None, histogram(&[5])),
            (Some("crypt"), histogram(&[138])),
            (Some("thin-pool"), histogram(&[13, 13, 0, 16_383])),
        ],
        in_flight: 1,
        oldest_in_flight_ns: 2_500_000_000,
        secrets: 1,
        lost: vec![("table", 0)],
        probes: vec![
            ProbeState { run_ns: Some(1_250_000), ..probe("target_message entry", 7) },
            ProbeState { rung: "none", attached: false, ..probe("dm_blk_ioctl entry", 0) },
        ],
        ..Snapshot::default()
    }
}

/// Names that mean something to a format, a page or a terminal.
pub const HOSTILE_NAMES: [&[u8]; 8] = [
    b"\"} 1\ndmmsg_messages_total{x=\"",
    b"back\\slash\\n",
    b"<script>alert(1)</script>",
    b"' onload='x",
    b"&lt;&amp;",
    b"\xff\xfe\x80",
    b"\x1b[2J\x00",
    b"\xe2\x80\xaeevil",
];

/// Devices of [`HOSTILE_NAMES`], and more.
pub fn by_device() -> Snapshot {
    let devices: Vec<_> = HOSTILE_NAMES
        .iter()
        .enumerate()
        .map(|(minor, name)| (DevT::new(253, minor as u32), name.to_vec()))
        .collect();
    let create = kind("control", Some("thin-pool"), "create_thin");
    let known = devices.iter().map(|(dev, _)| (Some(*dev), create, 1));
    let rest = [(Some(DevT(0)), kind("control", None, "other"), 3), (None, create, 5)];
    Snapshot { by_device: known.chain(rest).collect(), devices, ..few() }
}

/// Every kind with every error, on so many devices and others.
pub fn all(devices: u32) -> Snapshot {
    let errors: Vec<_> = (1..=140).map(|errno| (errno, 1)).collect();
    let of_kind = |kind| series(kind, &[1, 1_000_000], &errors);
    let devices: Vec<_> = (0..devices)
        .map(|minor| (DevT::new(253, minor), format!("device-{minor}").into_bytes()))
        .collect();
    let places = devices.iter().map(|(dev, _)| Some(*dev)).chain([Some(DevT(0)), None]);
    let places: Vec<_> = if devices.is_empty() { vec![] } else { places.collect() };
    let counts = |kind| places.iter().map(move |place| (*place, kind, 1));
    Snapshot {
        series: Kind::all().into_iter().map(of_kind).collect(),
        sizes: groups::types().map(|target_type| (target_type, histogram(&[13]))).collect(),
        by_device: Kind::all().into_iter().flat_map(counts).collect(),
        devices,
        ..few()
    }
}

/// [`few`], with every probe attached.
pub fn well() -> Snapshot {
    let mut snapshot = few();
    for probe in &mut snapshot.probes {
        (probe.attached, probe.rung) = (true, "kprobe");
    }
    snapshot
}
