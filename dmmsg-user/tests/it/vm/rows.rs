//! Messages give rows: one each, in order, with the right device, target, text and outcome.

use super::{
    guest::{Device, Guest, attempt, dmsetup_message},
    row::{Row, brief_of_table},
    tracer::Tracer,
};

/// Messages to a fresh thin pool, and what they return.
const THIN_POOL: [(&str, &str); 23] = [
    ("create_thin 0", "0"),
    ("create_thin 1", "0"),
    ("create_thin 2", "0"),
    ("create_thin 0", "EEXIST"),
    ("create_snap 3 0", "0"),
    ("create_snap 4 1", "0"),
    ("create_snap 3 1", "EEXIST"),
    ("create_snap 5 99", "ENODATA"),
    ("set_transaction_id 0 1", "0"),
    ("set_transaction_id 0 2", "EINVAL"),
    ("set_transaction_id 1 2", "0"),
    ("reserve_metadata_snap", "0"),
    ("reserve_metadata_snap", "EBUSY"),
    ("release_metadata_snap", "0"),
    ("release_metadata_snap", "EINVAL"),
    ("delete 3", "0"),
    ("delete 3", "ENODATA"),
    ("delete 99", "ENODATA"),
    ("bogus", "EINVAL"),
    ("create_thin", "EINVAL"),
    ("create_thin x", "EINVAL"),
    ("create_thin 7", "0"),
    ("delete 16777216", "EINVAL"),
];

#[test]
fn vm_23_messages_to_a_thin_pool_give_23_rows() {
    let Some(_guest) = Guest::enter() else { return };
    let pool = Device::thin_pool("pool");
    let json = Tracer::start("-o json");
    let table = Tracer::start("");
    for (text, _) in THIN_POOL {
        dmsetup_message(&format!("pool 0 {text}"));
    }
    let (json, table) = (json.stop(), table.stop());

    let expected = THIN_POOL.map(|(text, ret)| {
        let verb = text.split(' ').next().unwrap_or_default();
        format!("thin-pool 0 {verb} {} {ret} {text}", text.len())
    });
    assert_eq!(json.briefs(), expected);
    for row in json.rows() {
        assert_eq!(row.cell("/dm/name"), "pool");
        assert_eq!(row.cell("/dm/uuid"), "-");
        assert_eq!(row.cell("/dm/dev"), pool.number());
        assert_eq!(row.cell("/dm/sector"), "0");
        assert_eq!(row.cell("/process/comm"), "dmsetup");
    }
    let rows = table.stdout.iter().skip(1).map(|line| brief_of_table(line));
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    for run in [json, table] {
        assert_eq!(run.totals(), "seen 23 = delivered 23 + lost 0 + filtered 0");
    }
}
