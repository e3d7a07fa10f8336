//! Writes inputs for the fuzz targets to start from: the tests' records, and captures of them.
//!
//! Usage: `seeds FOLDER`; makes `FOLDER/record` and `FOLDER/capture`.

#![expect(clippy::disallowed_methods, reason = "a program, not the engine")]
#![expect(clippy::cast_possible_truncation, reason = "samples are short")]

#[path = "../tests/it/sample.rs"]
mod sample;

use std::{env, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use dmmsg::engine::{
    capture::{Encoder, Start},
    clock::Anchor,
    enrich::Context,
};
use dmmsg_common::{record::flag, stats::Counters};
use sample::Sample;

fn main() -> Result<()> {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let [folder] = words.as_slice() else { bail!("usage: seeds FOLDER") };
    let records: Vec<_> = samples().iter().map(Sample::record).collect();
    let captures = (0..=records.len()).map(|count| capture(records.iter().take(count)));
    write(&Path::new(folder).join("record"), records.iter().cloned())?;
    write(&Path::new(folder).join("capture"), captures)
}

fn write(folder: &Path, inputs: impl Iterator<Item = Vec<u8>>) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    for (nth, input) in inputs.enumerate() {
        let path = folder.join(nth.to_string());
        fs::write(&path, input).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn samples() -> Vec<Sample> {
    vec![
        Sample::sent("thin-pool", b"create_thin 7"),
        Sample::sent("crypt", b"key set 00ff00ff").comm(b"cryptsetup"),
        Sample::sent("multipath", b"fail_path 8:16").with(|head| head.call.ret = -16),
        Sample::sent("raid", b"che\\ck \"a\\ b\" \xff\x1b").with(|head| head.call.lost = 3),
        Sample::sent("", b"delete 7").without_target().with(|head| {
            head.call.dev = 0;
            head.flags |= flag::NO_DEVICE;
        }),
        Sample::sent("raid", b"@stats_list").with(|head| head.flags |= flag::LEN_AT_LEAST),
        Sample::sent("raid", &[b'x'; 1500]),
    ]
}

fn capture<'a>(records: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let start = Start {
        anchor: Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 },
        utc_offset_s: 3600,
        lost_before: 0,
        kernel: b"6.12".to_vec(),
        program: b"seeds".to_vec(),
    };
    let mut encoder = Encoder::new(start, None);
    let mut account = Counters::default();
    for (nth, record) in (0_u64..).zip(records) {
        let exe = format!("/sbin/{}", nth % 3);
        let context = Context { exe: Some(exe.as_bytes()), ..Context::default() };
        encoder.record(record, (nth % 4 < 3).then_some(&context));
        if nth % 2 == 0 {
            encoder.lost(nth);
            encoder.end_frame();
        }
        account.delivered += 1;
        account.hits += 1;
    }
    encoder.end(&account);
    encoder.ready().flat_map(|piece| piece.bytes).collect()
}
