//! What the kernel counts is what records tell.

use std::{collections::BTreeMap, fs};

use dmmsg::shell::kernel::control::Address;

use super::{
    direct::{DM_MESSAGE, message},
    guest::{Device, Guest, crypt_table, rungs, send},
    row::Row,
    tracer::{Run, Tracer},
};

const FILE: &str = "/tmp/count.cap";
const WORDS: &[&str] = &["-o", "hist-json", "-F", "--ioctls"];

/// Texts by which a reader of whole words and one of bytes could be told apart.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        &b"set_region_mappings 0:0"[..],
        b"SET_Region_Mappings 0:0",
        b"set_region_mappings",
        b"set_region_mappings\t0:0",
        b"set_region_mappings\xa00:0",
        b"set_region_mappings\x01 0:0",
        b"set_region_mappings\x80",
        b"set_region_mapping",
        b"set_region_mappingss 0:0",
        b" set_region_mappings 0:0",
        b"\\set_region_mappings 0:0",
        b"set_region\\_mappings 0:0",
        b"set_region_mappings\\ 0:0",
        b"@stats_list",
        b"@STATS_LIST x",
        b"@stats_print_clear 9",
        b"@stats_print 9",
        b"@cancel_deferred_remove",
        b"@nosuch",
        b"key",
        b"key wipe",
        b"key  wipe",
        b"KEY WIPE",
        b"key\\ wipe",
        b"key wipe now",
        b"key set 00ff",
        b"delete 7",
        b"",
        b" ",
        b"\\",
        b"1234567",
        b"12345678",
        b"123456789012345",
        b"1234567890123456",
        b"12345678901234567890123456789012",
        b"123456789012345678901234567890123",
    ]
    .map(<[u8]>::to_vec)
    .into();
    for length in [31, 32, 33, 63, 64, 65, 500, 5000] {
        let mut long = b"set_region_mappings ".to_vec();
        long.resize(length, b'0');
        texts.push(long);
    }
    texts
}

/// Calls of every kind by their count.
fn counts(run: &Run) -> BTreeMap<String, u64> {
    let names = ["/msg/interface", "/msg/target_type", "/msg/tag"];
    let hists = run.of_type("hist");
    hists.iter().map(|hist| (hist.cells(&names), hist.number("/count"))).collect()
}

fn sum(hists: &[Row], what: &str) -> u64 {
    hists.iter().map(|hist| hist.number(what)).sum()
}

#[test]
fn vm_the_kernel_counts_what_records_tell() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let zero = Device::new("silent", "0 1024 zero");
    let vault = Device::new("vault", &crypt_table());
    let two = Device::new("two", "0 8 zero\n8 8 error");
    let empty = Device::without_table("empty");
    for &rung in rungs() {
        let record = [WORDS, &["-w", FILE, "--probe", rung]].concat();
        let count = [WORDS, &["--probe", rung]].concat();
        let mut tracers = Tracer::start_all([record, count]);
        for text in texts() {
            for device in [&paths, &zero, &vault, &two, &empty] {
                device.send(0, &text);
            }
            two.send(9, &text);
            two.send(99, &text);
            send(Address::Name(b"nosuch"), 0, &text);
        }
        for index in [0, 1, 2, -1] {
            two.send_direct(DM_MESSAGE, &message(index, 4, 0, b""));
        }
        two.send_direct(0xfd12, &message(0, 4, 0, b""));
        two.send_direct(0xfd01, &message(0, 4, 0, b""));
        let counted = tracers.pop().expect("two tracers").stop();
        tracers.pop().expect("a tracer").stop();

        let recorded = Tracer::replay(FILE, WORDS);
        assert_eq!(counts(&counted), counts(&recorded), "{rung}");
        let stats = &counted.of_type("stats")[0];
        let hists = counted.of_type("hist");
        assert_eq!(sum(&hists, "/count"), stats.number("/delivered"));
        assert_eq!(stats.number("/seen"), stats.number("/delivered"));
        for hist in hists {
            let (mean, max) = (hist.number("/mean"), hist.number("/max"));
            assert!(0 < mean && mean <= max && hist.number("/p99") <= max, "{hist:?}");
        }
    }
    fs::remove_file(FILE).expect("the capture is removed");
}
