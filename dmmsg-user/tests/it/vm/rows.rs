//! Messages give rows: one each, in order, with the right device, target, text and outcome.

use dmmsg::shell::kernel::control::Address;
use dmmsg_common::dm::DevT;

use super::{
    guest::{Device, Guest, SWITCH, dmsetup_message, run, send},
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

#[test]
fn vm_rows_are_numbered_from_0() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let tracer = Tracer::start("-o json");
    for _ in 0..5 {
        paths.send(0, b"set_region_mappings 0:0");
    }
    let rows = tracer.stop().rows();
    let numbers = rows.iter().map(|row| row.number("/seq")).collect::<Vec<_>>();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

/// Device number, name and uuid, errno.
fn device(row: &Row) -> String {
    ["/dm/dev", "/dm/name", "/dm/uuid", "/errno"].map(|pointer| row.cell(pointer)).join(" ")
}

#[test]
fn vm_devices_are_the_same_by_name_uuid_and_number() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::with_uuid("paths", "DMMSG-paths", SWITCH);
    let number = switch.number();
    let (major, minor) = number.split_once(':').expect("a device number");
    let tracer = Tracer::start("-o json");
    let message = "0 set_region_mappings 0:0";
    dmsetup_message(&format!("paths {message}"));
    dmsetup_message(&format!("-u DMMSG-paths {message}"));
    dmsetup_message(&format!("-j {major} -m {minor} {message}"));
    let by_number = Address::Dev(DevT::new(major.parse().unwrap(), minor.parse().unwrap()));
    for address in [Address::Name(b"paths"), Address::Uuid(b"DMMSG-paths"), by_number] {
        assert_eq!(send(address, 0, b"set_region_mappings 0:0"), 0);
    }

    let run = tracer.stop();
    let rows = run.rows();
    let expected = format!("{number} paths DMMSG-paths -");
    assert_eq!(rows.iter().map(device).collect::<Vec<_>>(), vec![expected; 6]);
    let expected = "switch 0 set_region_mappings 23 0 set_region_mappings 0:0";
    assert_eq!(run.briefs(), vec![expected; 6]);
}

#[test]
fn vm_devices_that_are_not_there_are_shown_as_they_were_asked_for() {
    let Some(_guest) = Guest::enter() else { return };
    let tracer = Tracer::start("-o json");
    send(Address::Name(b"nobody"), 7, b"hello");
    send(Address::Uuid(b"NO-SUCH-uuid"), 7, b"hello");
    send(Address::Dev(DevT::new(253, 70_000)), 7, b"hello");

    let run = tracer.stop();
    let rows = run.rows();
    let expected = ["- nobody - ENXIO", "- - NO-SUCH-uuid ENXIO", "253:70000 - - ENXIO"];
    assert_eq!(rows.iter().map(device).collect::<Vec<_>>(), expected);
    assert_eq!(run.briefs(), ["- - hello 5 ENXIO hello"; 3]);
    for row in rows {
        assert_eq!(row.cell("/notes"), r#"["no_device"]"#);
        assert_eq!(row.cell("/dm/sector"), "7");
    }
}

/// Sends a message to each sector of a device; `expected` are the indexes that the rows show.
fn check_indexes(device: &Device, sectors: &[u64], text: &str, expected: &[&str]) {
    let tracer = Tracer::start("-o json");
    for &sector in sectors {
        device.send(sector, text.as_bytes());
    }
    let rows = tracer.stop().rows();
    let cells = |pointer| rows.iter().map(|row| row.cell(pointer)).collect::<Vec<_>>();
    assert_eq!(cells("/dm/index"), expected);
    assert_eq!(cells("/dm/sector"), sectors.iter().map(u64::to_string).collect::<Vec<_>>());
}

/// A table of so many segments of 128 sectors that take messages.
fn switches(segments: u64) -> String {
    let segment = |index| format!("{} 128 switch 1 128 0 /dev/ram10 0\n", 128 * index);
    (0..segments).map(segment).collect()
}

#[test]
fn vm_second_of_two_targets_has_index_1() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::new("paths", &switches(2));
    let sectors = [0, 127, 128, 255, 256, u64::MAX];
    check_indexes(&paths, &sectors, "set_region_mappings 0:0", &["0", "0", "1", "1", "-", "-"]);
}

#[test]
fn vm_indexes_are_right_in_a_table_of_2_000_targets() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::new("paths", &switches(2_000));
    let sectors = [0, 128, 128_000 - 1, 128_000, 256_000 - 129, 256_000 - 1, 256_000];
    let expected = ["0", "1", "999", "1000", "1998", "1999", "-"];
    check_indexes(&paths, &sectors, "set_region_mappings 0:0", &expected);
}

#[test]
fn vm_indexes_are_right_in_a_table_of_70_000_targets() {
    let Some(_guest) = Guest::enter() else { return };
    let table =
        (0..70_000).map(|sector| format!("{sector} 1 error")).collect::<Vec<_>>().join("\n");
    let errors = Device::new("errors", &table);
    let sectors = [0, 1, 34_999, 35_000, 65_536, 69_999, 70_000];
    let expected = ["0", "1", "34999", "35000", "65536", "69999", "-"];
    check_indexes(&errors, &sectors, "bogus", &expected);
}

#[test]
fn vm_core_messages_need_no_target() {
    let Some(_guest) = Guest::enter() else { return };
    let linear = Device::new("plain", "0 65536 linear /dev/ram10 0");
    let bare = Device::without_table("bare");
    let tracer = Tracer::start("-o json");
    for device in [&linear, &bare] {
        device.send(0, b"@stats_list");
        device.send(0, b"@stats_nonsense");
        device.send(0, b"hello");
    }

    let run = tracer.stop();
    let expected = [
        "linear 0 @stats_list 11 0 @stats_list",
        "linear 0 @stats_nonsense 15 EINVAL @stats_nonsense",
        "linear 0 hello 5 EINVAL hello",
        "- - @stats_list 11 0 @stats_list",
        "- - @stats_nonsense 15 EINVAL @stats_nonsense",
        "- - hello 5 EINVAL hello",
    ];
    assert_eq!(run.briefs(), expected);
    let notes = run.rows().iter().map(|row| row.cell("/notes")).collect::<Vec<_>>();
    assert_eq!(notes, ["[]", "[]", "[]", "[\"no_table\"]", "[\"no_table\"]", "[\"no_table\"]"]);
}

#[test]
fn vm_dmstats_is_seen() {
    let Some(_guest) = Guest::enter() else { return };
    let _linear = Device::new("plain", "0 65536 linear /dev/ram10 0");
    let tracer = Tracer::start("-o json -d plain");
    run("dmstats", ["create", "plain"]);
    run("dmstats", ["list", "plain"]);
    run("dmstats", ["print", "--allregions", "plain"]);
    run("dmstats", ["delete", "--allregions", "plain"]);

    let rows = tracer.stop().rows();
    let cells = rows.iter().map(|row| {
        ["/process/comm", "/dm/target_type", "/dm/index", "/msg/tag", "/ret"]
            .map(|pointer| row.cell(pointer))
            .join(" ")
    });
    let verbs = ["create", "list", "list", "print", "print", "list", "delete"];
    let expected = verbs.map(|verb| format!("dmstats linear 0 @stats_{verb} 0"));
    assert_eq!(cells.collect::<Vec<_>>(), expected);
}
