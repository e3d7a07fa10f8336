//! The screen of --top, drawn on a terminal of 80 columns and 24 lines.

use dmmsg::engine::{
    event::Event,
    render::top::{Status, draw},
    top::{Order, Top},
};
use dmmsg_common::{dm::DevT, record::flag};
use expect_test::{Expect, expect};
use ratatui::{Terminal, backend::TestBackend};

use crate::sample::Sample;

fn add(top: &mut Top, sample: &Sample) {
    top.add(&Event::from_record(&sample.record()));
}

fn sample(minor: u32, name: &[u8], target_type: &str, text: &[u8], latency_ns: u64) -> Sample {
    let mut sample = Sample::sent(target_type, text).with(|head| {
        head.call.dev = DevT::new(253, minor).0;
        head.call.latency_ns = latency_ns;
    });
    sample.name = name.to_vec();
    sample
}

/// A second in which three devices were busy.
fn busy() -> Top {
    let mut top = Top::default();
    for _ in 0..12 {
        add(&mut top, &sample(4, b"vg-pool", "thin-pool", b"create_thin 7", 812_400));
    }
    let failed = sample(5, b"mpath\x1b[31mevil", "multipath", b"fail_path 8:16", 6_249);
    add(&mut top, &failed.with(|head| head.call.ret = -16));
    add(&mut top, &sample(6, b"", "crypt", b"key set 00ff", 2_000_000_000));
    top.tick(1_000_000_000);
    top
}

fn screen(top: &Top) -> String {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let status = Status { time: *b"14:03:07.118", shown: 14, lost: 3 };
    terminal.draw(|frame| draw(frame, top, &status)).unwrap();
    let lines = terminal.backend().buffer().content.chunks(80);
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    };
    lines.map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn check(top: &Top, expected: &Expect) {
    expected.assert_eq(&screen(top));
}

#[test]
fn a_screen_of_80_columns_and_24_lines() {
    check(
        &busy(),
        &expect![[r#"
            dmmsg-trace 14:03:07.118  14 shown, 3 lost, 0 in flight
            DEVICE      TYPE      TAG           RATE/s FAIL    P50    P99    MAX LAST
            vg-pool     thin-pool create_thin     12.0    0  812us  812us  812us 81233 lvcre
            mpath\x1b[3 multipath fail_path        1.0    1 6.24us 6.24us 6.24us 81233 lvcre
            253:6       crypt     key set          1.0    0  2.00s  2.00s  2.00s 81233 lvcre


















            q quit  order by:  r rate*  e failed  p p99  m max
        "#]],
    );
}

#[test]
fn what_hangs_is_told_the_oldest_first() {
    let mut top = busy();
    for (nth, age) in (0..9).zip([3, 1, 4, 1, 5, 9, 2, 6, 5]) {
        let text = format!("delete {nth}");
        let sample = sample(4, b"vg-pool", "thin-pool", text.as_bytes(), age * 1_000_000_000);
        add(&mut top, &sample.with(|head| head.flags |= flag::IN_FLIGHT));
    }
    check(
        &top,
        &expect![[r#"
            dmmsg-trace 14:03:07.118  14 shown, 3 lost, 9 in flight
            DEVICE      TYPE      TAG           RATE/s FAIL    P50    P99    MAX LAST
            vg-pool     thin-pool create_thin     12.0    0  812us  812us  812us 81233 lvcre
            mpath\x1b[3 multipath fail_path        1.0    1 6.24us 6.24us 6.24us 81233 lvcre
            253:6       crypt     key set          1.0    0  2.00s  2.00s  2.00s 81233 lvcre












            IN FLIGHT
             9.00s  81233 lvcreate  vg-pool  delete 5
             6.00s  81233 lvcreate  vg-pool  delete 7
             5.00s  81233 lvcreate  vg-pool  delete 4
             5.00s  81233 lvcreate  vg-pool  delete 8
             4.00s  81233 lvcreate  vg-pool  delete 2
            q quit  order by:  r rate*  e failed  p p99  m max
        "#]],
    );
    top.forget_hanging();
    assert_eq!(screen(&top), screen(&busy()));
}

#[test]
fn rows_are_ordered_as_asked() {
    let mut top = busy();
    let mut first = |order| {
        top.set_order(order);
        top.rows()[0].group.kind.unwrap().verb
    };
    assert_eq!(first(Order::Rate), "create_thin");
    assert_eq!(first(Order::Errors), "fail_path");
    assert_eq!(first(Order::P99), "key set");
    assert_eq!(first(Order::Max), "key set");
}

#[test]
fn a_rate_is_that_of_the_last_tick() {
    let mut top = busy();
    assert_eq!(top.rows()[0].rate_tenths, 120);
    top.tick(2_000_000_000);
    assert_eq!(top.rows()[0].rate_tenths, 0);
    add(&mut top, &sample(4, b"vg-pool", "thin-pool", b"create_thin 8", 1));
    top.tick(2_000_000_000);
    assert_eq!(top.rows()[0].rate_tenths, 5);
}

#[test]
fn a_screen_may_have_any_size() {
    let top = busy();
    let status = Status { time: *b"14:03:07.118", shown: 14, lost: 3 };
    for (columns, lines) in [(1, 1), (10, 2), (80, 3), (300, 100)] {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal.draw(|frame| draw(frame, &top, &status)).unwrap();
    }
}
