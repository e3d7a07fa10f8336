//! Events as bytes for people and programs, by events and configuration alone.

pub mod json;
mod line;
mod short;
pub mod table;

use super::{
    enrich::Context,
    event::{BadRecord, Message},
    tally::Totals,
};
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
    Json(Json),
    /// Nothing, since a capture takes its place.
    Nothing,
}

impl Output {
    /// Whether [`Output::message`] shows what [`Context`] holds.
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

    /// Appends a message.
    pub fn message(&mut self, out: &mut Vec<u8>, message: &Message<'_>, context: Context<'_>) {
        match self {
            Self::Table(table) => table.message(out, message, context),
            Self::Json(json) => json.message(out, message, context),
            Self::Nothing => {}
        }
    }

    /// Appends a record that could not be read.
    pub fn bad_record(&self, out: &mut Vec<u8>, bad: BadRecord) {
        if let Self::Json(_) = self {
            json::bad_record(out, bad);
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
