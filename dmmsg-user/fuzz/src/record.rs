//! A record: whatever it is, it is shown in one line, or said to be bad.

use dmmsg::engine::{
    clock::{Anchor, Clock},
    enrich::{Answers, Context},
    event::Event,
    filter::Filter,
    render::{Output, json::Json, table::Table},
    tally::Tally,
};
use dmmsg_common::record::{ABI, KIND_DIRECT, KIND_IOCTL, KIND_MESSAGE};
use zerocopy::IntoBytes as _;

/// All that a record meets.
pub struct Outputs {
    ways: [Output; 3],
    filter: Filter,
    tally: Tally,
    out: Vec<u8>,
}

impl Default for Outputs {
    fn default() -> Self {
        let clock = Clock::local(Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 }, 3600);
        Self {
            ways: [
                Output::Table(Table::new(clock.clone(), false)),
                Output::Table(Table::new(clock.clone(), true)),
                Output::Json(Box::new(Json::new(clock))),
            ],
            filter: Filter::default(),
            tally: Tally::default(),
            out: Vec::new(),
        }
    }
}

impl Outputs {
    /// Shows a record in every way.
    ///
    /// # Panics
    /// It is not shown as one line of text.
    pub fn show(&mut self, record: &[u8], answers: &mut impl Answers) {
        let event = Event::from_record(record);
        let Some((call, question)) = event.call().zip(event.question()) else {
            let [.., json] = &mut self.ways;
            self.out.clear();
            json.event(&mut self.out, &event, Context::default());
            assert_is_line(&self.out);
            self.tally.bad_record();
            return;
        };
        self.tally.note_losses(call);
        assert!(self.filter.admits_unfiltered(&event), "no filter, no refusal");
        let context = answers.answer(&question);
        for output in &mut self.ways {
            self.out.clear();
            output.event(&mut self.out, &event, context);
            assert_is_line(&self.out);
        }
        self.tally.show(1);
    }

    /// Checks that what was shown is accounted for.
    ///
    /// # Panics
    /// It is not.
    pub fn end(&self) {
        let totals = self.tally.totals(&self.tally.what_was_read());
        assert_eq!(totals.check(), Ok(()));
    }
}

fn assert_is_line(line: &[u8]) {
    let (end, text) = line.split_last().unwrap_or((&0, &[]));
    assert_eq!(*end, b'\n', "a line ends");
    let text = str::from_utf8(text).unwrap_or("\0");
    // A message that hangs has a second line, for its stack.
    let acts = |char: char| char != '\n' && char.is_control();
    assert!(!text.contains(acts), "a line acts on no terminal");
    assert!(text.lines().count() <= 2, "a record is one line");
}

/// Shows the bytes as a record, as they are and with a header that fits them.
pub fn run(data: &[u8], answers: &mut impl Answers) {
    let mut words = vec![0_u64; data.len().div_ceil(8)];
    let Some(record) = words.as_mut_bytes().get_mut(..data.len()) else { return };
    record.copy_from_slice(data);
    let mut outputs = Outputs::default();
    outputs.show(record, answers);
    for kind in [KIND_MESSAGE, KIND_DIRECT, KIND_IOCTL] {
        let Some(header) = record.first_chunk_mut::<8>() else { break };
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        header[..2].copy_from_slice(&ABI.to_le_bytes());
        header[2..4].copy_from_slice(&kind.to_le_bytes());
        header[4..].copy_from_slice(&size.to_le_bytes());
        outputs.show(record, answers);
    }
    outputs.end();
}
