//! Senders, looked up on this machine.

use std::{env, os::unix::ffi::OsStrExt, process};

use dmmsg::{
    engine::enrich::{Answers as _, Context, Question, Sender},
    shell::lookup::Lookup,
};

/// A question about this process.
fn question(boot_ns: u64) -> Question {
    let sender =
        Sender { pid: process::id(), comm: *b"it\0\0\0\0\0\0\0\0\0\0\0\0\0\0", cgroup_id: 1 };
    Question { sender, boot_ns }
}

#[test]
fn a_sender_that_is_there_is_known() {
    let exe = env::current_exe().unwrap();
    let mut lookup = Lookup::default();
    assert_eq!(lookup.answer(&question(u64::MAX)).exe, Some(exe.as_os_str().as_bytes()));
}

#[test]
fn a_process_that_started_after_the_message_is_not_its_sender() {
    assert_eq!(Lookup::default().answer(&question(0)), Context::default());
}

#[test]
fn an_answer_does_not_outlive_its_moment() {
    let mut lookup = Lookup::default();
    assert_eq!(lookup.answer(&question(0)), Context::default());
    assert_eq!(lookup.answer(&question(999_999_999)), Context::default());
    assert!(lookup.answer(&question(u64::MAX)).exe.is_some());
}
