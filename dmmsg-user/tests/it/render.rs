//! Messages, rendered as people and programs get them.

use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::{Context, Parent},
    event::Event,
    render::{Output, json::Json, table::Table},
    tally::Tally,
};
use dmmsg_common::{dm::DevT, record::flag, stats::Counters};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::sample::Sample;

/// 2026-11-24T14:03:07Z.
const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };
pub const CONTEXT: Context<'_> = Context {
    exe: Some(b"/usr/sbin/lvm"),
    cgroup: Some(b"/system.slice/lvm2.service"),
    user: Some(b"root"),
    parent: Some(Parent { pid: 1, comm: Some(b"systemd") }),
    gone: false,
    stack: None,
};

pub fn table(wide: bool) -> Output {
    Output::Table(Table::new(Clock::utc(ANCHOR), wide))
}

pub fn json() -> Output {
    Output::Json(Box::new(Json::new(Clock::utc(ANCHOR))))
}

pub fn rendered(mut output: Output, samples: &[Sample], context: Context<'_>) -> String {
    let mut out = Vec::new();
    output.start(&mut out);
    for sample in samples {
        output.event(&mut out, &Event::from_record(&sample.record()), context);
    }
    String::from_utf8(out).unwrap()
}

fn check(output: Output, samples: &[Sample], expected: &Expect) {
    expected.assert_eq(&rendered(output, samples, CONTEXT));
}

#[test]
fn a_table_is_as_documented() {
    let key = [&b"key set "[..], &[b'f'; 130]].concat();
    let samples = [
        Sample::sent("thin-pool", b"create_thin 7"),
        Sample::sent("crypt", &key).comm(b"cryptsetup").with(|head| {
            head.call.boot_ns = 153_002_000_000;
            head.call.latency_ns = 91_700;
            head.call.pid = 2210;
            head.call.dev = DevT::new(253, 1).0;
        }),
        Sample::sent("multipath", b"fail_path 8:16").comm(b"multipathd").with(|head| {
            head.call.boot_ns = 184_733_000_000;
            head.call.latency_ns = 6_249;
            head.call.pid = 990;
            head.call.ret = -16;
            head.call.dev = DevT::new(253, 9).0;
        }),
    ];
    check(
        table(false),
        &samples,
        &expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      MESSAGE
        14:03:07.118 81233   lvcreate         253:4     thin-pool    0 create_thin         13    812.4 0        create_thin 7
        14:05:40.002 2210    cryptsetup       253:1     crypt        0 key set            138     91.7 0        key set <redacted 130 B>
        14:06:11.733 990     multipathd       253:9     multipath    0 fail_path           14      6.2 EBUSY    fail_path 8:16
    "#]],
    );
}

#[test]
fn a_wide_table_tells_who_the_sender_is() {
    let sample = Sample::sent("thin-pool", b"create_thin 7");
    check(
        table(true),
        std::slice::from_ref(&sample),
        &expect![[r#"
            TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      NAME                 UUID                                          UID EXE                      CGROUP                                   HANDLER(us) CLASS    MESSAGE
            14:03:07.118 81233   lvcreate         253:4     thin-pool    0 create_thin         13    812.4 0        vg-pool              LVM-a1b2                                        0 /usr/sbin/lvm            /system.slice/lvm2.service                         - changes  create_thin 7
        "#]],
    );
    expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      NAME                 UUID                                          UID EXE                      CGROUP                                   HANDLER(us) CLASS    MESSAGE
        14:03:07.118 81233   lvcreate         253:4     thin-pool    0 create_thin         13    812.4 0        vg-pool              LVM-a1b2                                        0 -                        -                                                  - changes  create_thin 7
    "#]].assert_eq(&rendered(table(true), &[sample], Context::default()));
}

#[test]
fn wide_values_take_room_from_the_next_columns() {
    let samples = [
        Sample::sent("thin-pool", b"release_metadata_snap").with(|head| {
            head.call.pid = 4_194_304;
            head.call.latency_ns = 16_000_000_000;
            head.call.ret = -95;
        }),
        Sample::sent("a-long-type", b"create_thin 7").comm("größe".as_bytes()),
        Sample::sent("thin-pool", b"create_thin 7").comm(b"\xff\x1b\xff\x1b\xff\x1b\xff\x1b"),
    ];
    check(
        table(false),
        &samples,
        &expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      MESSAGE
        14:03:07.118 4194304 lvcreate         253:4     thin-pool    0 release_metadata_snap 21 16000000.0 EOPNOTSUPP release_metadata_snap
        14:03:07.118 81233   größe            253:4     a-long-type  0 create_thin         13    812.4 0        create_thin 7
        14:03:07.118 81233   \xff\x1b\xff\x1b\xff\x1b\xff\x1b 253:4 thin-pool 0 create_thin 13   812.4 0        create_thin 7
    "#]],
    );
}

#[test]
fn what_is_missing_is_a_dash_in_the_table() {
    let no_device = Sample::sent("", b"delete 7").without_target().with(|head| {
        head.call.dev = 0;
        head.call.ret = -6;
        head.flags |= flag::NO_DEVICE;
    });
    let mut no_lookup = Sample::sent("", b"").without_target().with(|head| {
        head.call.dev = 0;
        head.flags |= flag::NO_LOOKUP;
    });
    no_lookup.name.clear();
    no_lookup.uuid.clear();
    let empty = Sample::sent("raid", b"\t").with(|head| head.call.ret = -22);
    check(
        table(false),
        &[no_device, no_lookup, empty],
        &expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      MESSAGE
        14:03:07.118 81233   lvcreate         -         -            - delete               8    812.4 ENXIO    delete 7
        14:03:07.118 81233   lvcreate         -         -            - -                    -    812.4 0        -
        14:03:07.118 81233   lvcreate         253:4     raid         0 -                    1    812.4 EINVAL   \t
    "#]],
    );
}

#[test]
fn what_is_hidden_is_counted() {
    let long = [&b"mark "[..], &[b'x'; 1500]].concat();
    let whole = Sample::sent("log-writes", &long);
    let endless = whole.clone().with(|head| head.flags |= flag::LEN_AT_LEAST);
    let key = Sample::sent("crypt", b"00ff00ff");
    let endless_key = key.clone().with(|head| head.flags |= flag::LEN_AT_LEAST);
    let text = rendered(table(false), &[whole, endless, key, endless_key], CONTEXT);
    let short = text.replace(&"x".repeat(1019), "x{1019}");
    expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      MESSAGE
        14:03:07.118 81233   lvcreate         253:4     log-writes   0 mark              1505    812.4 0        mark x{1019} …<+481 B>
        14:03:07.118 81233   lvcreate         253:4     log-writes   0 mark            >=1505    812.4 0        mark x{1019} …<+481 B or more>
        14:03:07.118 81233   lvcreate         253:4     crypt        0 -                    8    812.4 0        <redacted 8 B>
        14:03:07.118 81233   lvcreate         253:4     crypt        0 -                  >=8    812.4 0        <redacted 8 B or more>
    "#]].assert_eq(&short);
}

#[test]
fn a_terminal_gets_no_bytes_that_act_on_it() {
    let sample = Sample::sent("raid", "check \u{1b}[2J\r\u{202e}\"a\\b".as_bytes());
    check(
        table(false),
        &[sample],
        &expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      MESSAGE
        14:03:07.118 81233   lvcreate         253:4     raid         0 check               18    812.4 0        check \x1b[2J\r\xe2\x80\xae"a\\b
    "#]],
    );
}

#[test]
fn a_json_line_is_as_documented() {
    check(
        json(),
        &[Sample::sent("thin-pool", b"create_thin 7")],
        &expect![[r#"
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":91,"cpu":1,"lost_before":0,"process":{"pid":81233,"tid":81234,"uid":0,"user":"root","comm":"lvcreate","exe":"/usr/sbin/lvm","cgroup":"/system.slice/lvm2.service","unit":"lvm2.service","container":null,"ppid":1,"parent":"systemd","gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-a1b2","target_type":"thin-pool","index":0,"sector":0},"msg":{"interface":"control","tag":"create_thin","class":"changes","argv":["create_thin","7"],"len":13,"text":"create_thin 7","truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":0,"errno":null,"explanation":null,"notes":[]}
        "#]],
    );
}

#[test]
fn what_is_missing_is_null_in_json() {
    let mut sample = Sample::sent("", b"").without_target().with(|head| {
        head.call.dev = 0;
        head.call.ret = -22;
        head.flags |= flag::NO_LOOKUP | flag::SECURE;
    });
    sample.name.clear();
    sample.uuid.clear();
    expect![[r#"
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":91,"cpu":1,"lost_before":0,"process":{"pid":81233,"tid":81234,"uid":0,"user":null,"comm":"lvcreate","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":null,"name":null,"uuid":null,"target_type":null,"index":null,"sector":null},"msg":{"interface":"control","tag":null,"class":null,"argv":null,"len":null,"text":null,"truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":-22,"errno":"EINVAL","explanation":null,"notes":["secure","no_lookup"]}
    "#]].assert_eq(&rendered(json(), &[sample], Context::default()));
}

#[test]
fn json_carries_words_and_hostile_bytes() {
    let sample = Sample::sent("raid", b"che\\ck \"a\\ b\" \xff\x1b");
    check(
        json(),
        &[sample],
        &expect![[r#"
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":91,"cpu":1,"lost_before":0,"process":{"pid":81233,"tid":81234,"uid":0,"user":"root","comm":"lvcreate","exe":"/usr/sbin/lvm","cgroup":"/system.slice/lvm2.service","unit":"lvm2.service","container":null,"ppid":1,"parent":"systemd","gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-a1b2","target_type":"raid","index":0,"sector":0},"msg":{"interface":"control","tag":"check","class":"controls","argv":["check","\"a b\"","\\xff\\x1b"],"len":16,"text":"che\\\\ck \"a\\\\ b\" \\xff\\x1b","truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":0,"errno":null,"explanation":null,"notes":[]}
        "#]],
    );
    let malformed = Sample::sent("raid", b"check").with(|head| head.flags |= flag::MALFORMED);
    check(
        json(),
        &[malformed],
        &expect![[r#"
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":91,"cpu":1,"lost_before":0,"process":{"pid":81233,"tid":81234,"uid":0,"user":"root","comm":"lvcreate","exe":"/usr/sbin/lvm","cgroup":"/system.slice/lvm2.service","unit":"lvm2.service","container":null,"ppid":1,"parent":"systemd","gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-a1b2","target_type":"raid","index":0,"sector":0},"msg":{"interface":"control","tag":"check","class":"controls","argv":null,"len":5,"text":"check","truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":0,"errno":null,"explanation":null,"notes":["malformed"]}
        "#]],
    );
}

#[test]
fn json_says_what_else_happened() {
    let kernel = Counters { hits: 12, delivered: 9, lost: 2, filtered: 1, over_budget: 0 };
    let mut tally = Tally::default();
    (0..8).for_each(|_| tally.show(1));
    tally.bad_record();
    let Event::Bad(bad) = Event::from_record(&[0; 5]) else { panic!("5 bytes are no record") };
    let mut output = json();
    let mut out = Vec::new();
    output.lost(&mut out, 2);
    output.event(&mut out, &Event::Bad(bad), Context::default());
    output.end(&mut out, &tally.totals(&kernel));
    expect![[r#"
        {"schema":"dmmsg/1","type":"lost","count":2}
        {"schema":"dmmsg/1","type":"bad_record","bytes":5,"error":"the record has 5 bytes, its fixed part 8"}
        {"schema":"dmmsg/1","type":"stats","seen":12,"delivered":8,"lost":3,"filtered":1,"in_flight":0,"over_budget":0,"bad_records":1}
    "#]].assert_eq(str::from_utf8(&out).unwrap());
}

#[test]
fn the_table_holds_messages_alone() {
    let Event::Bad(bad) = Event::from_record(&[]) else { panic!("nothing is no record") };
    let mut output = table(true);
    let mut out = Vec::new();
    output.lost(&mut out, 2);
    output.event(&mut out, &Event::Bad(bad), Context::default());
    output.end(&mut out, &Tally::default().totals(&Counters::default()));
    assert_eq!(out, b"");
}

proptest! {
    #[test]
    fn no_spelling_of_a_key_reaches_an_output(
        verb in r"[ \t]{0,2}\\?[kK]\\?[eE][yY]([ \t]{1,3}|\\ )[sS]\\?[eE][tT]([ \t]{1,3}|\\ )",
        crypt: bool,
        scanned: bool,
    ) {
        let text = format!("{verb}5ec7e7");
        let mut sample = Sample::sent(if crypt { "crypt" } else { "raid" }, text.as_bytes());
        if !scanned {
            sample.head.flags &= !(flag::SCANNED | flag::REDACTED);
            sample.verb.clear();
            sample.text = text.into_bytes();
        }
        for output in [table(true), json()] {
            let text = rendered(output, std::slice::from_ref(&sample), CONTEXT);
            prop_assert!(!text.contains("5ec7e7"), "{text}");
        }
    }

    #[test]
    fn each_message_is_one_line_of_json(
        text in proptest::collection::vec(1_u8.., 0..60),
        name: Vec<u8>,
        comm: [u8; 16],
        flags in 0_u32..512,
    ) {
        let mut sample = Sample::sent("raid", &text).with(|head| {
            head.call.comm = comm;
            head.flags |= flags;
        });
        sample.name = name;
        let line = rendered(json(), &[sample], Context::default());
        prop_assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&value["schema"], "dmmsg/1");
    }

    #[test]
    fn each_message_is_one_row(text: Vec<u8>, name: Vec<u8>, comm: [u8; 16]) {
        let mut sample = Sample::sent("raid", &text).with(|head| head.call.comm = comm);
        sample.name = name;
        let rows = rendered(table(true), &[sample], Context::default());
        prop_assert_eq!(rows.lines().count(), 2);
    }
}
