//! What becomes of records, wherever they come from: the ring, or a capture.

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use dmmsg_common::stats::Counters;

use super::{
    capture::{Recorder, State},
    config::{Config, Format, Write},
    say,
    sink::{Reader, Sink},
};
use crate::engine::{
    capture::Start,
    clock::Clock,
    enrich::{Answers, Context},
    event::Event,
    exit::Exit,
    filter::Filter,
    groups::Kind,
    histogram::Histogram,
    render::{
        Output,
        hist::{Form, Hist},
        json::Json,
        table::Table,
    },
    tally::{Tally, Totals},
    top::Top,
};

/// How often at most people are told of losses.
const LOSS_NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel, which has applied its part of the filter.
    Ring,
    /// A capture, to which any filter may be new.
    Capture,
}

/// Filters, shows, counts and captures records.
pub struct Stream<'a> {
    config: &'a Config,
    source: Source,
    output: Output,
    sink: Sink,
    recorder: Option<Recorder>,
    tally: Tally,
    losses: Losses,
    reader: Reader,
    /// Intervals that are still to be shown, if there is an end to them.
    intervals_left: Option<u64>,
    /// Why the output could not be written.
    failure: Option<anyhow::Error>,
}

impl<'a> Stream<'a> {
    /// Starts the output.
    pub fn new(
        config: &'a Config,
        source: Source,
        start: &Start,
        recorder: Option<Recorder>,
    ) -> Self {
        let mut stream = Self {
            config,
            source,
            output: output(config, start),
            sink: Sink::stdout(),
            recorder,
            tally: Tally::after_losses(start.lost_before),
            losses: Losses::default(),
            reader: Reader::Listens,
            intervals_left: config.intervals.and_then(|of| of.count).map(NonZeroU64::get),
            failure: None,
        };
        stream.output.start(stream.sink.lines());
        stream.write();
        stream
    }

    /// Whether anybody wants more.
    pub fn goes_on(&self) -> bool {
        let enough = self.config.count.is_some_and(|count| self.tally.shown() >= count.get());
        !enough && self.intervals_left != Some(0) && self.is_read()
    }

    /// Whether somebody takes what is written.
    fn is_read(&self) -> bool {
        let unread = self.recorder.as_ref().is_some_and(|r| r.state() == State::Unread);
        self.reader == Reader::Listens && self.failure.is_none() && !unread
    }

    /// What was done with the records so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes one record; none is lost, but one that nobody wants is not shown.
    pub fn take(&mut self, record: &[u8], answers: &mut impl Answers) {
        let event = Event::from_record(record);
        let Some(call) = event.call() else { return self.take_bad(record, &event) };
        if event.is_in_flight() {
            return self.take_in_flight(record, &event, answers);
        }
        self.take_lost(call.lost);
        if self.goes_on() && self.admits(&self.config.filter, &event) {
            self.show(record, &event, answers);
            self.tally.show(1);
        } else {
            self.turn_away();
        }
    }

    /// Takes what the kernel has counted of one kind of call.
    pub fn take_counted(&mut self, kind: Kind, latencies: &Histogram) {
        if let Output::Hist(hist) = &mut self.output {
            hist.add_counted(kind, latencies);
        }
        self.tally.show(latencies.count());
    }

    /// Takes a message in flight, which the account has as such, whether it is shown or not.
    fn take_in_flight(&mut self, record: &[u8], event: &Event<'_>, answers: &mut impl Answers) {
        // The kernel filters a message when its device is found, which may be still to come.
        if self.is_read() && self.config.filter.admits_unfiltered(event) {
            self.show(record, event, answers);
        }
    }

    /// Shows what came in an interval that ends now, if all wanted are not shown yet.
    pub fn interval(&mut self, now_boot_ns: u64) {
        if self.intervals_left != Some(0) {
            self.output.interval(self.sink.lines(), now_boot_ns);
            self.intervals_left = self.intervals_left.map(|left| left - 1);
        }
    }

    /// What a screen shows, if one is to be drawn.
    pub const fn top(&mut self) -> Option<&mut Top> {
        match &mut self.output {
            Output::Top(top) => Some(top),
            _ => None,
        }
    }

    /// Takes note that so many messages have been lost since the run began.
    pub fn take_lost(&mut self, total: u64) {
        let lost = self.tally.note_lost(total);
        if lost == 0 {
            return;
        }
        self.losses.add(lost);
        self.output.lost(self.sink.lines(), lost);
        if let Some(recorder) = &mut self.recorder {
            recorder.lost(self.tally.lost());
        }
    }

    fn take_bad(&mut self, record: &[u8], event: &Event<'_>) {
        if let Event::Bad(bad) = event
            && self.tally.bad_record() == 1
        {
            say(format_args!("a message is lost, and maybe more: {}", bad.error));
        }
        self.output.event(self.sink.lines(), event, Context::default());
        if let Some(recorder) = &mut self.recorder {
            recorder.record(record, None);
        }
    }

    fn admits(&self, filter: &Filter, event: &Event<'_>) -> bool {
        match self.source {
            Source::Ring => filter.admits(event),
            Source::Capture => filter.admits_unfiltered(event),
        }
    }

    fn show(&mut self, record: &[u8], event: &Event<'_>, answers: &mut impl Answers) {
        let recorder = self.recorder.as_mut().filter(|recorder| recorder.is_running());
        // A capture may be shown in another way.
        let asked = self.output.wants_context() || recorder.is_some() || event.is_in_flight();
        let context = match event.question() {
            Some(question) if asked => answers.answer(&question),
            _ => Context::default(),
        };
        match recorder {
            Some(recorder) if event.is_in_flight() => recorder.aside(record, &context),
            Some(recorder) => recorder.record(record, Some(&context)),
            None => {}
        }
        self.output.event(self.sink.lines(), event, context);
    }

    fn turn_away(&mut self) {
        self.tally.turn_away();
        if let Some(recorder) = &mut self.recorder {
            recorder.turn_away();
        }
    }

    /// Hands over what is ready, to the output and to the capture, which may take its time.
    ///
    /// May be dropped meanwhile; what fails is told by [`Stream::end`].
    pub async fn flush(&mut self) {
        self.losses.tell(self.source);
        self.write();
        if let Some(recorder) = &mut self.recorder {
            recorder.flush().await;
        }
    }

    /// Returns when [`Stream::flush`] has something to do without another record.
    pub async fn due(&self) {
        match &self.recorder {
            Some(recorder) => recorder.due().await,
            None => std::future::pending().await,
        }
    }

    fn write(&mut self) {
        if self.sink.lines().is_empty() {
            return;
        }
        match self.sink.flush().context("write to standard output") {
            Ok(reader) => self.reader = reader,
            Err(error) => self.failure = self.failure.take().or(Some(error)),
        }
    }

    /// Writes the end of the output and the totals; `kernel` is the kernel's account.
    ///
    /// # Errors
    /// The output could not be written, or the account does not balance.
    pub async fn end(mut self, kernel: &Counters) -> Result<Exit> {
        let totals = self.tally.totals(kernel);
        let untold = self.tally.untold_losses(&totals);
        if untold > 0 {
            self.losses.add(untold);
            self.output.lost(self.sink.lines(), untold);
        }
        self.output.end(self.sink.lines(), &totals);
        self.losses.told = None;
        self.flush().await;
        let mut captured = State::Good;
        if let Some(recorder) = &mut self.recorder {
            recorder.end(kernel).await;
            captured = recorder.state();
        }
        say(format_args!("{totals}"));
        self.verdict(&totals, captured)
    }

    fn verdict(self, totals: &Totals, captured: State) -> Result<Exit> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        totals.check()?;
        if captured == State::Failed {
            return Ok(Exit::Failed);
        }
        let lost = totals.lost > 0 && self.config.strict;
        Ok(if lost { Exit::Lost } else { Exit::Done })
    }
}

fn output(config: &Config, start: &Start) -> Output {
    if config.write.as_ref().is_some_and(Write::is_stdout) {
        return Output::Nothing;
    }
    let (utc, local) = (Clock::utc(start.anchor), Clock::local(start.anchor, start.utc_offset_s));
    match config.format {
        Format::Table { wide } => Output::Table(Table::new(local, wide)),
        Format::Json => Output::Json(Box::new(Json::new(utc))),
        Format::Top => Output::Top(Box::default()),
        Format::Hist { split, json } => {
            let form = if json { Form::Json(utc) } else { Form::Text(local) };
            Output::Hist(Box::new(Hist::new(split, form, config.intervals.is_some())))
        }
    }
}

/// Losses that people have not been told of.
#[derive(Default)]
struct Losses {
    count: u64,
    told: Option<Instant>,
}

impl Losses {
    const fn add(&mut self, count: u64) {
        self.count += count;
    }

    /// Tells of losses, but not all the time.
    fn tell(&mut self, source: Source) {
        if self.count == 0 || self.told.is_some_and(|told| told.elapsed() < LOSS_NOTE_INTERVAL) {
            return;
        }
        let why = match source {
            Source::Ring => "the ring was full, or the kernel skipped a probe; see --ring",
            Source::Capture => "the capture never had them",
        };
        say(format_args!("lost {} messages: {why}", self.count));
        *self = Self { count: 0, told: Some(Instant::now()) };
    }
}
