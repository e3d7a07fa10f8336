//! Ioctls to a device itself give rows: one for each device that they come to.

use std::{iter, thread};

use dmmsg::shell::kernel::control::{Argument, Direct};

use crate::require;

use super::{
    guest::{Device, Guest, NOBODY, WHOLE_TEXTS, become_nobody, crypt_table, errno, kernel},
    row::Row,
    tracer::{Run, Tracer},
};

/// `_IOW(0xfd, 14, int[3])`: the message ioctl that was proposed in 2004.
pub const DM_MESSAGE: u32 = 0x400c_fd0e;
pub const ENOTTY: i32 = 25;

/// What the proposed ioctl points to: index, tag, length and payload.
pub fn message(index: i32, tag: i32, len: i32, payload: &[u8]) -> Argument {
    let numbers = [index, tag, len].map(i32::to_le_bytes);
    Argument::new(&[numbers.as_flattened(), payload].concat()).expect("a page of memory")
}

/// The proposal's own example: an int to the first target.
fn example() -> Argument {
    message(0, 4, 4, &7_i32.to_le_bytes())
}

/// Device, target, message and outcome.
fn cells(run: &Run) -> Vec<String> {
    let pointers = [
        "/dm/name",
        "/dm/uuid",
        "/dm/target_type",
        "/dm/index",
        "/msg/interface",
        "/msg/tag",
        "/msg/len",
        "/msg/payload",
        "/errno",
        "/msg/layer",
        "/notes",
    ];
    run.rows().iter().map(|row| row.cells(&pointers)).collect()
}

/// What a row of a table says of its target, the message and the outcome.
fn brief_of_table(line: &str) -> String {
    let cells: Vec<_> = line.split_whitespace().skip(4).collect();
    let [target_type, index, tag, direct, len, _latency, rest @ ..] = &*cells else {
        panic!("too few cells: {line}")
    };
    [&[*target_type, *index, *tag, *direct, *len], rest].concat().join(" ")
}

#[test]
fn vm_direct_messages_are_seen_on_every_target() {
    let Some(_guest) = Guest::enter() else { return };
    let zeroes = Device::with_uuid("zeroes", "DMMSG-zeroes", "0 8 zero");
    let errors = Device::new("errors", "0 8 error");
    let below = Device::new("below", "0 65536 linear /dev/ram10 0");
    let above = Device::new("above", "0 65536 linear /dev/mapper/below 0");
    let two = Device::new("two", "0 65536 linear /dev/ram11 0\n65536 8 error");
    let pool = Device::thin_pool("pool");
    assert_eq!(pool.send(0, b"create_thin 0"), 0);
    let thin = Device::new("thin", "0 65536 thin /dev/mapper/pool 0");
    let crypt = Device::new("crypt", &crypt_table());
    let json = Tracer::start_on_each_rung("-o json");
    let table = Tracer::start_on_each_rung("");
    for device in [&zeroes, &errors, &below, &above, &two, &thin, &crypt] {
        assert_eq!(device.send_direct(DM_MESSAGE, &example()), ENOTTY);
    }

    let row = |name, uuid, target, forwarded: bool| {
        let (layer, notes) = if forwarded { (1, r#"["forwarded"]"#) } else { (0, "[]") };
        format!("{name} {uuid} {target} 0 direct 4 4 07000000 ENOTTY {layer} {notes}")
    };
    let expected = [
        row("zeroes", "DMMSG-zeroes", "zero", false),
        row("errors", "-", "error", false),
        row("below", "-", "linear", false),
        row("below", "-", "linear", true),
        row("above", "-", "linear", false),
        row("two", "-", "linear", false),
        row("thin", "-", "thin", false),
        row("crypt", "-", "crypt", false),
    ];
    for run in Tracer::stop_all(json) {
        assert_eq!(cells(&run), expected);
        assert_eq!(run.totals(), "seen 8 = delivered 8 + lost 0 + filtered 0");
        let rows = run.rows();
        let numbers = rows.iter().map(|row| row.cell("/dm/dev")).collect::<Vec<_>>();
        let devices = [&zeroes, &errors, &below, &below, &above, &two, &thin, &crypt];
        assert_eq!(numbers, devices.map(Device::number));
        let why = "this kernel takes messages by its control node alone";
        assert!(rows.iter().all(|row| row.cell("/explanation") == why));
    }
    let targets = ["zero", "error", "linear", "linear", "linear", "linear", "thin", "crypt"];
    for run in Tracer::stop_all(table) {
        let rows = run.stdout.iter().skip(1).map(|line| brief_of_table(line)).collect::<Vec<_>>();
        let expected = targets.iter().enumerate().map(|(at, target)| {
            let forwarded = if at == 3 { " <forwarded 1>" } else { "" };
            format!("{target} 0 #4 (direct) 4 ENOTTY <4 B: 07 00 00 00>{forwarded}")
        });
        assert_eq!(rows, expected.collect::<Vec<_>>());
    }
}

#[test]
fn vm_direct_messages_have_the_target_of_their_index() {
    let Some(_guest) = Guest::enter() else { return };
    let two = Device::new("two", "0 65536 linear /dev/ram11 0\n65536 8 error");
    let tracers = Tracer::start_on_each_rung("-o json");
    let indexes = [0, 1, 2, -1, i32::MIN, i32::MAX];
    for index in indexes {
        two.send_direct(DM_MESSAGE, &message(index, 0, 0, b""));
    }
    for run in Tracer::stop_all(tracers) {
        let rows = run.rows();
        let targets = rows.iter().map(|row| row.cells(&["/dm/target_type", "/dm/index"]));
        let types = ["linear", "error", "-", "-", "-", "-"];
        let expected = iter::zip(types, indexes).map(|(name, index)| format!("{name} {index}"));
        assert_eq!(targets.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

/// Devices, one upon the other.
fn stack(height: usize) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for floor in 0..height {
        let below = devices.last().map_or("/dev/ram10".into(), Device::node);
        let table = format!("0 65536 linear {} 0", below.display());
        devices.push(Device::new(&format!("floor{floor}"), &table));
    }
    devices
}

#[test]
fn vm_direct_messages_are_counted_on_more_layers_than_are_kept() {
    let Some(_guest) = Guest::enter() else { return };
    if kernel() < WHOLE_TEXTS {
        return require::skip(
            "a kretprobe keeps as many calls as there are CPUs, and here are two",
        );
    }
    let mut devices = stack(10);
    let tracers = Tracer::start_on_each_rung("-o json");
    let top = devices.last().expect("there are ten");
    assert_eq!(top.send_direct(DM_MESSAGE, &example()), ENOTTY);
    let low = &devices[6];
    assert_eq!(low.send_direct(DM_MESSAGE, &example()), ENOTTY);
    // The upper ones first.
    while devices.pop().is_some() {}

    for run in Tracer::stop_all(tracers) {
        let rows = run.rows();
        let names = rows.iter().map(|row| row.cells(&["/dm/name", "/msg/layer"]));
        let top = (2..10).map(|floor| format!("floor{floor} {}", 9 - floor));
        let low = (0..7).map(|floor| format!("floor{floor} {}", 6 - floor));
        assert_eq!(names.collect::<Vec<_>>(), top.chain(low).collect::<Vec<_>>());
        assert_eq!(run.totals(), "seen 17 = delivered 15 + lost 2 + filtered 0");
    }
}

#[test]
fn vm_direct_messages_of_nobody_are_seen() {
    let Some(_guest) = Guest::enter() else { return };
    let zeroes = Device::new("zeroes", "0 8 zero");
    zeroes.open_to_all();
    let tracers = Tracer::start_on_each_rung("-o json");
    thread::scope(|scope| {
        scope.spawn(|| {
            become_nobody();
            assert_eq!(zeroes.send_direct(DM_MESSAGE, &example()), ENOTTY);
        });
    });
    for run in Tracer::stop_all(tracers) {
        assert_eq!(cells(&run), ["zeroes - zero 0 direct 4 4 07000000 ENOTTY 0 []"]);
        assert_eq!(run.rows()[0].number("/process/uid"), u64::from(NOBODY));
    }
}

/// Whether this kernel's multipath probes its paths when asked to.
fn probes_paths() -> bool {
    kernel() >= (6, 16)
}

const PROBE_PATHS: u32 = 0xfd12;

#[test]
fn vm_direct_ioctls_have_names_or_numbers() {
    let Some(_guest) = Guest::enter() else { return };
    let zeroes = Device::new("zeroes", "0 8 zero");
    let paths = "0 131072 multipath 2 queue_mode bio 0 1 1 round-robin 0 1 0 /dev/ram10";
    let paths = Device::new("paths", paths);
    let json = Tracer::start_on_each_rung("-o json");
    let table = Tracer::start_on_each_rung("");
    for device in [&zeroes, &paths] {
        let direct = Direct::open(&device.node()).expect("the device opens");
        // Those of other types are none of ours.
        for cmd in [PROBE_PATHS, 0xfd00, 0xc138_fd0e, 0xfe0e, 0x400c_fe0e, 0x1260, 0x5331] {
            let is_probe = cmd == PROBE_PATHS && device.node() == paths.node();
            let answer = errno(direct.send(cmd, &example()));
            let expected = if is_probe && probes_paths() { 0 } else { ENOTTY };
            assert!(answer == expected || cmd == 0x1260, "{cmd:#x} gives {answer}");
        }
    }

    let cells = |row: &Row| row.cells(&["/dm/name", "/msg/name", "/msg/cmd", "/msg/len", "/errno"]);
    let probed = if probes_paths() { "-" } else { "ENOTTY" };
    let expected = [
        "zeroes DM_MPATH_PROBE_PATHS 64786 - ENOTTY",
        "zeroes - 64768 - ENOTTY",
        "zeroes - 3241737486 - ENOTTY",
        &format!("paths DM_MPATH_PROBE_PATHS 64786 - {probed}"),
        "paths - 64768 - ENOTTY",
        "paths - 3241737486 - ENOTTY",
    ];
    for run in Tracer::stop_all(json) {
        assert_eq!(run.rows().iter().map(cells).collect::<Vec<_>>(), expected);
    }
    for run in Tracer::stop_all(table) {
        let tags = [" DM_MPATH_PROBE_PATHS ", " 0xfd00 (direct) ", " 0xc138fd0e (direct) "];
        assert_eq!(run.stdout.len(), 1 + expected.len());
        for (line, tag) in iter::zip(run.stdout.iter().skip(1), tags.iter().chain(&tags)) {
            assert!(line.contains(tag), "{line}");
        }
    }
}
