//! Events as bytes for people and programs, by events and configuration alone.

pub mod json;
mod line;
mod short;
pub mod table;

use super::{enrich::Context, event::Event, tally::Totals};
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
    /// Nothing, since a capture takes its place.
    Nothing,
}

impl Output {
    /// Whether [`Output::event`] shows what [`Context`] holds.
    pub const fn wants_context(&self) -> bool {
        match self {
            Self::Table(table) => table.is_wide(),
            Self::Json(_) => true,
            Self::Nothing => false,
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
            (Self::Json(json), Event::Message(message)) => json.message(out, message, context),
            (Self::Json(json), Event::Direct(direct)) => json.direct(out, direct, context),
            (Self::Json(json), Event::Ioctl(ioctl)) => json.ioctl(out, ioctl, context),
            (Self::Json(_), Event::Bad(bad)) => json::bad_record(out, *bad),
        }
    }

    /// Appends that messages were lost before the next event.
    pub fn lost(&self, out: &mut Vec<u8>, count: u64) {
        if let Self::Json(_) = self {
            json::lost(out, count);
        }
    }

    /// Appends what stands behind the last event.
    pub fn end(&self, out: &mut Vec<u8>, totals: &Totals) {
        if let Self::Json(_) = self {
            json::stats(out, totals);
        }
    }
}
