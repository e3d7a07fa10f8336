//! Filters hold for direct messages too.

use std::thread;

use super::{
    direct::{DM_MESSAGE, message},
    guest::{Device, Guest, become_nobody, rungs},
    tracer::Tracer,
};

/// Messages, told apart by their tags, and none of them succeeds:
///
/// | tag | sender | device | target |
/// |---|---|---|---|
/// | 1 | this process | zeroes, uuid DIRECT-zeroes | zero |
/// | 2 | this process as nobody | the same | zero |
/// | 3 | this process | vg-errors | error |
fn send_all(zeroes: &Device, errors: &Device) {
    zeroes.send_direct(DM_MESSAGE, &message(0, 1, 0, b""));
    thread::scope(|scope| {
        scope.spawn(|| {
            become_nobody();
            zeroes.send_direct(DM_MESSAGE, &message(0, 2, 0, b""));
        });
    });
    errors.send_direct(DM_MESSAGE, &message(0, 3, 0, b""));
}

#[test]
fn vm_filters_hold_for_direct_messages() {
    let Some(_guest) = Guest::enter() else { return };
    let zeroes = Device::with_uuid("zeroes", "DIRECT-zeroes", "0 8 zero");
    zeroes.open_to_all();
    let errors = Device::new("vg-errors", "0 8 error");
    let number = zeroes.number();
    let cases: [(&[&str], &[u64]); 11] = [
        (&["-d", &number], &[1, 2]),
        (&["-d", "zeroes"], &[1, 2]),
        (&["-d", "DIRECT-zeroes"], &[1, 2]),
        (&["-d", "vg-*"], &[3]),
        (&["-t", "error"], &[3]),
        (&["-u", "65534"], &[2]),
        (&["-x"], &[1, 2, 3]),
        (&["--min-lat", "1ns"], &[1, 2, 3]),
        (&["--min-lat", "1h"], &[]),
        // A direct message has no verb.
        (&["-m", "create_thin"], &[]),
        (&["-x", "-u", "0", "-t", "zero"], &[1]),
    ];
    let rungs = rungs().iter().cycle();
    let tracers = cases.iter().zip(rungs).map(|((filter, _), rung)| {
        let words = ["-o", "json", "--ring", "64KiB", "--probe", rung];
        [&words, *filter].concat()
    });
    let tracers = Tracer::start_all(tracers);
    send_all(&zeroes, &errors);
    for ((filter, tags), run) in cases.iter().zip(Tracer::stop_all(tracers)) {
        let shown = run.rows().iter().map(|row| row.number("/msg/tag")).collect::<Vec<_>>();
        assert_eq!(shown, *tags, "{filter:?}");
        let (shown, filtered) = (tags.len(), 3 - tags.len());
        let totals = format!("seen 3 = delivered {shown} + lost 0 + filtered {filtered}");
        assert_eq!(run.totals(), totals, "{filter:?}");
    }
}
