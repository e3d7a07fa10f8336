//! Captures, shown by dmmsg-trace as the runs that they were.

use dmmsg::engine::{
    capture::Start,
    clock::Clock,
    event::Event,
    groups::Split,
    render::{
        Output,
        hist::{Form, Hist},
        json::Json,
        table::Table,
    },
    tally::Tally,
};
use dmmsg_common::{record::flag, stats::Counters};

use super::{
    file::{ANCHOR, Entry, account, capture, start},
    run::{Folder, feed, trace},
};
use crate::sample::Sample;

/// A run with all that can be in one.
pub fn entries() -> Vec<Entry> {
    let long = [&b"mark "[..], &[b'x'; 1500]].concat();
    let samples = [
        Sample::sent("thin-pool", b"create_thin 7"),
        Sample::sent("crypt", b"key set 00ff00ff")
            .comm(b"cryptsetup")
            .with(|head| head.call.pid = 2210),
        Sample::sent("multipath", b"fail_path 8:16").with(|head| {
            head.call.ret = -16;
            head.call.latency_ns = 6_249;
            head.call.uid = 1000;
        }),
        Sample::sent("log-writes", &long),
        Sample::sent("", b"delete 7").without_target().with(|head| {
            head.call.dev = 0;
            head.call.ret = -6;
            head.call.lost = 3;
            head.flags |= flag::NO_DEVICE;
        }),
        Sample::sent("raid", b"che\\ck \"a\\ b\" \xff\x1b"),
    ];
    let who = [Some("/usr/sbin/lvm"), Some("/usr/sbin/lvm"), None, Some("/sbin/\x1bm")];
    let mut entries = Vec::new();
    for (nth, sample) in samples.iter().enumerate() {
        let exe = who[nth % who.len()].map(|exe| exe.as_bytes().to_vec());
        let cgroup = exe.as_ref().map(|_| b"/system.slice".to_vec());
        entries.push(Entry::record(sample.record(), exe, cgroup));
    }
    entries.insert(4, Entry::Lost(2));
    entries.insert(2, Entry::record(b"no record".to_vec(), None, None));
    entries
}

/// The account of [`entries`], some of which told of losses themselves.
fn run() -> Counters {
    Counters { hits: 20, delivered: 7, lost: 5, filtered: 6, over_budget: 0 }
}

/// What a run shows that takes these entries from the ring.
fn shown(mut output: Output, entries: &[Entry], kernel: &Counters) -> String {
    let mut tally = Tally::default();
    let mut out = Vec::new();
    output.start(&mut out);
    for entry in entries {
        let (record, answer) = match entry {
            Entry::Record(record, answer) => (record, answer),
            Entry::Lost(total) => {
                output.lost(&mut out, tally.note_lost(*total));
                continue;
            }
            other => panic!("no {other:?} comes from a ring"),
        };
        let event = Event::from_record(record);
        if let Some(call) = event.call() {
            let lost = tally.note_losses(call);
            if lost > 0 {
                output.lost(&mut out, lost);
            }
            tally.show(1);
        } else {
            tally.bad_record();
        }
        output.event(&mut out, &event, answer.context());
    }
    let totals = tally.totals(kernel);
    match tally.untold_losses(&totals) {
        0 => {}
        untold => output.lost(&mut out, untold),
    }
    output.end(&mut out, &totals);
    String::from_utf8(out).unwrap()
}

fn outputs() -> [(&'static [&'static str], Output); 6] {
    let local = Clock::local(ANCHOR, 3600);
    let hist = |by_device, by_kind, form| {
        Output::Hist(Box::new(Hist::new(Split { by_device, by_kind }, form, false)))
    };
    [
        (&["-o", "hist"], hist(false, false, Form::Text(local.clone()))),
        (&["-o", "hist", "-DF"], hist(true, true, Form::Text(local.clone()))),
        (&["-o", "hist-json", "-F"], hist(false, true, Form::Json(local.clone()))),
        (&[], Output::Table(Table::new(local.clone(), false))),
        (&["--wide"], Output::Table(Table::new(local, true))),
        (&["-o", "json"], Output::Json(Box::new(Json::new(Clock::utc(ANCHOR))))),
    ]
}

#[test]
fn a_capture_shows_what_the_run_showed() {
    let folder = Folder::new();
    let entries = entries();
    let file = folder.file("run", &super::file::capture_of(&entries, 2, &run()));
    for (words, output) in outputs() {
        let replay = trace(&[&["-r", &file][..], words].concat());
        assert_eq!(replay.stdout, shown(output, &entries, &run()), "{words:?}");
        assert_eq!(replay.code, Some(0));
        let told = "seen 20 = delivered 6 + lost 6 + filtered 6 + in flight 2";
        assert!(replay.stderr.contains(told), "{}", replay.stderr);
    }
}

#[test]
fn a_capture_can_come_by_standard_input() {
    let folder = Folder::new();
    let file = capture(&entries(), 2);
    let path = folder.file("run", &file);
    assert_eq!(feed(&file, &["-r", "-"]), trace(&["-r", &path]));
}

#[test]
fn a_capture_is_filtered_as_a_run_is() {
    let folder = Folder::new();
    let file = folder.file("run", &capture(&entries(), 3));
    for (words, delivered) in [
        (&["-t", "thin-pool"][..], 1),
        (&["-m", "KEY set"], 1),
        (&["-m", "delete"], 1),
        (&["-m", "create"], 0),
        (&["-p", "2210"], 1),
        (&["-u", "1000"], 1),
        (&["-u", "0"], 5),
        (&["-n", "lvcreate"], 5),
        (&["-n", "lvcreat"], 0),
        (&["-x"], 2),
        (&["--min-lat", "812400ns"], 5),
        (&["--min-lat", "812401ns"], 0),
        (&["-d", "253:4"], 5),
        (&["-d", "vg-pool"], 6),
        (&["-d", "/dev/mapper/vg-pool"], 6),
        (&["-d", "LVM-a1b2"], 6),
        (&["-d", "LVM-*"], 6),
        (&["-d", "LVM-a"], 0),
        (&["-x", "-u", "1000", "-d", "vg-*"], 1),
    ] {
        let replay = trace(&[&["-r", &file][..], words].concat());
        assert_eq!(replay.stdout.lines().count(), 1 + delivered, "{words:?}\n{}", replay.stdout);
        let told = format!("seen 9 = delivered {delivered} + lost 3 + filtered {}", 6 - delivered);
        assert!(replay.stderr.contains(&told), "{words:?}: {}", replay.stderr);
        assert_eq!(replay.code, Some(0));
    }
}

#[test]
fn a_count_ends_the_reading() {
    let folder = Folder::new();
    let file = folder.file("run", &capture(&entries(), 3));
    let replay = trace(&["-r", &file, "-c", "2"]);
    assert_eq!(replay.stdout.lines().count(), 3);
    assert!(replay.stderr.contains("seen 2 = delivered 2 + lost 0 + filtered 0"));
}

#[test]
fn losses_are_an_error_if_they_must_not_be() {
    let folder = Folder::new();
    let file = folder.file("run", &capture(&entries(), 3));
    assert_eq!(trace(&["-r", &file]).code, Some(0));
    assert_eq!(trace(&["-r", &file, "--strict"]).code, Some(6));
}

#[test]
fn a_file_in_the_middle_of_a_run_has_its_own_account() {
    let folder = Folder::new();
    let middle = Start { lost_before: 100, ..start() };
    let mut encoder = dmmsg::engine::capture::Encoder::new(middle, None);
    let sample = Sample::sent("raid", b"check").with(|head| head.call.lost = 103);
    encoder.record(&sample.record(), None);
    encoder.end(&Counters { hits: 4, delivered: 1, lost: 3, filtered: 0, over_budget: 0 });
    let file: Vec<u8> = encoder.ready().flat_map(|piece| piece.bytes).collect();
    let replay = trace(&["-r", &folder.file("run", &file), "-o", "json"]);
    assert!(replay.stdout.starts_with(r#"{"schema":"dmmsg/1","type":"lost","count":3}"#));
    assert!(replay.stderr.contains("seen 4 = delivered 1 + lost 3 + filtered 0"));
}

/// A capture of another one holds what was shown of it.
#[test]
fn a_capture_of_a_capture() {
    let folder = Folder::new();
    let file = folder.file("run", &super::file::capture_of(&entries(), 3, &run()));
    let copy = folder.path("copy");
    let failed = folder.path("failed");
    let outcome = trace(&["-r", &file, "-o", "json", "-w", &copy]);
    assert_eq!(trace(&["-r", &copy, "-o", "json"]).stdout, outcome.stdout);
    let outcome = trace(&["-r", &copy, "-x", "--wide", "-w", &failed]);
    assert_eq!(outcome.stdout.lines().count(), 3);
    let again = trace(&["-r", &failed, "--wide"]);
    assert_eq!(again, outcome);
    assert!(account(&entries()).lost < 5, "the account has losses that no record tells of");
}
