//! Writes captures, as pieces that each end with a whole frame.

use std::{collections::HashMap, mem, num::NonZeroU64};

use bytes::{BufMut, Bytes, BytesMut};
use dmmsg_common::stats::Counters;

use super::{
    End, Start, context,
    field::put,
    frame::{self, REQUIRED, end_frame, put_header, start_frame},
    item::{self, NO_SLOT, SLOTS},
};
use crate::engine::{enrich::Context, tally::COUNT_MAX};

/// Bytes at which a frame is ended: what a kill costs at most.
pub const FRAME_BYTES: usize = 64 << 10;
/// Room for the item that fills a frame: most often, a record and no context.
const LAST_ITEM_BYTES: usize = 2 << 10;
/// Bytes that a file must have left for another frame, its last item and the end of the file.
const FRAME_RESERVE: u64 = 80 << 10;

/// Bytes to be written at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether a new file starts with these bytes.
    pub starts_file: bool,
    /// What to write.
    pub bytes: Bytes,
}

/// Turns a run into the pieces of one capture or, with a limit to their size, of several.
#[derive(Debug)]
pub struct Encoder {
    start: Start,
    limit_bytes: Option<NonZeroU64>,
    file_bytes: u64,
    /// The frame that items are added to; empty between frames.
    frame: BytesMut,
    slots: Slots,
    encoded: Vec<u8>,
    /// What became of messages in this file.
    account: Counters,
    /// What became of messages in the files before.
    earlier: Counters,
    ready: Vec<Piece>,
}

impl Encoder {
    /// Starts a capture; once a file has `limit_bytes`, another one is started.
    ///
    /// A file holds one frame at least, however small the limit.
    pub fn new(start: Start, limit_bytes: Option<NonZeroU64>) -> Self {
        let mut encoder = Self {
            start,
            limit_bytes,
            file_bytes: 0,
            frame: BytesMut::new(),
            slots: Slots::default(),
            encoded: Vec::new(),
            account: Counters::default(),
            earlier: Counters::default(),
            ready: Vec::new(),
        };
        encoder.start_file();
        encoder
    }

    /// Adds a record as it came from the ring, and what was known of its sender.
    ///
    /// # Panics
    /// The record is longer than [`Encoder::RECORD_MAX`], as none is that a ring or a capture gives.
    pub fn record(&mut self, record: &[u8], context: Option<&Context<'_>>) {
        self.put_record(record, context);
        self.account.delivered += 1;
        self.end_full_frame();
    }

    /// Adds a record that did not come from the ring, and that the account does not count: of a
    /// message in flight.
    ///
    /// # Panics
    /// As [`Encoder::record`].
    pub fn aside(&mut self, record: &[u8], context: &Context<'_>) {
        self.put_record(record, Some(context));
        self.end_full_frame();
    }

    fn put_record(&mut self, record: &[u8], context: Option<&Context<'_>>) {
        assert!(record.len() <= Self::RECORD_MAX, "the kernel programs write short records");
        self.make_room();
        let slot = context.map_or(NO_SLOT, |context| self.slot(context));
        item::put(&mut self.frame, item::kind::RECORD, slot, record);
    }

    /// Bytes of a record at most.
    pub const RECORD_MAX: usize = item::RECORD_MAX;

    /// Adds that so many messages have been lost since the run began.
    pub fn lost(&mut self, total: u64) {
        let total = total.min(COUNT_MAX);
        self.make_room();
        item::put(&mut self.frame, item::kind::LOST, NO_SLOT, &total.to_le_bytes());
        self.account.lost = total.saturating_sub(self.start.lost_before);
        self.end_full_frame();
    }

    /// Counts a message that is not part of the capture since nobody asked for it.
    pub const fn turn_away(&mut self) {
        self.account.filtered += 1;
    }

    /// Whether there are items that no piece holds yet.
    pub fn is_pending(&self) -> bool {
        !self.frame.is_empty()
    }

    /// Ends the frame that items are added to, if it has any.
    pub fn end_frame(&mut self) {
        if self.is_pending() {
            end_frame(&mut self.frame, 0, frame::kind::ITEMS, REQUIRED);
            self.push(false);
        }
    }

    /// Ends the capture; `run` is the kernel's account of the run.
    pub fn end(&mut self, run: &Counters) {
        self.end_frame();
        let turned_away = self.earlier.filtered + self.account.filtered;
        let account = Counters {
            hits: run.hits.saturating_sub(self.earlier.hits),
            delivered: run.delivered.saturating_sub(turned_away + self.earlier.delivered),
            lost: run.lost.saturating_sub(self.earlier.lost),
            filtered: (run.filtered + turned_away).saturating_sub(self.earlier.filtered),
            over_budget: run.over_budget,
        };
        self.end_file(End { account, goes_on: false });
    }

    /// The pieces that are to be written, oldest first.
    pub fn ready(&mut self) -> impl Iterator<Item = Piece> {
        mem::take(&mut self.ready).into_iter()
    }

    /// Makes sure that another item can be added.
    fn make_room(&mut self) {
        if self.is_pending() {
            return;
        }
        let is_full = self.limit_bytes.is_some_and(|l| self.file_bytes + FRAME_RESERVE > l.get());
        if is_full && self.account != Counters::default() {
            self.next_file();
        }
        // A frame that the writer is done with lends its memory again.
        self.frame.reserve(FRAME_BYTES + LAST_ITEM_BYTES);
        start_frame(&mut self.frame);
    }

    fn end_full_frame(&mut self) {
        if self.frame.len() >= FRAME_BYTES {
            self.end_frame();
        }
    }

    /// Number of the slot that holds a context, which is added if none does.
    fn slot(&mut self, context: &Context<'_>) -> u16 {
        self.encoded.clear();
        context::write(&mut self.encoded, context);
        let (slot, is_new) = self.slots.place(&self.encoded);
        if is_new {
            item::put(&mut self.frame, item::kind::CONTEXT, slot, &self.encoded);
        }
        slot
    }

    fn next_file(&mut self) {
        let mut account = mem::take(&mut self.account);
        account.hits = account.delivered + account.lost + account.filtered;
        self.earlier.add(&account);
        self.start.lost_before += account.lost;
        self.end_file(End { account, goes_on: true });
        self.start_file();
    }

    fn start_file(&mut self) {
        let Start { anchor, utc_offset_s, lost_before, kernel, program } = &self.start;
        let out = &mut self.frame;
        put_header(out);
        let at = start_frame(out);
        out.put_i64_le(anchor.wall_ns_at_boot_zero);
        out.put_u64_le(*lost_before);
        out.put_i32_le(*utc_offset_s);
        put(out, start_tag::KERNEL, Some(kernel));
        put(out, start_tag::PROGRAM, Some(program));
        end_frame(out, at, frame::kind::START, REQUIRED);
        self.slots = Slots::default();
        self.file_bytes = 0;
        self.push(true);
    }

    fn end_file(&mut self, End { account, goes_on }: End) {
        let out = &mut self.frame;
        let at = start_frame(out);
        let Counters { hits, delivered, lost, filtered, over_budget } = account;
        for count in [hits, delivered, lost, filtered, over_budget, u64::from(goes_on)] {
            out.put_u64_le(count);
        }
        end_frame(out, at, frame::kind::END, REQUIRED);
        self.push(false);
    }

    fn push(&mut self, starts_file: bool) {
        let bytes = self.frame.split().freeze();
        self.file_bytes += bytes.len() as u64;
        self.ready.push(Piece { starts_file, bytes });
    }
}

/// Tags of the fields of a start frame.
pub mod start_tag {
    pub const KERNEL: u8 = 1;
    pub const PROGRAM: u8 = 2;
}

/// Contexts that the file holds, by their bytes; when all slots are taken, the oldest goes.
#[derive(Debug, Default)]
struct Slots {
    /// The slot used last, which most often is the next one too.
    last: u16,
    next: u16,
    contexts: Vec<Vec<u8>>,
    by_context: HashMap<Vec<u8>, u16>,
}

impl Slots {
    /// The slot of a context, and whether it was just given to it.
    fn place(&mut self, context: &[u8]) -> (u16, bool) {
        if self.contexts.get(usize::from(self.last)).is_some_and(|last| last == context) {
            return (self.last, false);
        }
        if let Some(slot) = self.by_context.get(context) {
            self.last = *slot;
            return (*slot, false);
        }
        self.last = self.next;
        self.next = (self.next + 1) % SLOTS;
        match self.contexts.get_mut(usize::from(self.last)) {
            Some(old) => {
                self.by_context.remove(old);
                context.clone_into(old);
            }
            None => self.contexts.push(context.to_vec()),
        }
        self.by_context.insert(context.to_vec(), self.last);
        (self.last, true)
    }
}
