//! Histograms of latency, as they are shown.

use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::Context,
    event::Event,
    groups::Split,
    render::{
        Output,
        hist::{Form, Hist},
    },
    tally::Tally,
};
use dmmsg_common::{dm::DevT, stats::Counters};
use expect_test::{Expect, expect};

use crate::sample::Sample;

const CLOCK: Anchor = Anchor { wall_ns_at_boot_zero: 1_764_000_000_000_000_000 };

const ALL: Split = Split { by_device: false, by_kind: false };
const EACH: Split = Split { by_device: true, by_kind: true };

/// Bars by a clock that shows UTC.
pub fn bars(split: Split, has_intervals: bool) -> Output {
    Output::Hist(Box::new(Hist::new(split, Form::Text(Clock::utc(CLOCK)), has_intervals)))
}

pub fn json(split: Split) -> Output {
    Output::Hist(Box::new(Hist::new(split, Form::Json(Clock::utc(CLOCK)), false)))
}

fn sample(target_type: &str, text: &[u8], latency_ns: u64) -> Sample {
    Sample::sent(target_type, text).with(|head| head.call.latency_ns = latency_ns)
}

fn add(output: &mut Output, samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::new();
    for sample in samples {
        let record = sample.record();
        output.event(&mut out, &Event::from_record(&record), Context::default());
    }
    assert!(out.is_empty(), "a histogram comes at the end");
    out
}

fn check(mut output: Output, samples: &[Sample], expected: &Expect) {
    let mut out = add(&mut output, samples);
    output.end(&mut out, &Tally::default().totals(&Counters::default()));
    expected.assert_eq(str::from_utf8(&out).unwrap());
}

fn traffic() -> Vec<Sample> {
    let on = |minor, name: &[u8], sample: Sample| {
        let mut sample = sample.with(|head| head.call.dev = DevT::new(253, minor).0);
        sample.name = name.to_vec();
        sample
    };
    vec![
        on(4, b"vg-pool", sample("thin-pool", b"create_thin 7", 812_400)),
        on(4, b"vg-pool", sample("thin-pool", b"create_thin 8", 900_000)),
        on(4, b"vg-pool", sample("thin-pool", b"Delete 7", 4_000_000)),
        on(4, b"vg-pool", sample("thin-pool", b"explode", 0)),
        on(5, b"a\nb<i>", sample("multipath", b"fail_path 8:16", 6_249)),
        on(5, b"a\nb<i>", sample("linear", b"@stats_list", 70_000_000_000)),
        on(5, b"renamed", sample("of-a-stranger", b"\x1b[31m", 1)),
    ]
}

#[test]
fn one_histogram_of_all() {
    check(
        bars(ALL, false),
        &traffic(),
        &expect![[r#"
            latency of all
            0                    : 1          |********************                    |
                1 ns -> 2 ns     : 1          |********************                    |
                2 ns -> 4 ns     : 0          |                                        |
                4 ns -> 8 ns     : 0          |                                        |
                8 ns -> 16 ns    : 0          |                                        |
               16 ns -> 32 ns    : 0          |                                        |
               32 ns -> 64 ns    : 0          |                                        |
               64 ns -> 128 ns   : 0          |                                        |
              128 ns -> 256 ns   : 0          |                                        |
              256 ns -> 512 ns   : 0          |                                        |
              512 ns -> 1.02 us  : 0          |                                        |
             1.02 us -> 2.04 us  : 0          |                                        |
             2.04 us -> 4.09 us  : 0          |                                        |
             4.09 us -> 8.19 us  : 1          |********************                    |
             8.19 us -> 16.3 us  : 0          |                                        |
             16.3 us -> 32.7 us  : 0          |                                        |
             32.7 us -> 65.5 us  : 0          |                                        |
             65.5 us -> 131 us   : 0          |                                        |
              131 us -> 262 us   : 0          |                                        |
              262 us -> 524 us   : 0          |                                        |
              524 us -> 1.04 ms  : 2          |****************************************|
             1.04 ms -> 2.09 ms  : 0          |                                        |
             2.09 ms -> 4.19 ms  : 1          |********************                    |
             4.19 ms -> 8.38 ms  : 0          |                                        |
             8.38 ms -> 16.7 ms  : 0          |                                        |
             16.7 ms -> 33.5 ms  : 0          |                                        |
             33.5 ms -> 67.1 ms  : 0          |                                        |
             67.1 ms -> 134 ms   : 0          |                                        |
              134 ms -> 268 ms   : 0          |                                        |
              268 ms -> 536 ms   : 0          |                                        |
              536 ms -> 1.07 s   : 0          |                                        |
              1.07 s -> 2.14 s   : 0          |                                        |
              2.14 s -> 4.29 s   : 0          |                                        |
              4.29 s -> 8.58 s   : 0          |                                        |
              8.58 s -> 17.1 s   : 0          |                                        |
              17.1 s -> 34.3 s   : 0          |                                        |
              34.3 s -> 68.7 s   : 0          |                                        |
              68.7 s -> ...      : 1          |********************                    |
            count 7, mean 10.0 s, p50 851 us, p90 70.0 s, p99 70.0 s, max 70.0 s

        "#]],
    );
}

#[test]
fn one_for_each_verb_on_each_device() {
    check(
        bars(EACH, false),
        &traffic(),
        &expect![[r#"
        latency of thin-pool create_thin (control) on 253:4 vg-pool
          524 us -> 1.04 ms  : 2          |****************************************|
        count 2, mean 856 us, p50 851 us, p90 851 us, p99 851 us, max 900 us

        latency of thin-pool delete (control) on 253:4 vg-pool
         2.09 ms -> 4.19 ms  : 1          |****************************************|
        count 1, mean 4.00 ms, p50 3.93 ms, p90 3.93 ms, p99 3.93 ms, max 4.00 ms

        latency of thin-pool other (control) on 253:4 vg-pool
        0                    : 1          |****************************************|
        count 1, mean 0 ns, p50 0 ns, p90 0 ns, p99 0 ns, max 0 ns

        latency of linear @stats_list (control) on 253:5 a\nb<i>
          68.7 s -> ...      : 1          |****************************************|
        count 1, mean 70.0 s, p50 70.0 s, p90 70.0 s, p99 70.0 s, max 70.0 s

        latency of multipath fail_path (control) on 253:5 a\nb<i>
         4.09 us -> 8.19 us  : 1          |****************************************|
        count 1, mean 6.24 us, p50 6.24 us, p90 6.24 us, p99 6.24 us, max 6.24 us

        latency of other other (control) on 253:5 renamed
            1 ns -> 2 ns     : 1          |****************************************|
        count 1, mean 1 ns, p50 1 ns, p90 1 ns, p99 1 ns, max 1 ns

    "#]],
    );
}

#[test]
fn nothing_to_count() {
    check(
        bars(ALL, false),
        &[],
        &expect![[r#"
        no messages

    "#]],
    );
    check(bars(ALL, true), &traffic(), &expect![[""]]);
}

#[test]
fn histograms_as_json() {
    check(
        json(Split { by_device: true, by_kind: false }),
        &traffic(),
        &expect![[r#"
        {"schema":"dmmsg/1","type":"hist","time":null,"of":"latency","unit":"ns","dm":{"dev":"253:4","name":"vg-pool"},"msg":null,"count":4,"mean":1428100,"p50":851967,"p90":3932159,"p99":3932159,"max":4000000,"buckets":[{"ge":0,"lt":1,"count":1},{"ge":786432,"lt":917504,"count":2},{"ge":3670016,"lt":4194304,"count":1}]}
        {"schema":"dmmsg/1","type":"hist","time":null,"of":"latency","unit":"ns","dm":{"dev":"253:5","name":"a\\nb<i>"},"msg":null,"count":2,"mean":35000003124,"p50":6655,"p90":70000000000,"p99":70000000000,"max":70000000000,"buckets":[{"ge":6144,"lt":7168,"count":1},{"ge":68719476736,"lt":null,"count":1}]}
        {"schema":"dmmsg/1","type":"hist","time":null,"of":"latency","unit":"ns","dm":{"dev":"253:5","name":"renamed"},"msg":null,"count":1,"mean":1,"p50":1,"p90":1,"p99":1,"max":1,"buckets":[{"ge":1,"lt":2,"count":1}]}
        {"schema":"dmmsg/1","type":"stats","seen":0,"delivered":0,"lost":0,"filtered":0,"in_flight":0,"over_budget":0,"bad_records":0}
    "#]],
    );
    check(
        json(Split { by_device: false, by_kind: true }),
        &traffic()[5..],
        &expect![[r#"
        {"schema":"dmmsg/1","type":"hist","time":null,"of":"latency","unit":"ns","dm":null,"msg":{"interface":"control","target_type":"linear","tag":"@stats_list"},"count":1,"mean":70000000000,"p50":70000000000,"p90":70000000000,"p99":70000000000,"max":70000000000,"buckets":[{"ge":68719476736,"lt":null,"count":1}]}
        {"schema":"dmmsg/1","type":"hist","time":null,"of":"latency","unit":"ns","dm":null,"msg":{"interface":"control","target_type":"other","tag":"other"},"count":1,"mean":1,"p50":1,"p90":1,"p99":1,"max":1,"buckets":[{"ge":1,"lt":2,"count":1}]}
        {"schema":"dmmsg/1","type":"stats","seen":0,"delivered":0,"lost":0,"filtered":0,"in_flight":0,"over_budget":0,"bad_records":0}
    "#]],
    );
}

#[test]
fn an_interval_starts_anew() {
    let mut output = bars(ALL, true);
    let mut out = Vec::new();
    for (nth, samples) in traffic().chunks(1).take(2).enumerate() {
        add(&mut output, samples);
        output.interval(&mut out, nth as u64 * 1_000_000_000);
    }
    output.interval(&mut out, 2_500_000_000);
    expect![[r#"
        16:00:00.000
        latency of all
          524 us -> 1.04 ms  : 1          |****************************************|
        count 1, mean 812 us, p50 812 us, p90 812 us, p99 812 us, max 812 us

        16:00:01.000
        latency of all
          524 us -> 1.04 ms  : 1          |****************************************|
        count 1, mean 900 us, p50 851 us, p90 851 us, p99 851 us, max 900 us

        16:00:02.500
        no messages

    "#]]
    .assert_eq(str::from_utf8(&out).unwrap());
}

#[test]
fn the_devices_told_apart_are_a_thousand() {
    let samples = (0..1_002).map(|minor| {
        sample("switch", b"bogus", 5).with(|head| head.call.dev = DevT::new(253, minor).0)
    });
    let samples: Vec<_> = samples.collect();
    let mut output = json(Split { by_device: true, by_kind: false });
    let mut out = add(&mut output, &samples);
    output.end(&mut out, &Tally::default().totals(&Counters::default()));
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.matches(r#""type":"hist""#).count(), 1_001);
    let others = out.lines().find(|line| line.contains(r#""name":"_other""#)).unwrap();
    assert!(others.contains(r#""count":2,"#), "{others}");
}
