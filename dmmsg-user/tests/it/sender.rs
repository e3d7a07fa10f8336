//! What the outputs tell of senders.

use dmmsg::engine::enrich::{Context, Parent};
use expect_test::expect;

use crate::{
    render::{CONTEXT, json, rendered, table},
    sample::Sample,
};

#[test]
fn a_sender_that_is_gone_is_marked() {
    let sample = Sample::sent("thin-pool", b"create_thin 7");
    let gone = Context { gone: true, ..Context::default() };
    expect![[r#"
        TIME         PID     COMM             DEV       TYPE       IDX TAG                LEN  LAT(us) RET      NAME                 UUID                                          UID EXE                      CGROUP                                   HANDLER(us) CLASS    MESSAGE
        14:03:07.118 81233   lvcreate         253:4     thin-pool    0 create_thin         13    812.4 0        vg-pool              LVM-a1b2                                        0 (gone)                   -                                                  - changes  create_thin 7
    "#]].assert_eq(&rendered(table(true), std::slice::from_ref(&sample), gone));
    // It had ended, but its parent had not noticed.
    let ended = Context { exe: None, gone: true, ..CONTEXT };
    expect![[r#"
        {"schema":"dmmsg/1","type":"message","time":"2026-11-24T14:03:07.118204511Z","seq":91,"cpu":1,"lost_before":0,"process":{"pid":81233,"tid":81234,"uid":0,"user":"root","comm":"lvcreate","exe":null,"cgroup":"/system.slice/lvm2.service","unit":"lvm2.service","container":null,"ppid":1,"parent":"systemd","gone":true},"dm":{"dev":"253:4","name":"vg-pool","uuid":"LVM-a1b2","target_type":"thin-pool","index":0,"sector":0},"msg":{"interface":"control","tag":"create_thin","class":"changes","argv":["create_thin","7"],"len":13,"text":"create_thin 7","truncated":false,"redacted":false},"latency_ns":{"total":812400,"handler":null},"ret":0,"errno":null,"explanation":null,"notes":[]}
    "#]].assert_eq(&rendered(json(), &[sample], ended));
}

#[test]
fn json_carries_a_container_and_hostile_senders() {
    let context = Context {
        exe: Some(b"/tmp/\x1b[2J"),
        cgroup: Some(b"/lxc.payload.w\x9b\"b/x.service"),
        user: Some(b"ro\\ot"),
        parent: Some(Parent { pid: 7, comm: Some("\u{202e}sh".as_bytes()) }),
        gone: false,
        stack: None,
    };
    let line = rendered(json(), &[Sample::sent("raid", b"check")], context);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    expect![[r#"
        {
          "cgroup": "/lxc.payload.w\\x9b\"b/x.service",
          "comm": "lvcreate",
          "container": "w\\x9b\"b",
          "exe": "/tmp/\\x1b[2J",
          "gone": false,
          "parent": "\\xe2\\x80\\xaesh",
          "pid": 81233,
          "ppid": 7,
          "tid": 81234,
          "uid": 0,
          "unit": null,
          "user": "ro\\\\ot"
        }"#]]
    .assert_eq(&format!("{:#}", value["process"]));
}
