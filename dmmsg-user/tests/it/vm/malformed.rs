//! Messages that no tool sends: at odd places in the ioctl's buffer, or without an end.

use dmmsg::shell::kernel::control::Request;

use super::{
    guest::{Device, Guest, send_request},
    tracer::Tracer,
};

/// Sends what `make` makes of messages to a switch; compares their rows, in brief, with notes.
fn check<T>(cases: &[(&str, T, &str)], make: impl Fn(Request, &T) -> Request) {
    let switch = Device::switch("paths");
    let tracers = Tracer::start_on_each_rung("-o json");
    for (text, how, _) in cases {
        let request = Request::new(switch.address(), 0, text.as_bytes());
        send_request(&mut make(request, how));
    }
    for run in Tracer::stop_all(tracers) {
        let rows = run.rows();
        let rows = rows.iter().map(|row| format!("{} {}", row.brief(), row.cell("/notes")));
        let expected = cases.iter().map(|(_, _, expected)| *expected);
        assert_eq!(rows.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn vm_messages_may_stand_anywhere_in_the_buffer() {
    let Some(_guest) = Guest::enter() else { return };
    let cases = [305, 307, 311, 313, 4_089, 9_001, 70_003].map(|data_start| {
        let expected = "switch 0 set_region_mappings 23 0 set_region_mappings 0:0 []";
        ("set_region_mappings 0:0", data_start, expected)
    });
    check(&cases, |request, data_start| request.at(*data_start));
}

#[test]
fn vm_messages_that_are_not_in_the_buffer_are_shown_as_malformed() {
    let Some(_guest) = Guest::enter() else { return };
    let cases = [0, 304, 2 << 20, 1 << 31, u32::MAX - 7, u32::MAX].map(|data_start| {
        ("set_region_mappings 0:0", data_start, r#"switch 0 - 0 EINVAL  ["malformed"]"#)
    });
    check(&cases, |request, data_start| request.at(*data_start));
}

#[test]
fn vm_texts_without_an_end_are_shown_as_malformed() {
    let Some(_guest) = Guest::enter() else { return };
    let long = ["set_region_mappings", &" 0:0".repeat(500)].concat();
    let start = &long[..1_024];
    let long_row = format!(r#"switch 0 set_region_mappings 2019 EINVAL {start} ["malformed"]"#);
    let cases = [
        ("bogus", (), r#"switch 0 bogus 5 EINVAL bogus ["malformed"]"#),
        ("key set 00ff", (), r#"switch 0 key set 12 EINVAL key set  ["malformed"]"#),
        (&*long, (), &*long_row),
    ];
    check(&cases, |request, ()| request.without_nul());
}
