//! Loads the compiled programs without attaching them, and runs those that are made for it.
//!
//! Names aya although it is not `shell::kernel`: that module loads programs only to attach them, and
//! nobody but a test wants less.

use std::fs;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData},
    programs::{
        KProbe, Program, ProgramType, RawTracePoint, RawTracePointRunOptions, TestRun as _,
    },
    sys::is_program_supported,
};
use dmmsg::engine::{btf::Btf, catalogue::Plan, plan::Programs};
use dmmsg_common::{
    filter::KernelFilter,
    layout::KernelLayout,
    selftest::{Scanned, TEXT_ROOM, Text, Tokens},
};
use zerocopy::IntoBytes as _;

static SELFTEST: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/selftest.o");
static TRACE: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/trace.o");
static TRACE_5_10: &[u8] =
    aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/trace-5-10.o");
static COUNT: &[u8] = aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/count.o");
static COUNT_5_10: &[u8] =
    aya::include_bytes_aligned!("../../../../dmmsg-ebpf/prebuilt/count-5-10.o");

/// The self-test programs in the kernel.
pub struct Selftest {
    ebpf: Ebpf,
    text: Array<MapData, Text>,
    tokens: Array<MapData, Tokens>,
    scanned: Array<MapData, [u8; size_of::<Scanned>()]>,
}

impl Selftest {
    /// Loads them all.
    pub fn load() -> Self {
        // The library's maps are in the object, used or not: the ring is made small.
        let mut loader = loader();
        let mut ebpf = loader
            .map_max_entries("RECORDS", 1 << 16)
            .load(SELFTEST)
            .expect("selftest.o's maps are made");
        for (name, program) in ebpf.programs_mut() {
            let program: &mut RawTracePoint = program.try_into().expect("a raw tracepoint");
            program.load().unwrap_or_else(|error| panic!("load {name}: {error}"));
        }
        let mut map = |name| ebpf.take_map(name).unwrap_or_else(|| panic!("no map {name}"));
        Self {
            text: map("TEXT").try_into().expect("an array"),
            tokens: map("TOKENS").try_into().expect("an array"),
            scanned: map("SCANNED").try_into().expect("an array"),
            ebpf,
        }
    }

    /// The splitter's tokens of a text, and what its end gives, as numbers.
    pub fn split(&mut self, text: &[u8]) -> Vec<u16> {
        self.run("split", text, 0);
        let tokens = self.tokens.get(&0, 0).expect("the tokens are read");
        tokens[..=text.len()].to_vec()
    }

    /// What a scan tells of a text.
    pub fn scan(&mut self, text: &[u8], strict: bool) -> Scanned {
        self.run("scan", text, u64::from(strict));
        zerocopy::transmute!(self.scanned.get(&0, 0).expect("the outcome is read"))
    }

    fn run(&mut self, program: &str, text: &[u8], argument: u64) {
        let mut input = [0; TEXT_ROOM];
        input[..text.len()].copy_from_slice(text);
        self.text.set(0, input, 0).expect("the text is written");
        let program = self.ebpf.program(program).expect("the object has the program");
        let Program::RawTracePoint(program) = program else { panic!("not a raw tracepoint") };
        let mut options = RawTracePointRunOptions::new();
        options.args[0] = argument;
        program.test_run(options).expect("the program runs");
    }
}

/// Whether the kernel knows programs for kprobes; they can be loaded even where it has no kprobes.
pub fn has_kprobes() -> bool {
    is_program_supported(ProgramType::KProbe).expect("the kernel takes programs")
}

/// Makes all maps for recording, and loads the programs for kprobes and kretprobes.
pub fn load_kprobes(programs: Programs, filter: &KernelFilter) {
    let object = match programs {
        Programs::Current => TRACE,
        Programs::Linux5_10 => TRACE_5_10,
    };
    let layout = layout();
    let mut loader = loader_with(&layout, filter);
    loader.map_max_entries("RECORDS", 1 << 16);
    load_all(loader.load(object).expect("the object's maps are made"), 9);
}

/// Makes all maps for counting, and loads the programs for kprobes and kretprobes.
pub fn load_counting_kprobes(programs: Programs, filter: &KernelFilter, by_device: u32) {
    let object = match programs {
        Programs::Current => COUNT,
        Programs::Linux5_10 => COUNT_5_10,
    };
    let mut catalogue = Plan::new().catalogue;
    catalogue.by_device = by_device;
    let layout = layout();
    let mut loader = loader_with(&layout, filter);
    loader.override_global("CATALOGUE", catalogue.as_bytes(), true);
    load_all(loader.load(object).expect("the object's maps are made"), 7);
}

fn load_all(mut ebpf: Ebpf, count: usize) {
    let mut names = Vec::new();
    for (name, program) in ebpf.programs_mut() {
        let Program::KProbe(program) = program else { continue };
        let program: &mut KProbe = program;
        program.load().unwrap_or_else(|error| panic!("load {name}: {error}"));
        names.push(name);
    }
    assert_eq!(names.len(), count, "{names:?}");
}

fn loader_with<'a>(layout: &'a KernelLayout, filter: &'a KernelFilter) -> EbpfLoader<'a> {
    let mut loader = loader();
    loader.override_global("LAYOUT", layout.as_bytes(), true).override_global(
        "FILTER",
        filter.as_bytes(),
        true,
    );
    loader
}

fn loader<'a>() -> EbpfLoader<'a> {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    loader
}

/// The offsets that the verifier checks on this rung: those of the current task.
///
/// device-mapper's structures are read by address alone, at any offset.
fn layout() -> KernelLayout {
    let vmlinux = fs::read("/sys/kernel/btf/vmlinux").expect("the kernel has BTF");
    let btf = Btf::parse(&vmlinux, None).expect("the kernel's BTF is read");
    let offset = |name, member| btf.kernel_offset(name, member).expect("a known struct");
    KernelLayout {
        task_tgid: offset("task_struct", "tgid"),
        task_pid: offset("task_struct", "pid"),
        task_comm: offset("task_struct", "comm"),
        task_cred: offset("task_struct", "cred"),
        cred_uid: offset("cred", "uid"),
        regs_third: offset("pt_regs", "dx"),
        ..KernelLayout::default()
    }
}
