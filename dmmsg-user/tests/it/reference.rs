//! The outputs compared with what is easy to see right: fast ways must show what slow ones do.

use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::{Context, Parent},
    event::Event,
    event::Message,
    names::{errno::errno_name, escape::escape},
    render::{Output, json::Json, table::Table},
};
use dmmsg_common::{dm::DevT, record::flag};
use proptest::prelude::*;

use crate::{decode::read, sample::Sample};

const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };

fn outputs() -> [Output; 3] {
    let clock = Clock::utc(ANCHOR);
    [
        Output::Table(Table::new(clock.clone(), false)),
        Output::Table(Table::new(clock.clone(), true)),
        Output::Json(Box::new(Json::new(clock))),
    ]
}

fn unused(nth: usize) -> Output {
    outputs().into_iter().nth(nth).unwrap()
}

fn line(output: &mut Output, sample: &Sample, context: Context<'_>) -> String {
    let mut out = Vec::new();
    output.event(&mut out, &Event::from_record(&sample.record()), context);
    String::from_utf8(out).unwrap()
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    escape(&mut out, bytes);
    String::from_utf8(out).unwrap()
}

fn text_or_dash(bytes: Option<&[u8]>) -> String {
    bytes.filter(|bytes| !bytes.is_empty()).map_or_else(|| "-".to_owned(), escaped)
}

/// Cells of a row with the places where they start, or end if the place is negative.
fn cells(message: &Message<'_>) -> Vec<(isize, String)> {
    let head = message.head;
    let or_dash = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let tenths = head.call.latency_ns.saturating_add(50) / 100;
    let ms = head.call.boot_ns / 1_000_000 % 1000;
    let dev = message.dev().map(|dev| format!("{}:{}", dev.major(), dev.minor()));
    let at_least = if message.has(flag::LEN_AT_LEAST) { ">=" } else { "" };
    let ret = errno_name(head.call.ret.saturating_neg());
    vec![
        (0, format!("14:03:07.{ms:03}")),
        (13, head.call.pid.to_string()),
        (21, text_or_dash(Some(message.comm()))),
        (38, dev.unwrap_or_else(|| "-".to_owned())),
        (48, text_or_dash(message.target_type())),
        (-62, or_dash(message.target_index())),
        (63, text_or_dash(message.tag())),
        (-85, format!("{at_least}{}", or_dash(message.text_len()))),
        (-94, format!("{}.{}", tenths / 10, tenths % 10)),
        (95, ret.map_or_else(|| head.call.ret.to_string(), ToOwned::to_owned)),
        (104, last_cell(message)),
    ]
}

fn last_cell(message: &Message<'_>) -> String {
    if message.text_len().is_none() {
        return "-".to_owned();
    }
    let text = escaped(message.text);
    let hidden = message.hidden_bytes();
    let or_more = if message.has(flag::LEN_AT_LEAST) { " or more" } else { "" };
    if message.is_redacted() {
        format!("{text}<redacted {hidden} B{or_more}>")
    } else if message.is_truncated() {
        format!("{text} …<+{hidden} B{or_more}>")
    } else {
        text
    }
}

fn row(message: &Message<'_>) -> String {
    let mut row = String::new();
    for (place, cell) in cells(message).into_iter().filter(|(_, cell)| !cell.is_empty()) {
        let width = row.chars().count().cast_signed();
        let start = if place < 0 { -place - cell.chars().count().cast_signed() } else { place };
        let gap = (start - width).max(isize::from(width > 0));
        row.extend(std::iter::repeat_n(' ', gap.unsigned_abs()));
        row.push_str(&cell);
    }
    row + "\n"
}

/// Bytes on either side of every border that the fast ways know.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let odd =
        prop::sample::select(b"\x01\t\x1f !\"/[\\]^_`~\x7f\x80\xa0\xc3\xbc\xffAZakz@".to_vec());
    let byte = prop_oneof![4 => b'a'..=b'z', 1 => odd];
    prop_oneof![
        prop::collection::vec(byte, 0..=most),
        "[a-z_]{1,40}( {1,2}[0-9:a-z]{1,6}){0,3}".prop_map(String::into_bytes),
        prop::collection::vec(any::<char>(), 0..=most / 2)
            .prop_map(|text| text.into_iter().collect::<String>().into_bytes()),
    ]
    .prop_map(move |mut bytes| {
        bytes.retain(|byte| *byte != 0);
        bytes.truncate(most);
        bytes
    })
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..300_u32, any::<u32>(), (0..10_u32).prop_map(|zeroes| 10_u32.pow(zeroes))]
}

fn sample() -> impl Strategy<Value = Sample> {
    let texts = (bytes(60), bytes(15), bytes(15), bytes(30), bytes(30));
    let numbers = (number(), number(), number(), any::<u64>(), 0..64_u32, -140..2_i32);
    let flags = prop_oneof![3 => Just(0), 1 => 0..512_u32];
    (texts, numbers, flags).prop_map(|((text, comm, target, name, uuid), numbers, flags)| {
        let (pid, dev, index, latency, shift, ret) = numbers;
        let mut sample = Sample::sent("raid", &text).comm(&comm).with(|head| {
            head.target_type = [0; 16];
            head.target_type[..target.len()].copy_from_slice(&target);
            (head.call.pid, head.call.dev, head.target_index) = (pid, dev, index);
            (head.call.tid, head.call.seq, head.call.lost) = (pid, latency, u64::from(pid));
            head.call.latency_ns = latency >> shift;
            head.call.ret = ret;
            head.flags |= flags & !flag::SCANNED;
        });
        (sample.name, sample.uuid) = (name, uuid);
        sample
    })
}

proptest! {
    #[test]
    fn a_row_is_what_its_cells_are(sample in sample()) {
        let [mut table, ..] = outputs();
        let record = sample.record();
        let expected = row(&read(&record));
        prop_assert_eq!(line(&mut table, &sample, Context::default()), expected);
    }

    #[test]
    fn json_holds_the_escaped_form_of_every_text(sample in sample()) {
        let [.., mut json] = outputs();
        let record = sample.record();
        let message = read(&record);
        let context = Context {
            exe: Some(&sample.name),
            user: Some(&sample.uuid),
            parent: Some(Parent { pid: sample.head.call.tid, comm: Some(&sample.text) }),
            gone: sample.head.call.seq % 2 == 0,
            cgroup: None,
            stack: None,
        };
        let line = line(&mut json, &sample, context);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |bytes: Option<&[u8]>| serde_json::json!(bytes.map(escaped));
        let given = |bytes: &[u8]| text(Some(bytes).filter(|bytes| !bytes.is_empty()));
        let mut words = Vec::new();
        message.each_word(&mut Vec::new(), |word| words.push(escaped(word)));
        let argv_is_known = message.text_len().is_some() && !message.has(flag::MALFORMED);
        prop_assert_eq!(&value["msg"]["tag"], &text(message.tag()));
        prop_assert_eq!(&value["msg"]["argv"], &serde_json::json!(argv_is_known.then_some(words)));
        prop_assert_eq!(&value["msg"]["text"], &text(message.text_len().map(|_| message.text)));
        prop_assert_eq!(&value["msg"]["truncated"], message.is_truncated());
        prop_assert_eq!(&value["msg"]["redacted"], message.is_redacted());
        prop_assert_eq!(&value["process"]["comm"], &text(Some(message.comm())));
        prop_assert_eq!(&value["process"]["exe"], &text(Some(&sample.name)));
        prop_assert_eq!(&value["process"]["user"], &text(Some(&sample.uuid)));
        prop_assert_eq!(&value["process"]["parent"], &text(Some(&sample.text)));
        prop_assert_eq!(value["process"]["ppid"].as_u64(), Some(sample.head.call.tid.into()));
        prop_assert_eq!(value["process"]["gone"].as_bool(), Some(sample.head.call.seq % 2 == 0));
        prop_assert_eq!(&value["dm"]["name"], &given(&sample.name));
        prop_assert_eq!(&value["dm"]["target_type"], &text(message.target_type()));
        prop_assert_eq!(value["seq"].as_u64(), Some(sample.head.call.seq));
        prop_assert_eq!(value["ret"].as_i64(), Some(sample.head.call.ret.into()));
    }

    #[test]
    fn a_line_does_not_depend_on_the_line_before(
        first in sample(),
        other in sample(),
        take in any::<[bool; 13]>(),
    ) {
        let mut second = first.clone();
        let [pid, tid, dev, index, comm, target_type, name, uuid, exe, cgroup, user, parent, gone] =
            take;
        if pid { second.head.call.pid = other.head.call.pid; }
        if tid { second.head.call.tid = other.head.call.tid; }
        if dev { second.head.call.dev = other.head.call.dev; }
        if index { second.head.target_index = other.head.target_index; }
        if comm { second.head.call.comm = other.head.call.comm; }
        if target_type { second.head.target_type = other.head.target_type; }
        if name { second.name.clone_from(&other.name); }
        if uuid { second.uuid.clone_from(&other.uuid); }
        let context = Context {
            exe: exe.then_some(b"/bin/x"),
            cgroup: cgroup.then_some(b"/x.service"),
            user: user.then_some(b"root"),
            parent: parent.then_some(Parent { pid: 1, comm: None }),
            gone,
            stack: None,
        };
        for (nth, mut used) in outputs().into_iter().enumerate() {
            line(&mut used, &first, Context::default());
            for sample in [&second, &second, &first] {
                let expected = line(&mut unused(nth), sample, context);
                prop_assert_eq!(line(&mut used, sample, context), expected);
            }
        }
    }
}

#[test]
fn values_as_wide_as_their_columns_and_one_wider() {
    for (comm, verb, dev, pid) in [
        (&b"sixteen-bytes-lo"[..], "eighteen_letters_x", DevT::new(4095, 9999), 1_234_567),
        (b"fifteen-bytes-l", "nineteen_letters_xy", DevT::new(4095, 99_999), 12_345_678),
        (b"", "thirty_one_letters_in_one_verb_", DevT::new(1, 0xf_ffff), u32::MAX),
        (b"\x7f\\", "thirty_two_letters_in_one_verb__", DevT::new(0, 1), 0),
    ] {
        let sample = Sample::sent("sixteen-bytes-lo", verb.as_bytes()).comm(comm).with(|head| {
            (head.call.pid, head.call.dev, head.text_len) = (pid, dev.0, 1_000_000);
            head.call.latency_ns = u64::from(pid) * 1_000_000;
        });
        let [mut table, ..] = outputs();
        let record = sample.record();
        assert_eq!(line(&mut table, &sample, Context::default()), row(&read(&record)));
    }
}
