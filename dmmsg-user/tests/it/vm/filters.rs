//! Filters show the right messages, and count the others.

use std::{process, thread};

use dmmsg::shell::kernel::control::Address;
use rustix::{process::Uid, thread::set_thread_res_uid};

use super::{
    guest::{Device, Guest, SWITCH, WHOLE_TEXTS, crypt_table, dmsetup_message, kernel, send},
    tracer::Tracer,
};

/// The devices that messages are sent to, seven in all:
///
/// | # | sender | device | target | verb | outcome |
/// |---|---|---|---|---|---|
/// | 1 | dmsetup | pool | thin-pool | set_transaction_id | 0 |
/// | 2 | this process | pool | thin-pool | delete | ENODATA |
/// | 3 | dmsetup | vg-paths, uuid LVM-paths | switch | bogus | EINVAL |
/// | 4 | this process | the same | switch | set_region_mappings | 0 |
/// | 5 | this process as user 65534 | the same | switch | set_region_mappings | 0 |
/// | 6 | this process | secret | crypt | key set | EINVAL |
/// | 7 | this process | nobody | - | delete | ENXIO |
struct Devices {
    pool: Device,
    paths: Device,
    secret: Device,
}

/// The texts, in order; what is secret is cut.
const TEXTS: [&str; 7] = [
    "set_transaction_id 0 0",
    "delete 2",
    "bogus 3",
    "set_region_mappings 0:0",
    "Set_Region_Mappings 0:0",
    "KEY  set 6",
    "delete 7",
];

impl Devices {
    fn new() -> Self {
        Self {
            pool: Device::thin_pool("pool"),
            paths: Device::with_uuid("vg-paths", "LVM-paths", SWITCH),
            secret: Device::new("secret", &crypt_table()),
        }
    }

    fn send_all(&self) {
        let text = |number: usize| TEXTS[number - 1];
        dmsetup_message(&format!("pool 0 {}", text(1)));
        self.pool.send(0, text(2).as_bytes());
        dmsetup_message(&format!("vg-paths 0 {}", text(3)));
        self.paths.send(0, text(4).as_bytes());
        thread::scope(|scope| {
            scope.spawn(|| {
                become_nobody();
                self.paths.send(0, text(5).as_bytes());
            });
        });
        self.secret.send(0, text(6).as_bytes());
        send(Address::Name(b"nobody"), 0, text(7).as_bytes());
    }
}

/// Makes this thread's real user id that of nobody; the effective one stays root's.
fn become_nobody() {
    let nobody = Uid::from_raw(65_534);
    set_thread_res_uid(nobody, Uid::ROOT, Uid::ROOT).expect("the user id is set");
}

#[test]
fn vm_filters_show_the_right_messages_and_count_the_others() {
    let Some(_guest) = Guest::enter() else { return };
    let devices = Devices::new();
    let (number, pid) = (devices.paths.number(), process::id().to_string());
    let cases: [(&[&str], &[usize]); 20] = [
        (&[], &[1, 2, 3, 4, 5, 6, 7]),
        (&["-d", &number], &[3, 4, 5]),
        (&["-d", "vg-paths"], &[3, 4, 5]),
        (&["-d", "/dev/mapper/vg-paths"], &[3, 4, 5]),
        (&["-d", "LVM-paths"], &[3, 4, 5]),
        (&["-d", "vg-*"], &[3, 4, 5]),
        (&["-d", "LVM-*"], &[3, 4, 5]),
        (&["-d", "vg-path"], &[]),
        (&["-d", "nobody"], &[7]),
        (&["-t", "thin-pool"], &[1, 2]),
        (&["-m", "delete"], &[2, 7]),
        (&["-m", "set_region_mappings"], &[4, 5]),
        (&["-m", "KEY  set"], &[6]),
        (&["-p", &pid], &[2, 4, 5, 6, 7]),
        (&["-u", "65534"], &[5]),
        (&["-n", "dmsetup"], &[1, 3]),
        (&["-x"], &[2, 3, 6, 7]),
        (&["--min-lat", "1ns"], &[1, 2, 3, 4, 5, 6, 7]),
        (&["--min-lat", "1h"], &[]),
        (&["-x", "-p", &pid, "-m", "delete", "-d", "p*"], &[2]),
    ];
    // Each holds two programs on a function, which takes 38 at most.
    for cases in cases.chunks(15) {
        let tracers =
            cases.iter().map(|(words, _)| [&["-o", "json", "--ring", "64KiB"], *words].concat());
        let tracers = Tracer::start_all(tracers);
        devices.send_all();
        for ((words, numbers), run) in cases.iter().zip(Tracer::stop_all(tracers)) {
            let texts = run.rows().iter().map(|row| row.cell("/msg/text")).collect::<Vec<_>>();
            let sent = numbers.iter().map(|number| TEXTS[number - 1].trim_end_matches('6'));
            assert_eq!(texts, sent.collect::<Vec<_>>(), "{words:?}");
            let (shown, filtered) = (numbers.len(), TEXTS.len() - numbers.len());
            let totals = format!("seen 7 = delivered {shown} + lost 0 + filtered {filtered}");
            assert_eq!(run.totals(), totals, "{words:?}");
        }
    }
}

#[test]
fn vm_slow_messages_alone_are_shown() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::switch("paths");
    let slow = ["set_region_mappings", &" 0:0".repeat(250_000)].concat();
    let tracer = Tracer::start("-o json --min-lat 5ms");
    for _ in 0..20 {
        switch.send(0, b"set_region_mappings 0:0");
    }
    switch.send(0, slow.as_bytes());

    let run = tracer.stop();
    let rows = run.rows();
    assert!(rows.iter().all(|row| row.number("/latency_ns/total") >= 5_000_000), "{run:?}");
    let last = rows.last().expect("the slow message has a row");
    if kernel() < WHOLE_TEXTS {
        assert_eq!(last.cell("/notes"), r#"["len_at_least"]"#);
    } else {
        assert_eq!(last.number("/msg/len"), slow.len() as u64);
    }
    // An emulated machine may stop for a while in any message, but not in most.
    assert!(rows.len() < 10, "{run:?}");
    let (shown, filtered) = (rows.len(), 21 - rows.len());
    let totals = format!("seen 21 = delivered {shown} + lost 0 + filtered {filtered}");
    assert_eq!(run.totals(), totals);
}
