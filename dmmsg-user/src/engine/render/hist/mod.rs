//! Histograms of latency, for people and as JSON.

mod json;
mod text;

use crate::engine::{
    clock::Clock,
    event::Event,
    groups::{Groups, Kind, Split},
    histogram::Histogram,
};

/// Counts messages and direct ioctls by latency, and shows the counts when it is asked to.
#[derive(Debug)]
pub struct Hist {
    groups: Groups<Histogram>,
    form: Form,
    /// Whether intervals are shown, and not the whole run.
    has_intervals: bool,
}

/// How histograms are shown.
#[derive(Clone, Debug)]
pub enum Form {
    /// As bars for people, with local time.
    Text(Clock),
    /// As JSON, one histogram a line, with UTC.
    Json(Clock),
}

impl Hist {
    /// Nothing counted yet.
    pub fn new(split: Split, form: Form, has_intervals: bool) -> Self {
        Self { groups: Groups::new(split), form, has_intervals }
    }

    /// Whether it is shown as JSON.
    pub const fn is_json(&self) -> bool {
        matches!(self.form, Form::Json(_))
    }

    /// Counts what returned.
    pub fn add(&mut self, event: &Event<'_>) {
        let Some(call) = event.call().filter(|_| !event.is_in_flight()) else { return };
        if let Some(histogram) = self.groups.of(event) {
            histogram.add(call.latency_ns);
        }
    }

    /// Adds what was counted elsewhere of one kind of call.
    pub fn add_counted(&mut self, kind: Kind, latencies: &Histogram) {
        self.groups.of_kind(kind).merge(latencies);
    }

    /// Appends what was counted in an interval, and starts the next one.
    ///
    /// `until_boot_ns` is the `CLOCK_BOOTTIME` at its end, in ns.
    pub fn interval(&mut self, out: &mut Vec<u8>, until_boot_ns: u64) {
        self.show(out, Some(until_boot_ns));
        self.groups.clear();
    }

    /// Appends what was counted in a run without intervals.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.has_intervals {
            self.show(out, None);
        }
    }

    fn show(&mut self, out: &mut Vec<u8>, until_boot_ns: Option<u64>) {
        match &mut self.form {
            Form::Text(clock) => text::show(out, &self.groups, clock, until_boot_ns),
            Form::Json(clock) => json::show(out, &self.groups, clock, until_boot_ns),
        }
    }
}
