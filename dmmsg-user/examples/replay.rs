//! Shows a large capture with dmmsg-trace on one CPU, and tells how fast it was and what it took.
//!
//! Usage: `replay DMMSG_TRACE FILE COUNT`; a FILE that is not there is made of COUNT records.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program, not the engine"
)]
#![expect(clippy::cast_precision_loss, reason = "numbers for people")]

mod typical;

use std::{
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use dmmsg::engine::{
    capture::{Encoder, Start},
    clock::Anchor,
    enrich::Context,
};
use dmmsg_common::stats::Counters;
use typical::{advance, record};

const WAYS: [(&str, &[&str]); 4] =
    [("table", &[]), ("wide", &["--wide"]), ("json", &["-o", "json"]), ("filter", &["-t", "none"])];

fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    let [program, file, count] = words.as_slice() else {
        bail!("usage: replay DMMSG_TRACE FILE COUNT");
    };
    let count = count.parse().context("read COUNT")?;
    if !fs::exists(file)? {
        let start = Instant::now();
        make(Path::new(file), count).with_context(|| format!("make {file}"))?;
        println!("made: {}", rate(count, start.elapsed()));
    }
    println!("{} bytes", fs::metadata(file)?.len());
    for (name, words) in WAYS {
        let (took, kib) = show(program, file, words)?;
        println!("{name}: {}, at most {kib} KiB resident", rate(count, took));
    }
    Ok(())
}

fn rate(count: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!("{count} records in {seconds:.2} s, {:.2} M/s", count as f64 / seconds / 1e6)
}

fn make(path: &Path, count: u64) -> Result<()> {
    let start = Start {
        anchor: Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 },
        utc_offset_s: 0,
        lost_before: 0,
        kernel: b"6.12".to_vec(),
        program: b"replay".to_vec(),
    };
    let mut file = BufWriter::new(File::create(path)?);
    let mut encoder = Encoder::new(start, None);
    let mut record = record();
    let context = Context {
        exe: Some(b"/usr/sbin/dmsetup"),
        cgroup: Some(b"/user.slice"),
        user: Some(b"root"),
        ..Context::default()
    };
    for nth in 0..count {
        advance(&mut record, nth);
        encoder.record(&record, Some(&context));
        for piece in encoder.ready() {
            file.write_all(&piece.bytes)?;
        }
    }
    encoder.end(&Counters { hits: count, delivered: count, ..Counters::default() });
    for piece in encoder.ready() {
        file.write_all(&piece.bytes)?;
    }
    Ok(file.flush()?)
}

/// How long it took, and the most memory it had.
fn show(program: &str, file: &str, words: &[&str]) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program, "-r", file]).args(words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        kib = peak.unwrap_or(kib);
        sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "{program} ended with {status}");
    Ok((start.elapsed(), kib))
}
