//! Runs that begin and end while all the world sends.
//!
//! On one CPU: with senders on two, a 6.12 guest died while probes were patched in (`Oops: int3` at
//! the probed function, where the bytes were the finished call). That QEMU 7.2 went on with a stale
//! breakpoint is a guess; it was not tried on a real machine.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use dmmsg::shell::kernel::control::{Control, Direct, Request};

use super::{
    direct::{DM_MESSAGE, message},
    guest::{Device, Guest, exact_rungs},
    load::use_one_cpu,
    tracer::Tracer,
};

/// Sends messages of both kinds until it is over.
fn send_until(over: &AtomicBool, zeroes: &Device, paths: &Device) {
    let direct = Direct::open(&zeroes.node()).expect("the device opens");
    let argument = message(0, 4, 4, &[7, 0, 0, 0]);
    let control = Control::open().expect("the control node opens");
    let mut request = Request::new(paths.address(), 0, b"set_region_mappings 0:0");
    while !over.load(Ordering::Relaxed) {
        control.send(&mut request).expect("a no-op succeeds");
        direct.send(DM_MESSAGE, &argument).expect_err("there is no such ioctl");
        // The rows of some seconds have room in the guest's memory.
        thread::sleep(Duration::from_millis(2));
    }
}

/// Ends what goes on in other threads, also if this one panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn vm_runs_that_begin_and_end_amid_messages_balance() {
    let Some(_guest) = Guest::enter() else { return };
    use_one_cpu();
    let zeroes = Device::new("zeroes", "0 8 zero");
    let paths = Device::switch("paths");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        for _ in 0..2 {
            scope.spawn(|| send_until(&over, &zeroes, &paths));
        }
        for _ in 0..3 {
            let tracers = Tracer::start_on(exact_rungs(), "-o json --ioctls");
            thread::sleep(Duration::from_millis(50));
            for run in Tracer::stop_all(tracers) {
                let rows = run.calls();
                assert!(!rows.is_empty(), "{:?}", run.stderr);
                for row in rows {
                    let what = row.cells(&["/type", "/dm/name", "/ret"]);
                    assert!(["message paths 0", "message zeroes -25"].contains(&&*what), "{row:?}");
                }
            }
        }
    });
}
