//! Captures that are damaged, or where one must not be.

use std::{
    fs,
    io::{Seek as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use super::{
    file::{Entry, capture, long, read},
    replay::entries,
    run::{Folder, Run, command, feed, trace},
};

#[test]
fn a_torn_end_is_a_note() {
    let file = capture(&entries(), 1);
    let whole = feed(&file, &["-r", "-"]);
    let torn = feed(&file[..file.len() - 1], &["-r", "-"]);
    assert_eq!((torn.code, &torn.stdout), (Some(0), &whole.stdout));
    let told = "dmmsg-trace: capture ends in the middle of a frame: 63 bytes ignored\n";
    assert!(torn.stderr.contains(told), "{}", torn.stderr);

    let no_end = feed(&file[..file.len() - 64], &["-r", "-"]);
    assert_eq!((no_end.code, &no_end.stdout), (Some(0), &whole.stdout));
    let told = "dmmsg-trace: capture has no end: the totals are of what is in it\n";
    assert!(no_end.stderr.contains(told), "{}", no_end.stderr);
    assert!(no_end.stderr.ends_with("seen 10 = delivered 6 + lost 4 + filtered 0\n"));
}

#[test]
fn a_damaged_frame_ends_the_replay() {
    let mut file = capture(&entries(), 1);
    let at = file.len() - 100;
    file[at] ^= 4;
    let replay = feed(&file, &["-r", "-"]);
    assert_eq!(replay.code, Some(4));
    assert_eq!(replay.stdout.lines().count(), 6);
    assert!(replay.stderr.contains("seen 9 = delivered 5 + lost 4 + filtered 0\n"));
    let told = "dmmsg-trace: read standard input: the capture is damaged at byte 2248: \
        a checksum does not fit\n";
    assert!(replay.stderr.ends_with(told), "{}", replay.stderr);
}

#[test]
fn what_is_no_capture_is_refused() {
    for file in [&b""[..], b"TIME PID", &capture(&[], 1)[..10]] {
        let replay = feed(file, &["-r", "-"]);
        let expected = Run {
            code: Some(4),
            stdout: String::new(),
            stderr: "dmmsg-trace: read standard input: not a capture of dmmsg\n".into(),
        };
        assert_eq!(replay, expected);
    }
    let missing = trace(&["-r", "/nonexistent/run"]);
    assert_eq!(missing.code, Some(1));
    let told = "dmmsg-trace: read /nonexistent/run: No such file or directory (os error 2)\n";
    assert_eq!(missing.stderr, told);
}

#[test]
fn only_captures_are_overwritten() {
    let folder = Folder::new();
    let source = folder.file("run", &capture(&entries(), 1));
    let note = folder.file("note", b"dear diary");
    let refused = trace(&["-r", &source, "-w", &note]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    let told = format!(
        "dmmsg-trace: {note} is not a capture and would be overwritten: remove it or give another file\n"
    );
    assert_eq!(refused.stderr, told);
    assert_eq!(fs::read(&note).unwrap(), b"dear diary");

    let other = folder.file("other", &long(1000));
    assert_eq!(trace(&["-r", &source, "-w", &other]).code, Some(0));
    assert_eq!(trace(&["-r", &other]), trace(&["-r", &source]));

    let same = trace(&["-r", &source, "-w", &format!("{source}/../run")]);
    assert_eq!(same.code, Some(1), "there is no such path: {}", same.stderr);
    let link = folder.path("link");
    fs::hard_link(&source, &link).unwrap();
    let same = trace(&["-r", &source, "-w", &link]);
    assert_eq!(same.code, Some(2), "{}", same.stderr);
}

#[test]
fn what_is_read_is_neither_overwritten_nor_moved() {
    let folder = Folder::new();
    let bytes = long(1000);
    let source = folder.file("run.1", &bytes);
    let run = folder.path("run");
    for words in [
        &["-r", "-", "-w", &source][..],
        &["-r", &source, "-w", &run, "--rotate", "256KiB"],
        &["-r", "-", "-w", &run, "--rotate", "256KiB", "--keep", "2"],
    ] {
        let stdin = fs::File::open(&source).unwrap();
        let refused = Run::of(command(words).stdin(stdin).output().unwrap());
        assert_eq!(refused.code, Some(2), "{words:?}");
        let told = format!("{source} is the capture that is read, and would be lost");
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
        assert!(!fs::exists(&run).unwrap(), "{words:?}");
    }
    assert_eq!(fs::read(&source).unwrap(), bytes);
}

#[test]
fn records_of_another_version_are_refused() {
    let mut record = entries().remove(0);
    let Entry::Record(bytes, _) = &mut record else { panic!("{record:?}") };
    bytes[0] = 1;
    let replay = feed(&capture(&[record], 1), &["-r", "-"]);
    assert_eq!(replay.code, Some(4));
    let told = "the capture has records of layout 1, this program reads 2\n";
    assert!(replay.stderr.ends_with(told), "{}", replay.stderr);
}

#[test]
fn names_of_files_cannot_act_on_a_terminal() {
    let replay = trace(&["-r", "no\x1b[31m"]);
    assert!(replay.stderr.contains(r"read no\x1b[31m: No such file"), "{}", replay.stderr);
}

#[test]
fn a_new_capture_is_its_owners_alone() {
    let folder = Folder::new();
    let source = folder.file("run", &capture(&entries(), 1));
    let copy = folder.path("copy");
    assert_eq!(trace(&["-r", &source, "-w", &copy]).code, Some(0));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_run_that_does_not_begin_leaves_no_file() {
    let folder = Folder::new();
    let (new, old) = (folder.path("new"), folder.file("old", b""));
    for file in [&new, &old] {
        let refused = feed(b"no capture", &["-r", "-", "-w", file]);
        assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    }
    assert!(!fs::exists(&new).unwrap());
    assert!(fs::exists(&old).unwrap(), "what was there stays");
}

#[test]
fn a_capture_on_standard_output_is_all_there_is() {
    let file = capture(&entries(), 1);
    let output = command(&["-r", "-", "-w", "-"]).stdin(file_of(&file)).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let (copied, end) = read(&output.stdout, 4096);
    let (original, _) = read(&file, 4096);
    assert_eq!(end, Ok(0));
    // Losses that records tell of are told apart as well.
    let without_losses = |mut entries: Vec<Entry>| {
        entries.retain(|entry| !matches!(entry, Entry::Lost(_)));
        entries
    };
    assert_eq!(without_losses(copied), without_losses(original));
}

fn file_of(bytes: &[u8]) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn a_full_disk_ends_the_capture_alone() {
    let folder = Folder::new();
    let source = folder.file("run", &long(1000));
    let run = trace(&["-r", &source, "-w", "/dev/full"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 1001));
    let told = "dmmsg-trace: the capture ends early, the run goes on: \
        write /dev/full: No space left on device (os error 28)\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(run.stderr.contains("seen 1000 = delivered 1000 + lost 0 + filtered 0"));
}

/// A limit to the file's size stands in for a disk that is full in the middle of a frame.
#[test]
fn a_torn_frame_is_cut_off() {
    let folder = Folder::new();
    let source = folder.file("run", &long(3000));
    let copy = folder.path("copy");
    let script = "ulimit -f 300; exec \"$0\" \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, env!("CARGO_BIN_EXE_dmmsg-trace"), "-r", &source, "-w", &copy]);
    let run = Run::of(limited.output().unwrap());
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 3001));
    assert!(run.stderr.contains("File too large"), "{}", run.stderr);
    let file = fs::read(&copy).unwrap();
    let (entries, end) = read(&file, 4096);
    assert_eq!(end, Ok(0), "no frame is torn");
    assert!(entries.len() > 300, "{}", entries.len());
}

#[test]
fn what_is_of_a_newer_version_is_told() {
    // A frame of kind 900 that can be done without, between start and end.
    let mut file = capture(&[], 1);
    let mut frame = [&[0; 4][..], &900_u16.to_le_bytes(), &[0; 6]].concat();
    frame.extend(crc32fast::hash(&frame).to_le_bytes());
    let end = file.len() - 64;
    file.splice(end..end, frame);
    let replay = feed(&file, &["-r", "-"]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    let told = "skipped what only a newer dmmsg knows: 1 parts";
    assert!(replay.stderr.contains(told), "{}", replay.stderr);
}

#[test]
fn two_runs_do_not_write_one_file() {
    let folder = Folder::new();
    let source = folder.file("run", &capture(&entries(), 1));
    let copy = folder.path("copy");
    let other = fs::File::create(&copy).unwrap();
    other.lock().unwrap();
    let refused = trace(&["-r", &source, "-w", &copy]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("is being written by another"), "{}", refused.stderr);
}
