//! A message's text is shown as it was sent, whatever it holds, and its verb as the kernel took it.

use super::{
    guest::{Device, Guest, WHOLE_TEXTS, kernel},
    tracer::Tracer,
};

/// Sends texts to a switch, and compares what rows say of them with `expected`.
fn check(texts: &[&[u8]], expected: &[&str]) {
    let switch = Device::switch("paths");
    let tracer = Tracer::start("-o json");
    for text in texts {
        switch.send(0, text);
    }
    assert_eq!(tracer.stop().briefs(), expected);
}

#[test]
fn vm_verbs_are_what_the_kernel_saw() {
    let Some(_guest) = Guest::enter() else { return };
    let texts: [&[u8]; 8] = [
        b"\tset_region_mappings\t0:0\n",
        b"set\\_region_mappings 0:0",
        b"\\set_region_mappings 0:0",
        b"set_region_mappings\x0b0:0",
        b"set_region_mappings\xa00:0",
        b"Set_REGION_mappings 0:0",
        b"set_region_mappings\\ 0:0",
        b"key\\ set\\",
    ];
    let expected = [
        r"switch 0 set_region_mappings 25 0 \tset_region_mappings\t0:0\n",
        r"switch 0 set_region_mappings 24 0 set\\_region_mappings 0:0",
        r"switch 0 set_region_mappings 24 0 \\set_region_mappings 0:0",
        r"switch 0 set_region_mappings 23 0 set_region_mappings\x0b0:0",
        r"switch 0 set_region_mappings 23 0 set_region_mappings\xa00:0",
        r"switch 0 set_region_mappings 23 0 Set_REGION_mappings 0:0",
        r"switch 0 set_region_mappings 0:0 24 EINVAL set_region_mappings\\ 0:0",
        // What follows `key set` is never shown.
        r"switch 0 key set 9 EINVAL key\\ set",
    ];
    check(&texts, &expected);
}

#[test]
fn vm_texts_cannot_act_on_a_terminal() {
    let Some(_guest) = Guest::enter() else { return };
    let texts: [&[u8]; 5] = [
        b"\x1b[31mred\x1b[0m\x07",
        b"\xff\xfe\x80 x",
        "größe 磁盘".as_bytes(),
        "a\u{202e}b\u{200b}".as_bytes(),
        b"\"quoted\" 'words'",
    ];
    let expected = [
        r"switch 0 \x1b[31mred\x1b[0m\x07 13 EINVAL \x1b[31mred\x1b[0m\x07",
        r"switch 0 \xff\xfe\x80 5 EINVAL \xff\xfe\x80 x",
        r"switch 0 größe 14 EINVAL größe 磁盘",
        r"switch 0 a\xe2\x80\xaeb\xe2\x80\x8b 8 EINVAL a\xe2\x80\xaeb\xe2\x80\x8b",
        r#"switch 0 "quoted" 16 EINVAL "quoted" 'words'"#,
    ];
    check(&texts, &expected);
}

#[test]
fn vm_empty_texts_are_messages_too() {
    let Some(_guest) = Guest::enter() else { return };
    check(&[b"", b"   "], &["switch 0 - 0 EINVAL ", "switch 0 - 3 EINVAL    "]);
}

#[test]
fn vm_long_texts_are_cut_but_measured() {
    let Some(_guest) = Guest::enter() else { return };
    let spaces = [" ".repeat(4_000), "set_region_mappings 0:0".to_owned()].concat();
    let mappings = ["set_region_mappings", &" 0:0".repeat(5_000)].concat();
    let key = [" ".repeat(4_000), "key set 00".to_owned()].concat();
    let switch = Device::switch("paths");
    let json = Tracer::start("-o json");
    let table = Tracer::start("");
    for text in [&spaces, &mappings, &key] {
        switch.send(0, text.as_bytes());
    }
    let (json, table) = (json.stop(), table.stop());

    let cells = json
        .rows()
        .iter()
        .map(|row| {
            ["/msg/tag", "/msg/len", "/ret", "/msg/truncated", "/msg/redacted"]
                .map(|pointer| row.cell(pointer))
                .join(" ")
        })
        .collect::<Vec<_>>();
    if kernel() < WHOLE_TEXTS {
        // What is not settled by the first 64 bytes is hidden whole.
        assert_eq!([&cells[0], &cells[2]], ["- 4023 0 false true", "- 4010 -22 false true"]);
        assert!(json.rows()[1].cell("/notes").contains("len_at_least"), "{json:?}");
        return;
    }
    let expected = [
        "set_region_mappings 4023 0 true false",
        "set_region_mappings 20019 0 true false",
        "key set 4010 -22 false true",
    ];
    assert_eq!(cells, expected);
    for (row, text) in json.rows().iter().zip([&spaces, &mappings, &key]) {
        assert_eq!(row.cell("/msg/text"), text[..1024]);
    }
    let ends = [" …<+2999 B>", " 0:0  …<+18995 B>", " <redacted 2986 B>"];
    assert_eq!(table.stdout.len(), 1 + ends.len());
    for (line, end) in table.stdout.iter().skip(1).zip(ends) {
        assert!(line.ends_with(end), "{line}");
    }
}
