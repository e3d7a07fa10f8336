//! Renders one typical record again and again, so that callgrind can count what a record costs.
//!
//! Usage: `valgrind --tool=callgrind records table|wide|json COUNT`; the difference between two
//! counts is free of what starting up costs.

#![expect(clippy::disallowed_methods, reason = "a program, not the engine")]

mod typical;

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
use typical::{advance, record};

/// 2026-11-24T14:03:07Z.
const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };
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
            tally.show(1);
        }
        if nth % BATCH == 0 {
            bytes += out.len();
            black_box(&out);
            out.clear();
        }
    }
    bytes
}
