//! Captures that are spread over files.

use std::fs;

use super::{
    file::{capture, long},
    replay::entries,
    run::{Folder, trace},
};

/// Messages that a file shows.
fn count(path: &str) -> usize {
    trace(&["-r", path]).stdout.lines().count() - 1
}

#[test]
fn no_message_falls_between_two_files() {
    let folder = Folder::new();
    let source = folder.file("run", &long(6000));
    let file = folder.path("file");
    assert_eq!(trace(&["-r", &source, "-w", &file, "--rotate", "256KiB"]).code, Some(0));
    let older = (1..8).map(|nth| folder.path(&format!("file.{nth}")));
    let older: Vec<_> = older.filter(|path| fs::exists(path).unwrap()).collect();
    assert!(older.len() > 3, "{older:?}");
    let total = older.iter().map(|path| count(path)).sum::<usize>() + count(&file);
    assert_eq!(total, 6000);
    assert!(older.iter().all(|path| fs::metadata(path).unwrap().len() <= 256 << 10));
    let newer = trace(&["-r", &older[0]]);
    assert!(newer.stderr.contains("the run goes on in a newer file"), "{}", newer.stderr);
}

#[test]
fn only_so_many_files_are_kept() {
    let folder = Folder::new();
    let source = folder.file("run", &long(6000));
    let file = folder.path("file");
    let words = ["-r", &source, "-w", &file, "--rotate", "256KiB", "--keep", "3"];
    assert_eq!(trace(&words).code, Some(0));
    let names = ["file", "file.1", "file.2", "file.3"].map(|name| folder.path(name));
    assert_eq!(names.map(|path| fs::exists(path).unwrap()), [true, true, true, false]);
}

#[test]
fn a_new_run_moves_the_last_ones_file_aside() {
    let folder = Folder::new();
    let source = folder.file("run", &capture(&entries(), 1));
    let file = folder.path("file");
    let words = ["-r", &source, "-w", &file, "--rotate", "256KiB", "--keep", "2"];
    for _ in 0..3 {
        assert_eq!(trace(&words).code, Some(0));
    }
    assert_eq!(count(&file), 6);
    assert_eq!(count(&folder.path("file.1")), 6);
    assert!(!fs::exists(folder.path("file.2")).unwrap());
}

#[test]
fn what_is_no_capture_is_not_rotated_away() {
    let folder = Folder::new();
    let source = folder.file("run", &capture(&entries(), 1));
    let blocked = folder.file("file.2", b"dear diary");
    let refused = trace(&["-r", &source, "-w", &folder.path("file"), "--rotate", "256KiB"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains(&blocked), "{}", refused.stderr);
}
