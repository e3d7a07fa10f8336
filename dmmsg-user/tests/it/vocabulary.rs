//! What the outputs say of verbs and errors.

use dmmsg_common::record::flag;
use expect_test::expect;

use crate::{
    render::{json, rendered, table},
    sample::Sample,
};
use dmmsg::engine::enrich::Context;

/// Successes, and failures of each kind.
fn samples() -> [Sample; 10] {
    let fails = |sample: Sample, errno: i32| sample.with(|head: &mut _| head.call.ret = -errno);
    let nowhere = Sample::sent("", b"delete 7").without_target();
    [
        Sample::sent("thin-pool", b"delete 7"),
        fails(Sample::sent("thin-pool", b"delete 8"), 61),
        fails(Sample::sent("linear", b"delete 8"), 22),
        fails(Sample::sent("thin-pool", b"delete \\8 9"), 22),
        fails(Sample::sent("crypt", b"key set 00ff"), 22),
        fails(Sample::sent("crypt", b"00ff"), 22),
        fails(Sample::sent("raid", b"check"), 35),
        fails(Sample::sent("raid", b""), 22),
        fails(Sample::sent("linear", b"@stats_delete 3"), 2),
        fails(nowhere.with(|head| head.flags |= flag::NO_DEVICE), 6),
    ]
}

#[test]
fn json_tells_the_class_and_why_a_message_failed() {
    let text = rendered(json(), &samples(), Context::default());
    let brief = text.lines().map(|line| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let [tag, class] = ["tag", "class"].map(|key| object["msg"][key].clone());
        format!("{tag} {class} {} {}\n", object["errno"], object["explanation"])
    });
    expect![[r#"
        "delete" "destroys" null null
        "delete" "destroys" "ENODATA" "there is no thin device of this id"
        "delete" "unknown" "EINVAL" "targets of this type take no messages"
        "delete" "destroys" "EINVAL" "the number of arguments is wrong"
        "key set" "secret" "EINVAL" "the device is not suspended, or the key does not fit the table"
        null null "EINVAL" "the device is not suspended, or the target has no such message"
        "check" "controls" "EDEADLK" null
        null null "EINVAL" "the message is empty"
        "@stats_delete" "controls" "ENOENT" "there is no region of this id"
        "delete" "unknown" "ENXIO" "there is no such device"
    "#]]
    .assert_eq(&brief.collect::<String>());
}

#[test]
fn a_wide_table_tells_the_class_and_why_a_message_failed() {
    let text = rendered(table(true), &samples(), Context::default());
    let brief = text.lines().map(|row| format!("{}\n", &row[241..]));
    expect![[r#"
        HANDLER(us) CLASS    MESSAGE
                  - destroys delete 7
                  - destroys delete 8 <ENODATA: there is no thin device of this id>
                  - unknown  delete 8 <EINVAL: targets of this type take no messages>
                  - destroys delete \\8 9 <EINVAL: the number of arguments is wrong>
                  - secret   key set <redacted 4 B> <EINVAL: the device is not suspended, or the key does not fit the table>
                  - -        <redacted 4 B> <EINVAL: the device is not suspended, or the target has no such message>
                  - controls check
                  - -        <EINVAL: the message is empty>
                  - controls @stats_delete 3 <ENOENT: there is no region of this id>
                  - unknown  delete 7 <ENXIO: there is no such device>
    "#]].assert_eq(&brief.collect::<String>());
}

#[test]
fn the_usual_table_tells_neither() {
    let text = rendered(table(false), &samples(), Context::default());
    for word in ["CLASS", "destroys", "thin device", "<E"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}
