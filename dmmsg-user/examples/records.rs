//! Renders one typical record again and again, so that callgrind can count what a record costs.
//!
//! Usage: `valgrind --tool=callgrind records table|wide|json COUNT`; the difference between two
//! counts is free of what starting up costs.

#![expect(clippy::disallowed_methods, reason = "a program, not the engine")]
#![expect(clippy::cast_possible_truncation, reason = "the record is short")]

use std::{
    env,
    hint::black_box,
    io::{Write as _, stderr},
};

use anyhow::{Context as _, Result, bail};
use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::{Context, Parent, Question},
    event::Event,
    filter::Filter,
    render::{Output, json::Json, table::Table},
    tally::Tally,
};
use dmmsg_common::{
    dm::DevT,
    record::{ABI, KIND_MESSAGE, MessageHead, NO_HANDLER, RecordHeader, padded},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// 2026-11-24T14:03:07Z.
const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };
const TEXT: &[u8] = b"set_region_mappings 0:0";
const NAME: &[u8] = b"sw";
const CONTEXT: Context<'_> = Context {
    exe: Some(b"/usr/sbin/dmsetup"),
    cgroup: Some(b"/user.slice/user-1000.slice/session-2.scope"),
    user: Some(b"root"),
    parent: Some(Parent { pid: 1233, comm: Some(b"bash") }),
    gone: false,
    stack: None,
};
/// Records between two flushes.
const BATCH: u64 = 64;

fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    let [format, count] = words.as_slice() else {
        bail!("usage: records table|wide|json COUNT");
    };
    let output = match format.as_str() {
        "table" => Output::Table(Table::new(Clock::utc(ANCHOR), false)),
        "wide" => Output::Table(Table::new(Clock::utc(ANCHOR), true)),
        "json" => Output::Json(Box::new(Json::new(Clock::utc(ANCHOR)))),
        other => bail!("no output `{other}`"),
    };
    let bytes = render(output, count.parse().context("read COUNT")?);
    writeln!(stderr(), "{bytes} bytes").context("write the number of bytes")
}

/// Does with each record what a run does, but for the ring and the sender's `/proc`.
fn render(mut output: Output, count: u64) -> usize {
    let mut record = record();
    let filter = Filter::default();
    let mut tally = Tally::default();
    let mut out = Vec::with_capacity(64 << 10);
    let mut bytes = 0;
    for nth in 0..count {
        advance(&mut record, nth);
        let event = Event::from_record(black_box(&record));
        if let Some(call) = event.call()
            && tally.note_losses(call) == 0
            && filter.admits(&event)
        {
            black_box(Question::about(call));
            output.event(&mut out, &event, CONTEXT);
            tally.show();
        }
        if nth % BATCH == 0 {
            bytes += out.len();
            black_box(&out);
            out.clear();
        }
    }
    bytes
}

/// A message every 2 µs.
fn advance(record: &mut [u8], nth: u64) {
    if let Some(boot_ns) = record.get_mut(8..16) {
        boot_ns.copy_from_slice(&(118_204_511 + 2000 * nth).to_le_bytes());
    }
}

fn record() -> Vec<u8> {
    let mut head = MessageHead::new_zeroed();
    let bytes = size_of::<MessageHead>() + padded(TEXT.len()) + padded(NAME.len());
    head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size: bytes as u32 };
    head.handler_ns = NO_HANDLER;
    head.call.latency_ns = 6_249;
    head.call.seq = 81_233;
    head.call.cgroup_id = 4711;
    (head.call.pid, head.call.tid) = (1234, 1234);
    head.call.dev = DevT::new(254, 1).0;
    head.text_len = TEXT.len() as u32;
    (head.text_bytes, head.name_bytes) = (TEXT.len() as u16, NAME.len() as u16);
    head.call.comm = *b"dmsetup\0\0\0\0\0\0\0\0\0";
    head.target_type = *b"switch\0\0\0\0\0\0\0\0\0\0";
    let mut record = head.as_bytes().to_vec();
    for text in [TEXT, NAME] {
        record.extend(text);
        record.resize(padded(record.len()), 0);
    }
    record
}
