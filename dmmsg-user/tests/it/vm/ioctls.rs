//! With `--ioctls`, every ioctl on the control node gives a row, and messages give one only.

use std::{fs, process::Command, thread, time::Duration};

use dmmsg::shell::kernel::control::{Control, Request};

use super::{
    guest::{Device, Guest, NOBODY, SWITCH, attempt, become_nobody, errno, run, rungs},
    row::Row,
    tracer::{Run, Tracer},
};

/// Command or verb, device, errno.
fn brief(row: &Row) -> String {
    let what = if row.cell("/type") == "ioctl" { "/ioctl/command" } else { "/msg/tag" };
    row.cells(&["/type", what, "/dm/name", "/errno"])
}

/// Rows of commands that tell of devices; dmsetup asks for versions and lists as it likes.
fn briefs(run: &Run) -> Vec<String> {
    let asks = ["version", "target_version", "list"];
    let calls = run.calls();
    let rows = calls.iter().filter(|row| {
        row.cell("/type") == "message" || !asks.contains(&&*row.cell("/ioctl/command"))
    });
    rows.map(brief).collect()
}

fn dmsetup(line: &str) {
    attempt("dmsetup", line.split(' '));
}

/// What dmsetup does with a device; its last command removes it.
fn live() {
    run("dmsetup", ["create", "paths", "--uuid", "DMMSG-paths", "--table", SWITCH]);
    dmsetup("message paths 0 set_region_mappings 0:0");
    dmsetup("suspend --noflush paths");
    run("dmsetup", ["reload", "paths", "--table", SWITCH]);
    dmsetup("resume paths");
    run("dmsetup", ["create", "taken", "--table", "0 8 zero"]);
    attempt("dmsetup", ["create", "taken", "--table", "0 8 zero"]);
    dmsetup("rename paths others");
    dmsetup("rename others taken");
    dmsetup("info nobody");
    dmsetup("remove taken");
    dmsetup("remove others");
}

/// What [`live`] leaves in the rows.
const LIVED: [&str; 16] = [
    "ioctl create paths -",
    "ioctl load paths -",
    "ioctl resume paths -",
    "message set_region_mappings paths -",
    "ioctl suspend paths -",
    "ioctl load paths -",
    "ioctl resume paths -",
    "ioctl create taken -",
    "ioctl load taken -",
    "ioctl resume taken -",
    "ioctl create taken EBUSY",
    "ioctl rename paths -",
    "ioctl rename others EBUSY",
    "ioctl info nobody ENXIO",
    "ioctl remove taken -",
    "ioctl remove others -",
];

#[test]
fn vm_ioctls_are_seen_if_asked_for() {
    let Some(_guest) = Guest::enter() else { return };
    let tracers = Tracer::start_on_each_rung("-o json --ioctls");
    let table = Tracer::start("--ioctls");
    let without = Tracer::start("-o json");
    live();

    for run in Tracer::stop_all(tracers) {
        assert_eq!(briefs(&run), LIVED);
        check_devices(&run);
        let seen = run.calls().len();
        assert_eq!(run.totals(), format!("seen {seen} = delivered {seen} + lost 0 + filtered 0"));
    }
    let lines = table.stop().stdout;
    for end in [
        " create (ioctl) ",
        " paths [suspend noflush]",
        " info (ioctl) ",
        " ENXIO    nobody",
        " set_region_mappings 0:0",
    ] {
        assert!(lines.iter().any(|line| line.contains(end)), "{end}: {lines:#?}");
    }
    assert_eq!(without.stop().totals(), "seen 1 = delivered 1 + lost 0 + filtered 0");
}

/// Checks which number each name has, and what the first suspension's flags are.
fn check_devices(run: &Run) {
    let calls = run.calls();
    let of = |name: &str, uuid: &str| {
        let rows = calls.iter().filter(|row| {
            row.cell("/dm/name") == name && (row.cell("/dm/uuid") == uuid || uuid.is_empty())
        });
        let numbers = rows.filter(|row| row.at("/errno").is_null()).map(|row| row.cell("/dm/dev"));
        let mut numbers: Vec<_> = numbers.collect();
        numbers.dedup();
        numbers
    };
    let paths = of("paths", "");
    assert_eq!((paths.len(), of("taken", "-").len()), (1, 1), "{run:#?}");
    assert_ne!((&*paths[0], &paths), ("-", &of("taken", "")), "{run:#?}");
    assert_eq!(of("others", "DMMSG-paths"), paths, "{run:#?}");
    let suspend = calls.iter().find(|row| brief(row) == "ioctl suspend paths -");
    let pointers = ["/ioctl/name", "/ioctl/flags", "/process/comm"];
    let told = suspend.map(|row| row.cells(&pointers));
    assert_eq!(told.as_deref(), Some(r#"DM_DEV_SUSPEND ["suspend","noflush"] dmsetup"#));
}

#[test]
fn vm_filters_hold_for_ioctls() {
    let Some(_guest) = Guest::enter() else { return };
    let cases: [(&str, &[usize]); 6] = [
        ("-x", &[10, 12, 13]),
        ("-d paths", &[0, 1, 2, 3, 4, 5, 6, 11]),
        ("-d tak*", &[7, 8, 9, 10, 14]),
        ("-t switch", &[3]),
        ("-m suspend", &[4]),
        ("-m set_region_mappings", &[3]),
    ];
    let rungs = rungs().iter().cycle();
    let tracers = cases
        .iter()
        .zip(rungs)
        .map(|((filter, _), rung)| format!("-o json --ioctls --probe {rung} {filter}"));
    let tracers = Tracer::start_lines(tracers);
    live();
    for ((filter, places), run) in cases.iter().zip(Tracer::stop_all(tracers)) {
        let expected = places.iter().map(|&place| LIVED[place]).collect::<Vec<_>>();
        assert_eq!(briefs(&run), expected, "{filter}");
    }
}

#[test]
fn vm_messages_that_the_kernel_refuses_at_once_are_ioctls() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let text = b"set_region_mappings 0:0";
    let request = || Request::new(paths.address(), 0, text);
    let tracers = Tracer::start_on_each_rung("-o json --ioctls");
    let without = Tracer::start("-o json");
    let control = Control::open().expect("the control node opens");
    let send = |mut request: Request| errno(control.send(&mut request));
    let answers = [
        send(request()),
        send(request().version(5)),
        send(request().size_at_most(304)),
        send(request().at(2 << 20)),
        thread::scope(|scope| {
            let denied = scope.spawn(|| {
                become_nobody();
                send(request())
            });
            denied.join().expect("nobody sends")
        }),
    ];
    assert_eq!(answers, [0, 22, 22, 22, 13]);

    let expected = [
        "message set_region_mappings paths - 0",
        "ioctl message paths EINVAL 0",
        "ioctl message paths EINVAL 0",
        "message - paths EINVAL 0",
        &format!("ioctl message paths EACCES {NOBODY}"),
    ];
    for run in Tracer::stop_all(tracers) {
        let rows = run.calls();
        let cells = rows.iter().map(|row| format!("{} {}", brief(row), row.cell("/process/uid")));
        assert_eq!(cells.collect::<Vec<_>>(), expected);
        assert_eq!(run.totals(), "seen 5 = delivered 5 + lost 0 + filtered 0");
    }
    assert_eq!(without.stop().totals(), "seen 2 = delivered 2 + lost 0 + filtered 0");
}

#[test]
fn vm_ioctls_that_wait_are_in_flight_when_a_run_ends() {
    let Some(_guest) = Guest::enter() else { return };
    let _paths = Device::switch("paths");
    let tracers = Tracer::start_on_each_rung("-o json --ioctls");
    // It waits for an event, of which there are none.
    let mut waiting =
        Command::new("dmsetup").args(["wait", "paths"]).spawn().expect("dmsetup starts");
    thread::sleep(Duration::from_secs(1));
    let runs: Vec<_> = Tracer::stop_all(tracers).collect();
    waiting.kill().expect("dmsetup is killed");
    waiting.wait().expect("dmsetup ends");
    for run in runs {
        let seen = run.calls().len();
        assert!(run.totals().ends_with("+ lost 0 + filtered 0 + in flight 1"), "{run:#?} {seen}");
    }
}

const LIFE: &str = "
set -e
vgcreate vg /dev/ram4 /dev/ram5
lvcreate --size 16m --name plain vg
lvcreate --type thin-pool --size 32m --name pool vg
lvcreate --thin --virtualsize 64m --name data vg/pool
lvremove --yes vg/plain
vgremove --force --yes vg
pvremove /dev/ram4 /dev/ram5
";

/// The ioctl's name in a line of strace, which shows `ioctl(3, DM_VERSION, {…`.
fn name_of(line: &str) -> Option<&str> {
    let (_, call) = line.split_once("ioctl(")?;
    let name = call.split(", ").nth(1)?;
    name.starts_with("DM_").then(|| name.trim_end_matches(')'))
}

#[test]
fn vm_ioctls_of_lvm_are_those_that_strace_sees() {
    let Some(_guest) = Guest::enter() else { return };
    let (script, log) = ("/tmp/ioctls.sh", "/tmp/ioctls.txt");
    fs::write(script, LIFE).expect("the script is written");
    let tracers = Tracer::start_on_each_rung("-o json --ioctls");
    let strace = "-f --seccomp-bpf -e trace=ioctl -o";
    run("strace", strace.split(' ').chain([log, "sh", script]));

    let log = fs::read_to_string(log).expect("the log is read");
    let names: Vec<_> = log.lines().filter_map(name_of).collect();
    for name in ["DM_DEV_CREATE", "DM_TABLE_LOAD", "DM_DEV_SUSPEND", "DM_DEV_REMOVE"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(names.contains(&"DM_TARGET_MSG"), "{names:?}");
    for run in Tracer::stop_all(tracers) {
        let rows = run.calls();
        let shown = rows.iter().map(|row| match &*row.cell("/type") {
            "ioctl" => row.cell("/ioctl/name"),
            _ => "DM_TARGET_MSG".to_owned(),
        });
        assert_eq!(shown.collect::<Vec<_>>(), names);
        let seen = rows.len();
        assert_eq!(run.totals(), format!("seen {seen} = delivered {seen} + lost 0 + filtered 0"));
    }
}
