//! The example in docs/capture.md is what the encoder writes.

use super::file::{Entry, capture};

/// As `hexdump -C` shows it.
fn dump(bytes: &[u8]) -> String {
    let line = |(nth, bytes): (usize, &[u8])| {
        let half = |bytes: &[u8]| {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
        };
        let (first, second) = bytes.split_at(bytes.len().min(8));
        let is_shown = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let text: String =
            bytes.iter().map(|b| if is_shown(*b) { char::from(*b) } else { '.' }).collect();
        format!("{:08x}  {:<23}  {:<23}  |{text}|\n", 16 * nth, half(first), half(second))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

#[test]
fn the_documents_example_is_what_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/capture.md");
    let document = std::fs::read_to_string(path).unwrap();
    let record = Entry::record(b"RECORD!".to_vec(), Some(b"/sbin/lvm".to_vec()), None);
    let example = dump(&capture(&[record.clone(), Entry::Lost(3), record], 3));
    assert!(document.contains(&format!("```\n{example}```\n")), "the document lacks\n{example}");
}
