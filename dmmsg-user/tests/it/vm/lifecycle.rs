//! How a run begins and ends, and that it leaves nothing behind.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use rustix::process::Signal;

use super::{
    guest::{Device, Guest, attempt, run, rungs, wait_until},
    tracer::{Run, TRACING, Tracer, path},
};

/// The rows of `--doctor`.
const POINTS: [&str; 5] = [
    "target_message",
    "__find_device_hash_cell",
    "dm_blk_ioctl",
    "ctl_ioctl",
    "target_type::message",
];

/// Whether a probe sits on a function of device-mapper.
fn is_probed() -> bool {
    let lists = ["/sys/kernel/tracing/enabled_functions", "/sys/kernel/debug/kprobes/list"];
    lists.iter().any(|list| {
        let text = fs::read_to_string(list).unwrap_or_else(|error| panic!("{list}: {error}"));
        text.lines().any(|line| POINTS.iter().any(|function| line.contains(function)))
    })
}

/// Takes dm_mod out of the kernel, and all that uses it.
fn unload_dm_mod() {
    wait_until("dm_mod can be unloaded", || {
        let modules = fs::read_to_string("/proc/modules").expect("modules are read");
        let names = modules.lines().filter_map(|line| line.split(' ').next());
        let names: Vec<_> = names.filter(|name| name.starts_with("dm_")).collect();
        for name in &names {
            // Fails where another module still uses it; then the next round does it.
            attempt("rmmod", [name]);
        }
        names.is_empty()
    });
}

#[test]
fn vm_a_run_waits_for_dm_mod_and_misses_nothing_then() {
    let Some(_guest) = Guest::enter() else { return };
    for &rung in rungs() {
        unload_dm_mod();
        let words = ["-o", "json", "--probe", rung];
        let mut tracer = Tracer::spawn(Command::new(path()).args(words));
        tracer.wait_until_told("waiting for dm_mod, which is not loaded");
        run("modprobe", ["dm_mod"]);
        tracer.wait_until_told(TRACING);
        let switch = Device::switch("paths");
        switch.send(0, b"set_region_mappings 0:0");
        let expected = "switch 0 set_region_mappings 23 0 set_region_mappings 0:0";
        assert_eq!(tracer.stop().briefs(), [expected], "{rung}");
    }
}

#[test]
fn vm_waiting_ends_by_a_signal() {
    let Some(_guest) = Guest::enter() else { return };
    unload_dm_mod();
    for signal in [Signal::INT, Signal::TERM] {
        let mut tracer = Tracer::spawn(&mut Command::new(path()));
        tracer.wait_until_told("waiting for dm_mod");
        let run = tracer.stop_by(signal);
        assert_eq!((run.code, run.stdout.len()), (Some(0), 0), "{run:?}");
    }
    let run = end(Command::new(path()).arg("--doctor"));
    assert_eq!((run.code, column(&run, 2)), (Some(0), vec!["waiting"; POINTS.len()]), "{run:?}");
}

#[test]
fn vm_no_probe_is_left_behind() {
    let Some(_guest) = Guest::enter() else { return };
    for &rung in rungs() {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let tracer = Tracer::start(&format!("--probe {rung}"));
            assert!(is_probed(), "{rung}");
            let run = tracer.stop_by(signal);
            let killed = (signal == Signal::KILL).then_some(Signal::KILL.as_raw());
            assert_eq!(run.signal, killed, "{run:?}");
            assert_eq!(run.code, if killed.is_some() { None } else { Some(0) }, "{run:?}");
            wait_until("the probes are gone", || !is_probed());
        }
    }
    unload_dm_mod();
}

#[test]
fn vm_a_run_ends_after_a_count_or_a_time() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::switch("paths");
    let tracer = Tracer::start("-o json -c 3");
    for _ in 0..3 {
        switch.send(0, b"set_region_mappings 0:0");
    }
    let run = tracer.end();
    assert_eq!(run.briefs().len(), 3);
    assert_eq!(run.totals(), "seen 3 = delivered 3 + lost 0 + filtered 0");

    let tracer = Tracer::start("-o json --duration 100ms");
    assert_eq!(tracer.end().rows().len(), 0);
}

#[test]
fn vm_a_reader_that_goes_away_ends_the_run() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::switch("paths");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut tracer = Tracer::spawn_to(Stdio::from(writer), &mut Command::new(path()));
    tracer.wait_until_told(TRACING);
    drop(reader);
    switch.send(0, b"set_region_mappings 0:0");
    let run = tracer.end();
    assert_eq!(run.code, Some(0), "{run:?}");
}

/// The words of a column of `--doctor`, without the header.
fn column(run: &Run, column: usize) -> Vec<&str> {
    let rows = run.stdout.iter().skip(1);
    rows.map(|row| row.split_whitespace().nth(column).unwrap_or_default()).collect()
}

/// Runs a command that becomes dmmsg-trace to its end.
fn end(command: &mut Command) -> Run {
    Tracer::spawn(command).end()
}

/// Checks that dmmsg-trace refuses to run and says why in one line, also as `--doctor`.
pub fn check_refusal(prepare: impl Fn(&[&str]) -> Command, expected: &str) {
    let run = end(&mut prepare(&[]));
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(run.stdout, [""; 0]);
    assert_eq!(run.stderr, [format!("dmmsg-trace: {expected}")]);
    let run = end(&mut prepare(&["--doctor"]));
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(column(&run, 2), ["refused"; POINTS.len()]);
    assert!(run.stdout.iter().skip(1).all(|row| row.ends_with(expected)), "{run:?}");
}

#[test]
fn vm_doctor_has_a_row_for_each_point() {
    let Some(_guest) = Guest::enter() else { return };
    for &rung in rungs() {
        let run = end(Command::new(path()).args(["--doctor", "--probe", rung]));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(column(&run, 0), POINTS);
        // What modules bring is always probed by kprobes.
        assert_eq!(column(&run, 1), [rung, rung, rung, rung, "kprobe"]);
        assert_eq!(column(&run, 2), ["ready"; POINTS.len()]);
        assert_eq!(run.stderr, [""; 0]);
    }
}

#[test]
fn vm_nobody_may_not_trace() {
    let Some(_guest) = Guest::enter() else { return };
    let prepare = |words: &[&str]| {
        let mut command = Command::new(path());
        command.args(words).uid(65_534).gid(65_534);
        command
    };
    check_refusal(
        prepare,
        "not enough privilege: run it with sudo, or with CAP_BPF and CAP_PERFMON",
    );
}

#[test]
fn vm_kernels_without_btf_are_refused() {
    let Some(_guest) = Guest::enter() else { return };
    let prepare = |words: &[&str]| {
        let mut command = Command::new("unshare");
        let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"";
        command.args(["-m", "sh", "-c", hide, "sh", &path()]).args(words);
        command
    };
    let expected = "/sys/kernel/btf/vmlinux is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF";
    check_refusal(prepare, expected);
}
