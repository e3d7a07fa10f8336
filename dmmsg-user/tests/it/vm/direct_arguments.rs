//! Direct messages that no sound program sends: wrong lengths, and arguments that cannot be read.

use dmmsg::{engine::names::hex::hex, shell::kernel::control::Argument};

use super::{
    direct::{DM_MESSAGE, ENOTTY, message},
    guest::{Device, Guest, WHOLE_TEXTS, kernel},
    memory::{self, Needles},
    tracer::Tracer,
};

/// Sends arguments to a device; the rows must say what stands beside each: index, tag, length,
/// payload, whether it is cut, and notes.
fn check(cases: &[(Argument, &str)]) {
    let device = Device::new("zeroes", "0 8 zero");
    let tracers = Tracer::start_on_each_rung("-o json");
    for (argument, _) in cases {
        assert_eq!(device.send_direct(DM_MESSAGE, argument), ENOTTY);
    }
    for run in Tracer::stop_all(tracers) {
        let pointers =
            ["/dm/index", "/msg/tag", "/msg/len", "/msg/payload", "/msg/truncated", "/notes"];
        let rows = run.rows().iter().map(|row| row.cells(&pointers)).collect::<Vec<_>>();
        assert_eq!(rows, cases.iter().map(|(_, expected)| *expected).collect::<Vec<_>>());
    }
}

#[test]
fn vm_direct_messages_of_wrong_lengths_are_seen() {
    let Some(_guest) = Guest::enter() else { return };
    let whole = "ab".repeat(64);
    let cases = [
        (message(0, 1, 64, &[0xab; 64]), &*format!("0 1 64 {whole} false []")),
        (
            message(0, 1, 65, &[0xab; 65]),
            &*format!(r#"0 1 65 {whole} true ["length_out_of_range"]"#),
        ),
        (
            message(0, 1, i32::MAX, &[0xab; 64]),
            &*format!(r#"0 1 2147483647 {whole} true ["length_out_of_range"]"#),
        ),
        (message(0, 1, -1, &[0xab; 64]), r#"0 1 -1  false ["length_out_of_range"]"#),
        (message(-1, -2, i32::MIN, b""), r#"-1 -2 -2147483648  false ["length_out_of_range"]"#),
        (message(0, 1, 0, b""), "0 1 0  false []"),
        (message(0, 1, 1, b"\0"), "0 1 1 00 false []"),
    ];
    check(&cases);
}

#[test]
fn vm_direct_messages_that_cannot_be_read_are_seen() {
    let Some(_guest) = Guest::enter() else { return };
    let bytes = |bytes| Argument::new(bytes).expect("a page of memory");
    let no_head = r#"- - - - false ["unreadable_head"]"#;
    let mut cases = vec![
        (bytes(&[]), no_head),
        (bytes(&[0; 4]), no_head),
        (bytes(&[0; 11]), no_head),
        (message(0, 1, 4, b""), r#"0 1 4 - true ["unreadable_payload"]"#),
        (message(0, 1, 4, b"abc"), r#"0 1 4 - true ["unreadable_payload"]"#),
        (
            message(0, 1, i32::MAX, &[0xab; 63]),
            r#"0 1 2147483647 - true ["unreadable_payload","length_out_of_range"]"#,
        ),
    ];
    // Null, the first address of the kernel's half, its own text, and the end of all.
    for address in [0, 1 << 47, 0xffff_8880_0000_1000, 0xffff_ffff_8100_0000, usize::MAX - 3] {
        cases.push((Argument::nowhere(address).expect("no memory of ours"), no_head));
    }
    check(&cases);
}

/// 24 bytes that no message but those of this file holds.
const KEY: &str = "5e1f0c7ad93b6248b7e05f9c31a4d8726e0b95fd4c83a217";
/// A text that is not secret, to prove that it would be found.
const PLAIN: &str = "visible canary 4712";

/// Pieces of a text as it is and as the outputs would show it.
fn needles(texts: &[&str]) -> Needles {
    let forms = texts.iter().flat_map(|text| {
        let (dense, spaced) = (hex(text.as_bytes(), ""), hex(text.as_bytes(), " "));
        [(*text).to_owned(), dense, spaced]
    });
    let forms: Vec<_> = forms.collect();
    Needles::of(&forms.iter().map(String::as_bytes).collect::<Vec<_>>())
}

#[test]
fn vm_keys_in_direct_messages_are_in_no_output_and_no_memory() {
    let Some(_guest) = Guest::enter() else { return };
    let device = Device::new("zeroes", "0 8 zero");
    let upper = KEY.to_uppercase();
    // What may be seen, and what may not.
    let cases = [
        ("key set ", KEY),
        ("KEY\tSET ", &*upper),
        ("k\\ey set ", KEY),
        ("  key   set   ", KEY),
        ("key\\ set ", KEY),
        ("key ", KEY),
    ];
    let formats = ["-o json", "", "--wide", "-o json --probe kprobe", "--probe kprobe"];
    let tracers = Tracer::start_lines(formats.map(|format| format!("{format} --ring 64KiB")));
    let send = |text: &str| {
        let len = i32::try_from(text.len()).expect("a short text");
        device.send_direct(DM_MESSAGE, &message(0, 0, len, text.as_bytes()));
    };
    for (seen, hidden) in cases {
        send(&format!("{seen}{hidden}"));
    }
    send(PLAIN);

    let (key, plain) = (needles(&[KEY, &upper]), needles(&[PLAIN]));
    for (mut tracer, format) in tracers.into_iter().zip(formats) {
        while !plain.are_in(tracer.wait_for_line().text.as_bytes()) {}
        let memory = memory::of(tracer.pid());
        let mut rings = memory.iter().filter(|mapping| mapping.is_ring());
        assert!(rings.any(|mapping| mapping.find(&plain).is_some()), "{format}");
        assert_eq!(memory.iter().find_map(|mapping| mapping.find(&key)), None, "{format}");
        let run = tracer.stop();
        for line in run.stdout.iter().chain(&run.stderr) {
            assert!(!key.are_in(line.as_bytes()), "{line}");
        }
        let redacted = run.stdout.iter().filter(|line| line.contains("redacted\":true"));
        let cut = run.stdout.iter().filter(|line| line.contains("<redacted "));
        assert_eq!(redacted.count() + cut.count(), cases.len(), "{run:?}");
        if format.contains("json") {
            let rows = run.rows();
            let shown = rows.iter().take(cases.len()).map(|row| row.cell("/msg/payload"));
            // Older programs hide such a payload whole.
            let is_whole = kernel() < WHOLE_TEXTS;
            let shown_of =
                |seen: &str| if is_whole { String::new() } else { hex(seen.as_bytes(), "") };
            let expected = cases.iter().map(|(seen, _)| shown_of(seen));
            assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
