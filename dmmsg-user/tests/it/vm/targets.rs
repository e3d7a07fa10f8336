//! Every target that a guest can make gets each of its verbs, and a wrong one, from dmsetup.

mod expected;

use dmmsg::engine::targets;

use self::expected::{CORE, DEAF, Target};
use super::{
    guest::{Device, Guest, dmsetup_message, kernel, run, wait_until},
    row::Row,
    tracer::Tracer,
};

/// The name of every device that gets messages here.
const NAME: &str = "subject";

/// What is done to a device, in order.
enum Step {
    /// A message to the device, and what becomes of it.
    Message(&'static str, Outcome),
    /// A line for the shell, which must succeed.
    Run(&'static str),
    /// The device's status says so at last.
    Await(&'static str),
}

/// What a message returns: `0`, or the errno's name.
#[derive(Clone, Copy)]
enum Outcome {
    Always(&'static str),
    /// From that kernel on the second, before it the first.
    Since((u32, u32), &'static str, &'static str),
}

impl Outcome {
    fn here(self) -> &'static str {
        match self {
            Self::Always(outcome) => outcome,
            Self::Since(version, before, after) => {
                if kernel() < version {
                    before
                } else {
                    after
                }
            }
        }
    }
}

fn shell(line: &str) {
    run("sh", ["-ec", line]);
}

impl Step {
    fn take(&self, sector: u64) {
        match self {
            Self::Message(text, _) => dmsetup_message(&format!("{NAME} {sector} {text}")),
            Self::Run(line) => shell(line),
            Self::Await(state) => wait_until(state, || {
                run("dmsetup", ["status", NAME]).split_whitespace().any(|word| word == *state)
            }),
        }
    }
}

/// The verb that a row must show for a text: its first word, or two where the first is `key`.
fn verb(kind: &str, text: &str) -> String {
    let words = if text.starts_with("key ") { 2 } else { 1 };
    if kind == "crypt" && words == 1 {
        // Of a target that takes keys, dmmsg shows no text that it does not know.
        return "-".to_owned();
    }
    text.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

/// Checks what a row says beyond type, index, verb and outcome.
fn check_details(row: &Row, kind: &str, text: &str) {
    assert_eq!(row.cell("/process/comm"), "dmsetup");
    assert_eq!(row.cell("/dm/name"), NAME);
    assert_eq!(row.number("/msg/len"), text.len() as u64);
    let notes = row.cell("/notes");
    if kind == "crypt" && row.at("/errno").is_null() {
        // It takes a key only while it is suspended.
        assert_eq!(notes, r#"["suspended"]"#, "{text}");
    } else {
        assert!(
            notes == "[]" || (kind == "crypt" && notes == r#"["suspended"]"#),
            "{text}: {notes}"
        );
    }
    let class = row.cell("/msg/class");
    if row.at("/errno").is_null() {
        assert!(!["-", "unknown"].contains(&class.as_str()), "{kind} {text}: {class}");
    }
    if text.starts_with("bogus") {
        assert!(["-", "unknown"].contains(&class.as_str()), "{kind} {text}: {class}");
        assert!(!row.at("/explanation").is_null() || class == "-", "{kind} {text}");
    }
    if text.starts_with('@') || targets::find(kind.as_bytes()).is_none() {
        assert!(row.at("/latency_ns/handler").is_null(), "{kind} {text}");
    } else {
        let (handler, total) = (row.number("/latency_ns/handler"), row.number("/latency_ns/total"));
        assert!(handler > 0 && handler < total, "{kind} {text}: {handler} of {total}");
    }
}

/// Takes all steps on a device of one or more segments, and compares the rows of the messages.
fn check(kind: &str, table: &str, sector: u64, index: u32, steps: &[Step]) {
    let _device = Device::new(NAME, table);
    let tracer = Tracer::start("-o json");
    for step in steps {
        step.take(sector);
    }
    let rows = tracer.stop().rows();

    let messages = steps.iter().filter_map(|step| match step {
        Step::Message(text, outcome) => Some((*text, outcome.here())),
        Step::Run(_) | Step::Await(_) => None,
    });
    let messages: Vec<_> = messages.collect();
    let cells = rows.iter().map(|row| {
        let outcome = if row.at("/errno").is_null() { "/ret" } else { "/errno" };
        let pointers = ["/dm/target_type", "/dm/index", "/msg/tag", outcome];
        pointers.map(|pointer| row.cell(pointer)).join(" ")
    });
    let expected = messages
        .iter()
        .map(|(text, outcome)| format!("{kind} {index} {} {outcome}", verb(kind, text)));
    assert_eq!(cells.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    for (row, (text, _)) in rows.iter().zip(messages) {
        check_details(row, kind, text);
    }
}

/// Checks all targets of a type, if this kernel has it.
fn check_type(kind: &str) {
    let targets: Vec<_> = expected::TARGETS.iter().filter(|target| target.kind == kind).collect();
    assert!(!targets.is_empty(), "{kind}");
    for Target { kind, since, before, table, steps } in targets {
        if kernel() >= *since {
            shell(before);
            check(kind, table, 0, 0, steps);
        }
    }
}

/// Makes a test of each type.
macro_rules! types {
    ($($test:ident $kind:literal,)*) => {
        $(
            #[test]
            fn $test() {
                let Some(_guest) = Guest::enter() else { return };
                check_type($kind);
            }
        )*

        #[test]
        fn vm_every_target_has_its_test() {
            let Some(_guest) = Guest::enter() else { return };
            let tested = [$($kind),*];
            assert!(expected::TARGETS.iter().all(|target| tested.contains(&target.kind)));
        }
    };
}

types! {
    vm_verbs_of_cache "cache",
    vm_verbs_of_clone "clone",
    vm_verbs_of_crypt "crypt",
    vm_verbs_of_era "era",
    vm_verbs_of_log_writes "log-writes",
    vm_verbs_of_multipath "multipath",
    vm_verbs_of_raid "raid",
    vm_verbs_of_switch "switch",
    vm_verbs_of_thin_pool "thin-pool",
    vm_verbs_of_vdo "vdo",
    vm_verbs_of_writecache "writecache",
}

#[test]
fn vm_verbs_of_core() {
    let Some(_guest) = Guest::enter() else { return };
    let table = "0 2048 linear /dev/ram14 0\n2048 2048 zero";
    check("linear", table, 0, 0, CORE);
    check("zero", table, 2048, 1, CORE);
}

#[test]
fn vm_verbs_of_a_second_segment() {
    let Some(_guest) = Guest::enter() else { return };
    let table = "0 65536 zero\n65536 65536 switch 2 128 0 /dev/ram10 0 /dev/ram11 0";
    let switch = expected::TARGETS.iter().find(|target| target.kind == "switch");
    check("switch", table, 70_000, 1, switch.expect("a switch").steps);
}

#[test]
fn vm_targets_without_verbs_refuse_all() {
    let Some(_guest) = Guest::enter() else { return };
    let tracer = Tracer::start("-o json");
    for (_, table) in DEAF {
        let _device = Device::new(NAME, table);
        dmsetup_message(&format!("{NAME} 0 hello"));
    }
    let expected = DEAF.iter().map(|(kind, _)| format!("{kind} 0 hello 5 EINVAL hello"));
    assert_eq!(tracer.stop().briefs(), expected.collect::<Vec<_>>());
}
