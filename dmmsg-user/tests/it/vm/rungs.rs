//! Both rungs show the same.

use dmmsg::shell::kernel::control::Address;

use super::{
    guest::{Device, Guest, SWITCH, crypt_table, dmsetup_message, rungs, send},
    tracer::Tracer,
};
use crate::require;

#[test]
fn vm_kprobes_show_what_fentry_shows() {
    let Some(_guest) = Guest::enter() else { return };
    if rungs().len() == 1 {
        return require::skip("this kernel has one rung");
    }
    let _pool = Device::thin_pool("pool");
    let paths = Device::with_uuid("paths", "LVM-paths", &format!("{SWITCH}\n65536 8 error"));
    let secret = Device::with_uuid("secret", "CRYPT-secret", &crypt_table());
    let bare = Device::without_table("bare");
    let tracers = Tracer::start_on_each_rung("-o json");

    dmsetup_message("pool 0 create_thin 0");
    dmsetup_message("pool 0 delete 99");
    for text in [
        &b"set_region_mappings 0:0"[..],
        b"\xa0Set\\_Region_Mappings\t0:0",
        b"key set 00ff",
        b"@stats_list",
        b"",
        &b"x".repeat(3_000),
        &[b" ".repeat(3_000), b"set_region_mappings 0:0".to_vec()].concat(),
    ] {
        for (device, sector) in [(&paths, 0), (&paths, 65_536), (&secret, 0), (&bare, 0)] {
            device.send(sector, text);
        }
        send(Address::Name(b"nobody"), 0, text);
    }

    let runs = Tracer::stop_all(tracers).map(|run| {
        let rows = run.rows();
        // Neither times nor what is looked up by process id, which may be gone by then.
        let pointers = [
            "/seq",
            "/cpu",
            "/lost_before",
            "/process/pid",
            "/process/tid",
            "/process/uid",
            "/process/comm",
            "/dm",
            "/msg",
            "/ret",
            "/errno",
            "/notes",
        ];
        let cells = rows.iter().map(|row| pointers.map(|pointer| row.cell(pointer)).join(" "));
        cells.collect::<Vec<_>>()
    });
    let [fentry, kprobe] = &*runs.collect::<Vec<_>>() else { panic!("there are two rungs") };
    assert_eq!((fentry.len(), kprobe.len()), (37, 37));
    for (fentry, kprobe) in fentry.iter().zip(kprobe) {
        assert_eq!(fentry, kprobe);
    }
}
