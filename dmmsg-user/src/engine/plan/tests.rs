#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use super::*;
use crate::engine::doctor::Diagnosis;
use expect_test::{Expect, expect};

const KNOWN: FunctionFacts = FunctionFacts { in_btf: true, in_kallsyms: true };
const UNKNOWN: FunctionFacts = FunctionFacts { in_btf: false, in_kallsyms: false };
const ROOT: Privilege = Privilege { sys_admin: true, bpf: true, perfmon: true };

/// Debian 12 and 13: dm_mod is a module with BTF.
fn debian(release: &str) -> KernelFacts {
    KernelFacts {
        release: release.to_owned(),
        privilege: ROOT,
        lockdown: Lockdown::None,
        bpf_syscall: true,
        vmlinux_btf: true,
        dm_mod_btf: true,
        dm_mod: DmMod::Module,
        kprobes: true,
        preemptible: false,
        perf_event_paranoid: 3,
        functions: [KNOWN; 4],
    }
}

/// A guest kernel of Firecracker, 6.18: neither kprobes nor modules nor device-mapper.
fn firecracker() -> KernelFacts {
    KernelFacts {
        dm_mod_btf: false,
        dm_mod: DmMod::Never,
        kprobes: false,
        perf_event_paranoid: 2,
        functions: [UNKNOWN; 4],
        ..debian("6.18.44-fc-v782")
    }
}

pub fn check(facts: &KernelFacts, probe: Probe, expected: &Expect) {
    let text = match plan(facts, probe) {
        Ok(Plan::Wait) => "wait".to_owned(),
        Ok(Plan::Attach(attachment)) => {
            let missing = Point::ALL.into_iter().filter(|point| !attachment.reaches(*point));
            let methods = (!attachment.handlers).then_some("methods");
            let words: Vec<_> = missing.map(Point::function).chain(methods).collect();
            let without = if words.is_empty() { "" } else { " without " };
            format!("{}{without}{}", attachment.rung.name(), words.join(" "))
        }
        Err(refusal) => refusal.to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn debian_kernels_take_the_first_rung() {
    for release in ["6.1.0-56-cloud-amd64", "6.12.118+deb13-cloud-amd64"] {
        let expected = expect!["fentry"];
        check(&debian(release), Probe::Auto, &expected);
        let expected = expect!["kprobe"];
        check(&debian(release), Probe::Only(Rung::Kprobe), &expected);
    }
}

#[test]
fn a_kernel_that_preempts_itself_takes_kprobes_where_it_can() {
    let facts = KernelFacts { preemptible: true, ..debian("7.2.13+deb14-cloud-amd64") };
    check(&facts, Probe::Auto, &expect!["kprobe"]);
    check(&facts, Probe::Only(Rung::Fentry), &expect!["fentry"]);
    let facts = KernelFacts { kprobes: false, ..facts };
    check(&facts, Probe::Auto, &expect!["fentry without methods"]);
}

#[test]
fn linux_5_10_takes_kprobes_and_known_structs() {
    let unnamed = FunctionFacts { in_btf: false, in_kallsyms: true };
    let facts = KernelFacts {
        dm_mod_btf: false,
        functions: [unnamed; 4],
        ..debian("5.10.0-46-cloud-amd64")
    };
    check(&facts, Probe::Auto, &expect!["kprobe"]);
    assert_eq!(facts.programs(), Programs::Linux5_10);
    let expected = expect!["fentry needs Linux 5.17 or later, or try --probe auto"];
    check(&facts, Probe::Only(Rung::Fentry), &expected);
    // The structs of 5.15 are not those of 5.10.
    let facts = KernelFacts { release: "5.15.0-generic".to_owned(), ..facts };
    let expected = expect![
        "/sys/kernel/btf/dm_mod is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES"
    ];
    check(&facts, Probe::Auto, &expected);
}

#[test]
fn device_mapper_that_is_not_loaded_yet_is_waited_for() {
    let facts = KernelFacts {
        dm_mod: DmMod::Absent,
        dm_mod_btf: false,
        functions: [UNKNOWN; 4],
        ..debian("6.12.117+deb13-cloud-amd64")
    };
    check(&facts, Probe::Auto, &expect!["wait"]);
    check(
        &KernelFacts { kprobes: false, ..facts },
        Probe::Only(Rung::Kprobe),
        &expect![
            "the kernel has no kprobes: boot one with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS, or try --probe auto"
        ],
    );
}

#[test]
fn device_mapper_that_is_built_in_needs_no_btf_of_its_own() {
    let facts = KernelFacts { dm_mod: DmMod::BuiltIn, dm_mod_btf: false, ..debian("6.12.0") };
    let expected = expect!["fentry"];
    check(&facts, Probe::Auto, &expected);
}

#[test]
fn a_function_without_btf_takes_the_second_rung() {
    let inlined = FunctionFacts { in_btf: false, in_kallsyms: true };
    let facts = KernelFacts { functions: [KNOWN, inlined, KNOWN, KNOWN], ..debian("6.12.0") };
    check(&facts, Probe::Auto, &expect!["kprobe"]);
}

#[test]
fn capabilities_without_sys_admin_take_the_second_rung() {
    let privilege = Privilege { sys_admin: false, bpf: true, perfmon: true };
    let facts = KernelFacts { privilege, perf_event_paranoid: 2, ..debian("6.12.0") };
    let expected = expect!["kprobe"];
    check(&facts, Probe::Auto, &expected);
    let expected = expect![
        "kernel.perf_event_paranoid=3 keeps kprobes from all but root: set it to 2, or try --probe auto"
    ];
    let paranoid = KernelFacts { perf_event_paranoid: 3, ..facts.clone() };
    check(&paranoid, Probe::Only(Rung::Kprobe), &expected);
    check(
        &facts,
        Probe::Only(Rung::Fentry),
        &expect![
            "fentry on a module's functions needs CAP_SYS_ADMIN: run it with sudo, or try --probe auto"
        ],
    );
}

#[test]
fn refusals_name_the_missing_thing_and_the_remedy() {
    let base = || debian("6.12.0");
    let cases = [
        KernelFacts { bpf_syscall: false, ..base() },
        KernelFacts { privilege: Privilege { bpf: true, ..Privilege::default() }, ..base() },
        KernelFacts { lockdown: Lockdown::Confidentiality, ..base() },
        debian("5.4.0-26-generic"),
        KernelFacts { vmlinux_btf: false, ..base() },
        KernelFacts { dm_mod_btf: false, ..base() },
        firecracker(),
        KernelFacts { functions: [UNKNOWN, KNOWN, KNOWN, KNOWN], kprobes: false, ..base() },
    ];
    let refusals = cases.map(|facts| plan(&facts, Probe::Auto).unwrap_err().to_string());
    expect![[r#"
        the kernel has no bpf system call: boot one with CONFIG_BPF_SYSCALL
        not enough privilege: run it with sudo, or with CAP_BPF and CAP_PERFMON
        lockdown=confidentiality keeps BPF programs from reading kernel memory: boot with lockdown=integrity or lockdown=none
        kernel 5.4.0-26-generic is too old: boot Linux 5.10 or later
        /sys/kernel/btf/vmlinux is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF
        /sys/kernel/btf/dm_mod is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES
        the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
        BTF does not know the function target_message: use a kernel that does not inline it; the kernel has no kprobes: boot one with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn lockdown_for_integrity_is_no_obstacle() {
    let facts = KernelFacts { lockdown: Lockdown::Integrity, ..debian("6.12.0") };
    assert!(plan(&facts, Probe::Auto).is_ok());
}

#[test]
fn releases_are_compared_by_number() {
    assert_eq!(version("6.1.0-56-cloud-amd64"), Some((6, 1)));
    assert_eq!(version("7.2-rc1"), Some((7, 2)));
    assert_eq!(version("mainline"), None);
    assert!(version("5.9.0").unwrap() < OLDEST);
}

fn check_doctor(facts: &KernelFacts, works: bool, expected: &Expect) {
    let diagnosis = Diagnosis::of(facts, Probe::Auto);
    assert_eq!(diagnosis.works(), works);
    expected.assert_eq(&diagnosis.to_string());
}

#[test]
fn doctor_has_a_row_for_each_point() {
    check_doctor(
        &debian("6.12.0"),
        true,
        &expect![[r#"
            POINT                    RUNG   STATUS   WHAT IS LOST                   FIX
            target_message           fentry ready    -                              -
            __find_device_hash_cell  fentry ready    -                              -
            dm_blk_ioctl             fentry ready    -                              -
            ctl_ioctl                fentry ready    -                              -
            target_type::message     kprobe ready    -                              -
        "#]],
    );
    let facts = KernelFacts { dm_mod: DmMod::Absent, ..debian("6.12.0") };
    check_doctor(
        &facts,
        true,
        &expect![[r#"
            POINT                    RUNG   STATUS   WHAT IS LOST                   FIX
            target_message           -      waiting  -                              none needed: attaches once dm_mod is loaded
            __find_device_hash_cell  -      waiting  -                              none needed: attaches once dm_mod is loaded
            dm_blk_ioctl             -      waiting  -                              none needed: attaches once dm_mod is loaded
            ctl_ioctl                -      waiting  -                              none needed: attaches once dm_mod is loaded
            target_type::message     -      waiting  -                              none needed: attaches once dm_mod is loaded
        "#]],
    );
    check_doctor(
        &firecracker(),
        false,
        &expect![[r#"
            POINT                    RUNG   STATUS   WHAT IS LOST                   FIX
            target_message           -      refused  every message                  the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
            __find_device_hash_cell  -      refused  device, target, index, text    the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
            dm_blk_ioctl             -      refused  direct ioctls                  the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
            ctl_ioctl                -      refused  ioctls other than messages     the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
            target_type::message     -      refused  time in the target (HANDLER)   the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM
        "#]],
    );
}
