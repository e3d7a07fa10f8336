//! What is written is what is read.

use std::num::NonZeroU64;

use dmmsg::engine::{
    capture::{Encoder, End},
    enrich::{Answer, Context, Parent},
};
use dmmsg_common::stats::Counters;
use proptest::{collection::vec, option, prelude::*};

use super::file::{Entry, account, capture, read, start};

fn entry() -> impl Strategy<Value = Entry> {
    let bytes = || vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (bytes(), answer()).prop_map(|(record, answer)| Entry::Record(record, answer)),
        1 => (0_u64..1000).prop_map(Entry::Lost),
    ]
}

fn whole(entries: &[Entry]) -> Vec<Entry> {
    let end = Entry::End(End { account: account(entries), goes_on: false });
    [&[Entry::Start(start())], entries, &[end]].concat()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        entries in vec(entry(), 0..40),
        entries_per_frame in 1_usize..10,
        chunk_bytes in 1_usize..300,
    ) {
        let file = capture(&entries, entries_per_frame);
        prop_assert_eq!(read(&file, chunk_bytes), (whole(&entries), Ok(0)));
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, 7);
        let _ = read(&[&capture(&[], 1)[..16], &bytes].concat(), 7);
    }
}

/// More senders than a reader keeps contexts of, some coming again.
#[test]
fn contexts_that_were_dropped_are_written_again() {
    let sender = |nth: usize| {
        let exe = format!("/bin/{}", nth * nth % 701).into_bytes();
        Entry::record(b"record".to_vec(), Some(exe), None)
    };
    let entries: Vec<_> = (0..3000).map(sender).collect();
    assert_eq!(read(&capture(&entries, 100), 4096), (whole(&entries), Ok(0)));
}

#[test]
fn a_context_is_written_once() {
    let entry = Entry::record(b"record".to_vec(), Some(vec![b'x'; 1000]), None);
    assert!(capture(&vec![entry; 50], 10).len() < 3000);
}

#[test]
fn a_frame_ends_before_it_is_long() {
    let mut encoder = Encoder::new(start(), None);
    for _ in 0..1000 {
        encoder.record(&[7; 200], None);
    }
    let sizes: Vec<_> = encoder.ready().map(|piece| piece.bytes.len()).collect();
    assert_eq!(sizes.len(), 1 + 1000 * 208 / (64 << 10));
    assert!(sizes.iter().all(|size| *size <= (64 << 10) + 208), "{sizes:?}");
}

#[test]
fn contexts_as_long_as_they_can_be_are_kept() {
    let path = |bytes| Some(vec![b'/'; bytes]);
    let record =
        |path: Option<Vec<u8>>| Entry::record(vec![7; Encoder::RECORD_MAX], path.clone(), path);
    let entries = [record(path(4 << 10))];
    let file = capture(&entries, 1);
    assert_eq!(read(&file, 4096), (whole(&entries), Ok(0)));
    assert_eq!(capture(&[record(path(5 << 10))], 1), file, "what is longer is cut");
}

/// All that can be known of a sender.
fn answer() -> impl Strategy<Value = Answer> {
    let text = || option::of("[a-d]{0,2}".prop_map(String::into_bytes));
    let parent = (any::<u32>(), text()).prop_map(|(pid, comm)| Parent { pid, comm });
    let fields = (text(), text(), text(), option::of(parent), any::<bool>(), text());
    fields.prop_map(|(exe, cgroup, user, parent, gone, stack)| Answer {
        exe,
        cgroup,
        user,
        parent,
        gone,
        stack,
    })
}

/// Each file can be read alone, and together they hold the run.
#[test]
fn a_run_of_many_files() {
    const LIMIT: u64 = 256 << 10;
    let mut encoder = Encoder::new(start(), NonZeroU64::new(LIMIT));
    let mut expected = Vec::new();
    for nth in 0..5000_u64 {
        let context = Context { exe: Some(b"/usr/sbin/lvm"), ..Context::default() };
        let record = [nth.to_le_bytes(); 25].concat();
        encoder.record(&record, Some(&context));
        expected.push(Entry::record(record, Some(b"/usr/sbin/lvm".to_vec()), None));
        if nth % 100 == 0 {
            encoder.lost(nth / 10);
            expected.push(Entry::Lost(nth / 10));
        }
        if nth % 10 == 0 {
            encoder.turn_away();
        }
    }
    let run = Counters { hits: 10_000, delivered: 5500, lost: 600, filtered: 3000, over_budget: 0 };
    encoder.end(&run);

    let mut files: Vec<Vec<u8>> = Vec::new();
    for piece in encoder.ready() {
        if piece.starts_file {
            files.push(Vec::new());
        }
        files.last_mut().unwrap().extend(&piece.bytes);
    }
    assert_eq!(files.len(), 6);

    let mut sum = Counters::default();
    let mut found = Vec::new();
    for (nth, file) in files.iter().enumerate() {
        assert!(file.len() as u64 <= LIMIT);
        let (mut entries, end) = read(file, 4096);
        assert_eq!(end, Ok(0));
        let Entry::Start(start) = entries.remove(0) else { panic!("no start") };
        assert_eq!(start.lost_before, sum.lost, "file {nth}");
        let Some(Entry::End(end)) = entries.pop() else { panic!("no end") };
        assert_eq!(end.goes_on, nth + 1 < files.len());
        let records = entries.iter().filter(|entry| matches!(entry, Entry::Record(..)));
        assert_eq!(end.account.delivered, records.count() as u64);
        sum.add(&end.account);
        found.extend(entries);
    }
    assert_eq!(found, expected);
    assert_eq!(sum, Counters { delivered: 5000, filtered: 3500, ..run });
}
