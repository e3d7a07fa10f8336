//! What anybody may send cannot hide what only the privileged may.

use std::{
    thread,
    time::{Duration, Instant},
};

use dmmsg::shell::kernel::control::Direct;

use super::{
    direct::{DM_MESSAGE, message},
    guest::{Device, Guest, NOBODY, become_nobody, exact_rungs},
    tracer::{Run, Tracer},
};

/// Direct ioctls that nobody sends from each of two threads.
const FLOOD_EACH: u64 = 25_000;
/// Messages that root sends meanwhile, and direct ones besides.
const MESSAGES: u64 = 200;
const DIRECT: u64 = 20;
/// Direct ioctls of one user that are shown a second.
const PER_SECOND: u64 = 1_000;

fn flood(zeroes: &Device) {
    become_nobody();
    let direct = Direct::open(&zeroes.node()).expect("the device opens");
    let argument = message(0, 4, 4, &[7, 0, 0, 0]);
    for _ in 0..FLOOD_EACH {
        direct.send(DM_MESSAGE, &argument).expect_err("there is no such ioctl");
    }
}

/// What root sends; slowly, to be in the middle of the flood.
fn send_among(zeroes: &Device, paths: &Device) {
    for number in 0..MESSAGES {
        assert_eq!(paths.send(0, b"set_region_mappings 0:0"), 0);
        if number < DIRECT {
            zeroes.send_direct(DM_MESSAGE, &message(0, 4, 0, b""));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn check(run: &Run, elapsed: Duration) {
    let count = |interface: &str, uid: u32| {
        let rows = run.rows().into_iter().filter(|row| {
            row.cell("/msg/interface") == interface && row.number("/process/uid") == u64::from(uid)
        });
        rows.count() as u64
    };
    assert_eq!(count("control", 0), MESSAGES);
    assert_eq!(count("direct", 0), DIRECT);
    let shown = count("direct", NOBODY);
    // Seconds are counted from the first ioctl; two threads may both begin one, with a call or two.
    let seconds = elapsed.as_secs() + 1;
    assert!((PER_SECOND..=(PER_SECOND + 20) * seconds).contains(&shown), "{shown} in {elapsed:?}");

    let stats = run.of_type("stats");
    let [stats] = stats.as_slice() else { panic!("{stats:?}") };
    let over = stats.number("/over_budget");
    assert_eq!(over, 2 * FLOOD_EACH - shown);
    let (seen, delivered) = (2 * FLOOD_EACH + MESSAGES + DIRECT, MESSAGES + DIRECT + shown);
    let totals = format!(
        "seen {seen} = delivered {delivered} + lost 0 + filtered {over} \
         ({over} of them direct ioctls beyond a user's budget)"
    );
    assert_eq!(run.totals(), totals);
}

#[test]
fn vm_a_flood_of_direct_messages_hides_no_other() {
    let Some(_guest) = Guest::enter() else { return };
    let zeroes = Device::new("zeroes", "0 8 zero");
    zeroes.open_to_all();
    let paths = Device::switch("paths");
    let tracers = Tracer::start_on(exact_rungs(), "-o json");
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| flood(&zeroes));
        scope.spawn(|| flood(&zeroes));
        send_among(&zeroes, &paths);
    });
    let elapsed = start.elapsed();
    for run in Tracer::stop_all(tracers) {
        check(&run, elapsed);
    }
}
