//! Senders, looked up on this machine.

use std::{
    env, fs,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use dmmsg::{
    engine::enrich::{Answer, Answers as _, Context, Parent, Question, Sender, stat::Stat},
    shell::{lookup::Lookup, users::Users},
};

/// A question about a process, from its own user.
fn about(pid: u32, boot_ns: u64) -> Question {
    let uid = rustix::process::getuid().as_raw();
    let sender = Sender { pid, uid, comm: *b"it\0\0\0\0\0\0\0\0\0\0\0\0\0\0", cgroup_id: 1 };
    Question { sender, boot_ns, hangs_in: None }
}

/// A question about this process.
fn question(boot_ns: u64) -> Question {
    about(process::id(), boot_ns)
}

/// What `/proc` tells of this process's own comm.
fn own_comm() -> Vec<u8> {
    let stat = fs::read("/proc/self/stat").unwrap();
    Stat::parse(&stat).unwrap().comm.to_vec()
}

fn own_user() -> Option<Vec<u8>> {
    let name = Command::new("id").arg("-un").output().ok()?;
    name.status.success().then(|| name.stdout.trim_ascii_end().to_vec())
}

/// All that is left to know of a sender whose process is not there.
fn gone(context: &Context<'_>) -> Answer {
    let user = context.user.map(<[u8]>::to_vec);
    Answer { user, gone: true, ..Answer::default() }
}

#[test]
fn a_sender_that_is_there_is_known() {
    let exe = env::current_exe().unwrap();
    let mut lookup = Lookup::default();
    let context = lookup.answer(&question(u64::MAX));
    assert_eq!(context.exe, Some(exe.as_os_str().as_bytes()));
    assert_eq!(context.parent.unwrap().pid, std::os::unix::process::parent_id());
    assert!(!context.gone);
    match own_user() {
        Some(user) => assert_eq!(context.user, Some(&user[..])),
        None => println!("SKIP the user's name: no `id`, or it knows none"),
    }
}

#[test]
fn a_child_has_its_parents_pid_and_comm() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let mut lookup = Lookup::default();
    let context = lookup.answer(&about(child.id(), u64::MAX));
    let comm = own_comm();
    let expected = Parent { pid: process::id(), comm: Some(&comm[..]) };
    let found = context.parent;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found, Some(expected));
}

#[test]
fn a_process_that_started_after_the_message_is_not_its_sender() {
    let mut lookup = Lookup::default();
    let context = lookup.answer(&question(0));
    assert_eq!(context, gone(&context).context());
}

#[test]
fn a_sender_that_was_waited_for_is_gone_but_its_user_is_known() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let mut lookup = Lookup::default();
    let context = lookup.answer(&about(child.id(), u64::MAX));
    assert_eq!(context, gone(&context).context());
    assert_eq!(context.user, Lookup::default().answer(&question(u64::MAX)).user);
}

#[test]
fn a_sender_that_nobody_waited_for_is_gone_but_its_parent_is_known() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdin.take());
    let mut lookup = Lookup::default();
    // A message a second: answers are kept for that long.
    let ended = (1..1000).any(|second| {
        thread::sleep(Duration::from_millis(10));
        lookup.answer(&about(child.id(), u64::MAX - second * 1_000_000_000)).gone
    });
    assert!(ended);
    let context = Lookup::default().answer(&about(child.id(), u64::MAX)).into();
    child.wait().unwrap();
    let Answer { exe, parent, gone, .. } = context;
    let comm = Some(own_comm());
    assert_eq!((exe, parent, gone), (None, Some(Parent { pid: process::id(), comm }), true));
}

#[test]
fn the_first_process_has_no_parent() {
    let mut lookup = Lookup::default();
    let context = lookup.answer(&about(1, u64::MAX));
    assert_eq!((context.parent, context.gone), (None, false));
}

#[test]
fn an_answer_does_not_outlive_its_moment() {
    let mut lookup = Lookup::default();
    assert!(lookup.answer(&question(0)).gone);
    assert!(lookup.answer(&question(999_999_999)).gone);
    assert!(!lookup.answer(&question(u64::MAX)).gone);
}

#[test]
fn a_user_that_is_added_has_a_name_a_second_later() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("passwd");
    let _ = fs::remove_file(&file);
    let mut users = Users::of(&file);
    assert_eq!(users.name(7, 0), None);
    fs::write(&file, "seven:x:7:7:::\n").unwrap();
    assert_eq!(users.name(7, 999_999_999), None);
    assert_eq!(users.name(7, 1_000_000_000), Some(&b"seven"[..]));
    fs::remove_file(&file).unwrap();
    assert_eq!(users.name(7, 2_000_000_000), None);
}
