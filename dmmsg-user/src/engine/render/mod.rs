//! Events as bytes for people and programs, by events and configuration alone.

mod duration;
pub mod hist;
pub mod json;
mod line;
pub mod page;
mod short;
pub mod table;
pub mod top;

use super::{enrich::Context, event::Event, tally::Totals, top::Top};
use hist::Hist;
use json::Json;
use table::Table;

/// The output that the user chose; each method appends what goes to the data stream.
///
/// Bad records, losses and totals are data in JSON only: the caller tells people of them apart.
#[derive(Debug)]
pub enum Output {
    /// Columns for people.
    Table(Table),
    /// One object a line.
    Json(Box<Json>),
    /// Histograms of latency, at the end or when they are asked for.
    Hist(Box<Hist>),
    /// A screen, which somebody else draws.
    Top(Box<Top>),
    /// Nothing, since a capture takes its place.
    Nothing,
}

impl Output {
    /// Whether [`Output::event`] shows what [`Context`] holds.
    pub const fn wants_context(&self) -> bool {
        match self {
            Self::Table(table) => table.is_wide(),
            Self::Json(_) => true,
            Self::Hist(_) | Self::Top(_) | Self::Nothing => false,
        }
    }

    /// Appends what stands before the first event.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        if let Self::Table(table) = self {
            table.header(out);
        }
    }

    /// Appends an event.
    pub fn event(&mut self, out: &mut Vec<u8>, event: &Event<'_>, context: Context<'_>) {
        match (self, event) {
            (Self::Table(table), Event::Message(message)) => table.message(out, message, context),
            (Self::Table(table), Event::Direct(direct)) => table.direct(out, direct, context),
            (Self::Table(table), Event::Ioctl(ioctl)) => table.ioctl(out, ioctl, context),
            (Self::Table(_), Event::Bad(_)) | (Self::Nothing, _) => {}
            (Self::Hist(hist), event) => hist.add(event),
            (Self::Top(top), event) => top.add(event),
            (Self::Json(json), Event::Message(message)) => json.message(out, message, context),
            (Self::Json(json), Event::Direct(direct)) => json.direct(out, direct, context),
            (Self::Json(json), Event::Ioctl(ioctl)) => json.ioctl(out, ioctl, context),
            (Self::Json(_), Event::Bad(bad)) => json::bad_record(out, *bad),
        }
    }

    /// Appends that messages were lost before the next event.
    pub fn lost(&self, out: &mut Vec<u8>, count: u64) {
        if self.is_json() {
            json::lost(out, count);
        }
    }

    /// Appends what was counted in an interval that ends at `until_boot_ns`, where that is shown.
    pub fn interval(&mut self, out: &mut Vec<u8>, until_boot_ns: u64) {
        if let Self::Hist(hist) = self {
            hist.interval(out, until_boot_ns);
        }
    }

    /// Appends what stands behind the last event.
    pub fn end(&mut self, out: &mut Vec<u8>, totals: &Totals) {
        if let Self::Hist(hist) = self {
            hist.end(out);
        }
        if self.is_json() {
            json::stats(out, totals);
        }
    }

    /// Whether each line is a JSON object.
    const fn is_json(&self) -> bool {
        match self {
            Self::Json(_) => true,
            Self::Hist(hist) => hist.is_json(),
            Self::Table(_) | Self::Top(_) | Self::Nothing => false,
        }
    }
}
