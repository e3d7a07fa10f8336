//! The command line of `dmmsg-exporter`.

use std::process::{Command, Output};

use expect_test::{Expect, expect};

fn exporter(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dmmsg-exporter")).args(words).output().unwrap()
}

fn check_usage_error(words: &[&str], expected: &Expect) {
    let output = exporter(words);
    assert_eq!(output.status.code(), Some(2), "{words:?}");
    assert!(output.stdout.is_empty(), "{words:?}");
    expected.assert_eq(str::from_utf8(&output.stderr).unwrap());
}

#[test]
fn help_ends_with_examples() {
    let output = exporter(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, examples) = text.split_once("Examples:\n").unwrap();
    assert_eq!(examples.lines().count(), 5);
}

#[test]
fn words_that_mean_nothing() {
    check_usage_error(
        &["--listen", "9435"],
        &expect![[r#"
        dmmsg-exporter: invalid value '9435' for '--listen <ADDR:PORT>': invalid socket address syntax
    "#]],
    );
    check_usage_error(
        &["--listen", "localhost:9435"],
        &expect![[r#"
        dmmsg-exporter: invalid value 'localhost:9435' for '--listen <ADDR:PORT>': invalid socket address syntax
    "#]],
    );
    check_usage_error(
        &["--per-device", "1001"],
        &expect![[r#"
        dmmsg-exporter: invalid value '1001' for '--per-device <N>': 1001 is not in 0..=1000
    "#]],
    );
    check_usage_error(
        &["--per-device", "-1"],
        &expect![[r#"
        dmmsg-exporter: unexpected argument '-1' found
    "#]],
    );
    check_usage_error(
        &["--probe", "uprobe"],
        &expect![[r#"
        dmmsg-exporter: invalid value 'uprobe' for '--probe <RUNG>' [possible values: auto, fentry, kprobe]
    "#]],
    );
    check_usage_error(
        &["metrics"],
        &expect![[r#"
        dmmsg-exporter: unexpected argument 'metrics' found
    "#]],
    );
}

#[test]
fn an_address_in_use_is_said_before_anything_is_attached() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = exporter(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap().replace(&address, "ADDRESS");
    expect![[r#"
        dmmsg-exporter: listen on ADDRESS: give another with --listen: Address already in use (os error 98)
    "#]].assert_eq(&said);
}
