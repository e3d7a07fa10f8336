//! The compiled kernel programs on the running kernel: root suffices, device-mapper is not needed.
//!
//! Kernel and host run the same source; here they are shown to do the same.

mod programs;
mod texts;

use dmmsg::{engine::plan::Programs, shell::facts::Host};
use dmmsg_common::{
    argv::Splitter,
    filter::KernelFilter,
    secret::Scan,
    selftest::{Scanned, code},
};

use crate::require;
use programs::Selftest;

/// Random texts of each comparison.
const TEXTS: usize = 20_000;

/// What the random texts are made from.
const SEED: u64 = 0x0064_6d6d_7367;

/// The programs that we may load; if none, the test is skipped, or fails if that is forbidden.
fn programs() -> Option<Programs> {
    let facts = Host::look(false).expect("the kernel tells what it is").facts;
    if facts.privilege.sys_admin && facts.bpf_syscall {
        return Some(facts.programs());
    }
    assert!(!require::is_required("root"), "DMMSG_REQUIRE has `root`, but we may not use BPF");
    require::skip("needs root, and a kernel with BPF");
    None
}

/// The self-test, where it can be run.
fn selftest() -> Option<Selftest> {
    if programs()? == Programs::Linux5_10 {
        require::skip("the self-test's programs need Linux 5.17");
        return None;
    }
    Some(Selftest::load())
}

/// Hands every odd text and many random ones to a comparison, which panics where it fails.
fn compare(mut compare: impl FnMut(&[u8])) {
    let odd = texts::odd();
    println!("{} odd and {TEXTS} random texts, seed {SEED:#x}", odd.len());
    for text in odd.into_iter().chain(texts::random(SEED).take(TEXTS)) {
        compare(&text);
    }
}

fn split(text: &[u8]) -> Vec<u16> {
    let mut splitter = Splitter::new();
    let mut tokens: Vec<u16> = text.iter().map(|byte| code(splitter.step(*byte))).collect();
    tokens.push(code(splitter.finish()));
    tokens
}

fn scan(text: &[u8], strict: bool) -> Scanned {
    let mut scan = Scan::new(strict);
    for byte in text {
        scan.step(*byte);
    }
    scan.finish();
    Scanned::of(&scan)
}

#[test]
fn root_programs_load() {
    let Some(newest) = programs() else { return };
    if newest == Programs::Current {
        Selftest::load();
    }
    if !programs::has_kprobes() {
        return require::skip("the kernel has no programs for kprobes");
    }
    // Each fact that the filter asks for adds code.
    for bits in [0, u32::MAX] {
        let filter = KernelFilter { bits, ..KernelFilter::ALL };
        // As does counting by device.
        let by_device = u32::from(bits != 0);
        for programs in [Programs::Linux5_10, Programs::Current] {
            if programs == Programs::Linux5_10 || newest == Programs::Current {
                programs::load_kprobes(programs, &filter);
                programs::load_counting_kprobes(programs, &filter, by_device);
            }
        }
    }
}

#[test]
fn root_splitter_agrees() {
    let Some(mut kernel) = selftest() else { return };
    compare(|text| assert_eq!(kernel.split(text), split(text), "{}", text.escape_ascii()));
}

#[test]
fn root_scan_agrees() {
    let Some(mut kernel) = selftest() else { return };
    compare(|text| {
        for strict in [false, true] {
            let told = kernel.scan(text, strict);
            assert_eq!(told, scan(text, strict), "strict: {strict}, {}", text.escape_ascii());
        }
    });
}
