//! Rows and lines of what is no message to the control node.

use std::time::Duration;

use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::Context,
    event::Event,
    filter::Filter,
    render::{Output, json::Json, table::Table},
};
use dmmsg_common::{
    dm::DevT,
    record::{
        ABI, DirectHead, IoctlHead, KIND_DIRECT, KIND_IOCTL, RecordHeader, direct_flag, flag,
        ioctl_flag, padded,
    },
};
use expect_test::{Expect, expect};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::sample::Sample;

/// 2026-11-24T14:03:07Z.
const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };

fn outputs() -> [Output; 3] {
    [
        Output::Table(Table::new(Clock::utc(ANCHOR), false)),
        Output::Table(Table::new(Clock::utc(ANCHOR), true)),
        Output::Json(Box::new(Json::new(Clock::utc(ANCHOR)))),
    ]
}

fn show(output: &mut Output, records: &[Vec<u8>]) -> String {
    let mut out = Vec::new();
    for record in records {
        output.event(&mut out, &Event::from_record(record), Context::default());
    }
    String::from_utf8(out).expect("output is UTF-8")
}

fn check(records: &[Vec<u8>], table: &Expect, json: &Expect) {
    let [mut narrow, _, mut lines] = outputs();
    table.assert_eq(&show(&mut narrow, records));
    json.assert_eq(&show(&mut lines, records));
}

/// The client of the 2004 proposal, on a linear device.
fn direct(change: impl FnOnce(&mut DirectHead)) -> Vec<u8> {
    let mut head = DirectHead::new_zeroed();
    head.call.boot_ns = 118_204_511;
    head.call.latency_ns = 1_900;
    (head.call.pid, head.call.tid, head.call.uid) = (1201, 1201, 1000);
    head.call.dev = DevT::new(253, 2).0;
    head.call.ret = -25;
    head.call.comm[..4].copy_from_slice(b"demo");
    head.cmd = 0x400c_fd0e;
    (head.tag, head.len, head.payload_bytes) = (4, 4, 4);
    head.payload[0] = 7;
    head.target_type[..6].copy_from_slice(b"linear");
    head.name_bytes = 2;
    change(&mut head);
    head.header =
        RecordHeader { abi: ABI, kind: KIND_DIRECT, size: (size_of::<DirectHead>() + 8) as u32 };
    [head.as_bytes(), b"l2\0\0\0\0\0\0"].concat()
}

/// A suspend, or where the flags do not say so, a resume.
fn suspend(flags_in: u32, boot_ns: u64) -> Vec<u8> {
    let mut head = IoctlHead::new_zeroed();
    head.call.boot_ns = boot_ns;
    head.call.latency_ns = 14_872_700;
    (head.call.pid, head.call.tid) = (265, 265);
    head.call.dev = DevT::new(253, 4).0;
    head.call.comm[..7].copy_from_slice(b"dmsetup");
    head.cmd = 0xc138_fd06;
    head.flags_in = flags_in;
    (head.name_bytes, head.uuid_bytes) = (7, 4);
    let size = (size_of::<IoctlHead>() + padded(7) + 4) as u32;
    head.header = RecordHeader { abi: ABI, kind: KIND_IOCTL, size };
    [head.as_bytes(), b"vg-pool\0LVM-"].concat()
}

#[test]
fn direct_messages_show_what_the_sender_wrote() {
    check(
        &[direct(|_| {}), direct(|head| head.layer = 1)],
        &expect![[r#"
        14:03:07.118 1201    demo             253:2     linear       0 #4 (direct)          4      1.9 ENOTTY   <4 B: 07 00 00 00>
        14:03:07.118 1201    demo             253:2     linear       0 #4 (direct)          4      1.9 ENOTTY   <4 B: 07 00 00 00> <forwarded 1>
    "#]],
        &expect![[r#"
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":0,"sector":null},"msg":{"interface":"direct","tag":4,"len":4,"payload":"07000000","truncated":false,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":[]}
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":0,"sector":null},"msg":{"interface":"direct","tag":4,"len":4,"payload":"07000000","truncated":false,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":1},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":["forwarded"]}
    "#]],
    );
}

#[test]
fn direct_messages_that_cannot_be_read_say_so() {
    let records = [
        direct(|head| {
            head.flags = direct_flag::HEAD_UNREADABLE | direct_flag::SUSPENDED;
            (head.tag, head.len, head.payload_bytes) = (0, 0, 0);
        }),
        direct(|head| {
            head.flags = direct_flag::PAYLOAD_UNREADABLE;
            head.payload_bytes = 0;
        }),
        direct(|head| {
            head.flags = direct_flag::OVERSIZED;
            (head.index, head.len, head.payload_bytes) = (-1, i32::MAX, 64);
        }),
        direct(|head| {
            head.flags = direct_flag::OVERSIZED;
            (head.len, head.payload_bytes) = (-1, 0);
        }),
        direct(|head| {
            head.flags = direct_flag::REDACTED;
            (head.len, head.payload_bytes) = (44, 8);
            head.payload[..8].copy_from_slice(b"key set ");
        }),
    ];
    check(
        &records,
        &expect![[r#"
        14:03:07.118 1201    demo             253:2     linear       - #? (direct)          -      1.9 ENOTTY   <unreadable head>
        14:03:07.118 1201    demo             253:2     linear       0 #4 (direct)          4      1.9 ENOTTY   <unreadable payload>
        14:03:07.118 1201    demo             253:2     linear      -1 #4 (direct) 2147483647      1.9 ENOTTY   <64 B: 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00> <length out of range>
        14:03:07.118 1201    demo             253:2     linear       0 #4 (direct)         -1      1.9 ENOTTY   <length out of range>
        14:03:07.118 1201    demo             253:2     linear       0 #4 (direct)         44      1.9 ENOTTY   <8 B: 6b 65 79 20 73 65 74 20> <redacted 36 B>
    "#]],
        &expect![[r#"
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":null,"sector":null},"msg":{"interface":"direct","tag":null,"len":null,"payload":null,"truncated":false,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":["unreadable_head","suspended"]}
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":0,"sector":null},"msg":{"interface":"direct","tag":4,"len":4,"payload":null,"truncated":true,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":["unreadable_payload"]}
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":-1,"sector":null},"msg":{"interface":"direct","tag":4,"len":2147483647,"payload":"07000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000","truncated":true,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":["length_out_of_range"]}
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":0,"sector":null},"msg":{"interface":"direct","tag":4,"len":-1,"payload":"","truncated":false,"redacted":false,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":["length_out_of_range"]}
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":0,"sector":null},"msg":{"interface":"direct","tag":4,"len":44,"payload":"6b65792073657420","truncated":false,"redacted":true,"cmd":1074593038,"name":"DM_MESSAGE","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":"this kernel takes messages by its control node alone","notes":[]}
    "#]],
    );
}

#[test]
fn other_ioctls_to_a_device_are_named_where_they_mean_something_to_it() {
    let other = |cmd, ret| {
        direct(|head| {
            (head.cmd, head.call.ret) = (cmd, ret);
            (head.tag, head.len, head.payload_bytes) = (0, 0, 0);
        })
    };
    check(
        &[other(0xfd12, 0), other(0xc138_fd0e, -25), other(0xfd13, -25)],
        &expect![[r#"
            14:03:07.118 1201    demo             253:2     linear       - DM_MPATH_PROBE_PATHS -      1.9 0        -
            14:03:07.118 1201    demo             253:2     linear       - 0xc138fd0e (direct)  -      1.9 ENOTTY   -
            14:03:07.118 1201    demo             253:2     linear       - 0xfd13 (direct)      -      1.9 ENOTTY   -
        "#]],
        &expect![[r#"
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":null,"sector":null},"msg":{"interface":"direct","tag":null,"len":null,"payload":null,"truncated":false,"redacted":false,"cmd":64786,"name":"DM_MPATH_PROBE_PATHS","layer":0},"latency_ns":{"total":1900,"handler":null},"ret":0,"errno":null,"explanation":null,"notes":[]}
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":null,"sector":null},"msg":{"interface":"direct","tag":null,"len":null,"payload":null,"truncated":false,"redacted":false,"cmd":3241737486,"name":null,"layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":null,"notes":[]}
            {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":1201,"tid":1201,"uid":1000,"user":null,"comm":"demo","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:2","name":"l2","uuid":null,"target_type":"linear","index":null,"sector":null},"msg":{"interface":"direct","tag":null,"len":null,"payload":null,"truncated":false,"redacted":false,"cmd":64787,"name":null,"layer":0},"latency_ns":{"total":1900,"handler":null},"ret":-25,"errno":"ENOTTY","explanation":null,"notes":[]}
        "#]],
    );
}

#[test]
fn control_ioctls_show_what_was_asked_for() {
    let unreadable = {
        let mut head = IoctlHead::new_zeroed();
        head.call.ret = -14;
        head.cmd = 0xfd63;
        head.flags = ioctl_flag::HEADER_UNREADABLE;
        let size = size_of::<IoctlHead>() as u32;
        head.header = RecordHeader { abi: ABI, kind: KIND_IOCTL, size };
        head.as_bytes().to_vec()
    };
    check(
        &[suspend(1 << 11 | 1 << 1, 5), suspend(0, 6), unreadable],
        &expect![[r#"
            14:03:07.000 265     dmsetup          253:4     -            - suspend (ioctl)      -  14872.7 0        vg-pool [suspend noflush]
            14:03:07.000 265     dmsetup          253:4     -            - resume (ioctl)       -  14872.7 0        vg-pool
            14:03:07.000 0       -                -         -            - 0xfd63 (ioctl)       -      0.0 EFAULT   - [unreadable header]
        "#]],
        &expect![[r#"
            {"schema":"dmmsg/1","type":"ioctl","time":"2026-11-24T14:03:07.000000005Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":265,"tid":265,"uid":0,"user":null,"comm":"dmsetup","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-"},"ioctl":{"command":"suspend","cmd":3241737478,"name":"DM_DEV_SUSPEND","flags":["suspend","noflush"],"flags_in":2050,"flags_out":0,"target_count":0},"latency_ns":{"total":14872700},"ret":0,"errno":null,"explanation":null,"notes":[]}
            {"schema":"dmmsg/1","type":"ioctl","time":"2026-11-24T14:03:07.000000006Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":265,"tid":265,"uid":0,"user":null,"comm":"dmsetup","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-"},"ioctl":{"command":"resume","cmd":3241737478,"name":"DM_DEV_SUSPEND","flags":[],"flags_in":0,"flags_out":0,"target_count":0},"latency_ns":{"total":14872700},"ret":0,"errno":null,"explanation":null,"notes":[]}
            {"schema":"dmmsg/1","type":"ioctl","time":"2026-11-24T14:03:07.000000000Z","seq":0,"cpu":0,"lost_before":0,"process":{"pid":0,"tid":0,"uid":0,"user":null,"comm":"","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":null,"name":null,"uuid":null},"ioctl":{"command":null,"cmd":64867,"name":null,"flags":[],"flags_in":0,"flags_out":0,"target_count":0},"latency_ns":{"total":0},"ret":-14,"errno":"EFAULT","explanation":null,"notes":["unreadable_header"]}
        "#]],
    );
}

/// A message that met a suspended device, sent at a time.
fn met(boot_ns: u64) -> Vec<u8> {
    let sample = Sample::sent("crypt", b"key wipe");
    sample
        .with(|head| {
            head.flags |= flag::SUSPENDED;
            head.call.boot_ns = boot_ns;
        })
        .record()
}

#[test]
fn messages_tell_who_suspended_their_device() {
    let records =
        [met(1), suspend(1 << 1, 5_000_000_000), met(6_000_000_000), suspend(0, 7), met(8)];
    let [_, mut wide, mut json] = outputs();
    let ends = show(&mut wide, &records);
    let ends = ends.lines().map(|line| line.rsplit_once("key wipe").map_or("", |(_, end)| end));
    let ends: Vec<_> = ends.map(str::trim).collect();
    assert_eq!(
        ends,
        ["<suspended>", "", "<suspended since 14:03:12.000 by dmsetup 265>", "", "<suspended>"]
    );
    let lines = show(&mut json, &records);
    let by = lines.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.get("suspended_by").map(ToString::to_string)
    });
    let known = r#"{"comm":"dmsetup","pid":265,"since":"2026-11-24T14:03:12.000000000Z"}"#;
    let null = || Some("null".to_owned());
    assert_eq!(by.collect::<Vec<_>>(), [null(), None, Some(known.to_owned()), None, null()]);
}

#[test]
fn messages_in_flight_have_no_result_yet() {
    let sample = Sample::sent("thin-pool", b"create_thin 7");
    let record = sample.with(|head| head.flags |= flag::IN_FLIGHT).record();
    let stack = b"[<0>] io_schedule+0x46/0x80\n[<0>] pool_message+0x1/0x2 [dm_thin_pool]\n";
    let context = Context { stack: Some(stack), ..Context::default() };
    let [mut table, _, mut json] = outputs();
    let mut rows = Vec::new();
    table.event(&mut rows, &Event::from_record(&record), context);
    expect![[r#"
        14:03:07.118 81233   lvcreate         253:4     thin-pool    0 create_thin         13    812.4 ?        create_thin 7
          waits in io_schedule < pool_message
    "#]].assert_eq(str::from_utf8(&rows).unwrap());
    let mut lines = Vec::new();
    json.event(&mut lines, &Event::from_record(&record), context);
    expect![[r#"
        {"schema":"dmmsg/1","type":"in_flight","time":"2026-11-24T14:03:07.118204511Z","process":{"pid":81233,"tid":81234,"uid":0,"user":null,"comm":"lvcreate","exe":null,"cgroup":null,"unit":null,"container":null,"ppid":null,"parent":null,"gone":false},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-a1b2","target_type":"thin-pool","index":0,"sector":0},"msg":{"interface":"control","tag":"create_thin","class":"changes","argv":["create_thin","7"],"len":13,"text":"create_thin 7","truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":null,"errno":null,"explanation":null,"notes":[],"stack":["io_schedule","pool_message"]}
    "#]].assert_eq(str::from_utf8(&lines).unwrap());
}

#[test]
fn filters_hold_for_all_events_of_a_capture() {
    let admits =
        |filter: Filter, record: &[u8]| filter.admits_unfiltered(&Event::from_record(record));
    let (direct, suspend) = (direct(|_| {}), suspend(1 << 1, 0));
    let by_type = || Filter { target_type: Some("linear".parse().unwrap()), ..Filter::default() };
    assert!(admits(by_type(), &direct) && !admits(by_type(), &suspend));
    let by_verb = |verb: &str| Filter { verb: Some(verb.parse().unwrap()), ..Filter::default() };
    assert!(!admits(by_verb("delete"), &direct) && admits(by_verb("suspend"), &suspend));
    assert!(!admits(by_verb("resume"), &suspend));
    let failed = || Filter { failed: true, ..Filter::default() };
    assert!(admits(failed(), &direct) && !admits(failed(), &suspend));
    let slow = |us| Filter { min_latency: Some(Duration::from_micros(us)), ..Filter::default() };
    assert!(!admits(slow(2), &direct) && admits(slow(2), &suspend));
    let device = |name: &str| Filter { device: Some(name.parse().unwrap()), ..Filter::default() };
    assert!(admits(device("l2"), &direct) && admits(device("LVM-*"), &suspend));
    assert!(!admits(device("l2"), &suspend) && admits(device("253:4"), &suspend));
    let user = |uid| Filter { uid: Some(uid), ..Filter::default() };
    assert!(admits(user(1000), &direct) && !admits(user(1000), &suspend));
}
