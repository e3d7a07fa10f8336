//! Facts as the kernels of the test matrix told them in a guest, to root, and the plans made of them.

use expect_test::{Expect, expect};

use super::{tests::check, *};
use crate::engine::doctor::Diagnosis;

const ROOT: Privilege = Privilege { sys_admin: true, bpf: true, perfmon: true };

/// A stock boot of Debian's cloud kernel, `dm_mod` not loaded.
fn booted(release: &str, preempt: Option<&str>) -> KernelFacts {
    let signs = Signs { debugfs: preempt, command_line: "console=ttyS0 quiet", version: "#1 SMP" };
    let release_version = version(release);
    KernelFacts {
        release: release.to_owned(),
        privilege: ROOT,
        lockdown: Lockdown::None,
        bpf_syscall: true,
        vmlinux_btf: true,
        dm_mod_btf: false,
        dm_mod: DmMod::Absent,
        kprobes: true,
        preemptible: is_preemptible(signs, release_version),
        perf_event_paranoid: 3,
        functions: [FunctionFacts::default(); Point::ALL.len()],
    }
}

/// The same after `modprobe dm_mod`.
fn with_dm_mod(facts: KernelFacts) -> KernelFacts {
    // 5.10 has no BTF of modules, the others have it of dm_mod.
    let in_btf = version(&facts.release) != Some((5, 10));
    let functions = [FunctionFacts { in_btf, in_kallsyms: true }; Point::ALL.len()];
    KernelFacts { dm_mod: DmMod::Module, dm_mod_btf: in_btf, functions, ..facts }
}

/// Each release of the matrix with what `/sys/kernel/debug/sched/preempt` says, if it is there.
const MATRIX: [(&str, Option<&str>); 4] = [
    ("5.10.0-46-cloud-amd64", None),
    ("6.1.0-56-cloud-amd64", Some("none (voluntary) full \n")),
    ("6.12.118+deb13-cloud-amd64", Some("none (voluntary) full \n")),
    ("7.2.13+deb14-cloud-amd64", Some("full (lazy) \n")),
];

fn check_all(probe: Probe, expected: [&Expect; 4]) {
    for ((release, preempt), expected) in MATRIX.into_iter().zip(expected) {
        let absent = booted(release, preempt);
        let waits = expect!["wait"];
        if plan(&absent, probe).is_ok() {
            check(&absent, probe, &waits);
        }
        check(&with_dm_mod(absent), probe, expected);
    }
}

#[test]
fn each_kernel_of_the_matrix_takes_its_rung() {
    let (fentry, kprobe) = (expect!["fentry"], expect!["kprobe"]);
    check_all(Probe::Auto, [&kprobe, &fentry, &fentry, &kprobe]);
    check_all(Probe::Only(Rung::Kprobe), [&kprobe; 4]);
    let old = expect!["fentry needs Linux 5.17 or later, or try --probe auto"];
    check_all(Probe::Only(Rung::Fentry), [&old, &fentry, &fentry, &fentry]);
}

#[test]
fn each_kernel_of_the_matrix_runs_the_programs_made_for_it() {
    let programs = MATRIX.map(|(release, preempt)| booted(release, preempt).programs());
    let [old, current] = [Programs::Linux5_10, Programs::Current];
    assert_eq!(programs, [old, current, current, current]);
    let known = MATRIX.map(|(release, preempt)| booted(release, preempt).has_known_structs());
    assert_eq!(known, [true, false, false, false]);
}

#[test]
fn each_kernel_of_the_matrix_is_ready_at_every_point() {
    for (release, preempt) in MATRIX {
        let facts = with_dm_mod(booted(release, preempt));
        let rows = Diagnosis::of(&facts, Probe::Auto).to_string();
        assert_eq!(rows.matches(" ready ").count(), Point::ALL.len() + 1, "{release}\n{rows}");
    }
}
