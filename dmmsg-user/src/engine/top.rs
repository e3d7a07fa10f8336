//! What is busy, slow or failing right now: the rows that a screen shows.

use std::cmp::Reverse;

use dmmsg_common::dm::COMM_LEN;

use super::{
    event::Event,
    groups::{Group, Groups, Split},
    histogram::Histogram,
};

/// Messages in flight that are kept for a screen; all are counted.
const HANGING: usize = 64;

/// Counts calls by device, type of target and verb, a tick after the other.
#[derive(Debug)]
pub struct Top {
    groups: Groups<Traffic>,
    hanging: Vec<Hanging>,
    hanging_count: u64,
    order: Order,
}

/// What one group does.
#[derive(Debug, Default)]
pub struct Traffic {
    latency: Histogram,
    errors: u64,
    /// Calls since the last tick.
    recent: u64,
    /// Tenths of a call a second, in the last tick.
    rate_tenths: u64,
    last: Option<Sender>,
}

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Process id, in the initial namespace.
    pub pid: u32,
    /// Command name, zero-padded.
    pub comm: [u8; COMM_LEN],
}

/// A message that has not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hanging {
    /// How long it has been in flight, in ns.
    pub age_ns: u64,
    /// Who sent it.
    pub sender: Sender,
    /// Name of its device; empty where it is not known.
    pub device: Vec<u8>,
    /// What was captured of its text, without secrets.
    pub text: Vec<u8>,
}

/// A group's row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Which device, type of target and verb.
    pub group: Group<'a>,
    /// Tenths of a call a second, in the last tick.
    pub rate_tenths: u64,
    /// Calls that failed, since the start.
    pub errors: u64,
    /// Latencies since the start, in ns.
    pub latency: &'a Histogram,
    /// Who sent the last one.
    pub last: Option<Sender>,
}

/// What rows are ordered by, the highest value first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Calls a second.
    #[default]
    Rate,
    /// Calls that failed.
    Errors,
    /// The latency that one call in a hundred exceeds.
    P99,
    /// The highest latency.
    Max,
}

impl Order {
    /// All orders, and the key that chooses each.
    pub const ALL: [(Self, char); 4] =
        [(Self::Rate, 'r'), (Self::Errors, 'e'), (Self::P99, 'p'), (Self::Max, 'm')];
}

impl Default for Top {
    fn default() -> Self {
        Self {
            groups: Groups::new(Split { by_device: true, by_kind: true }),
            hanging: Vec::new(),
            hanging_count: 0,
            order: Order::default(),
        }
    }
}

impl Top {
    /// Counts a call that returned, or keeps one that is in flight until the next tick.
    pub fn add(&mut self, event: &Event<'_>) {
        let Some(call) = event.call() else { return };
        let sender = Sender { pid: call.pid, comm: call.comm };
        if let Event::Message(message) = event
            && message.is_in_flight()
        {
            self.hanging_count += 1;
            if self.hanging.len() < HANGING {
                self.hanging.push(Hanging {
                    age_ns: call.latency_ns,
                    sender,
                    device: message.name.to_vec(),
                    text: message.text.to_vec(),
                });
            }
            return;
        }
        if let Some(traffic) = self.groups.of(event) {
            traffic.latency.add(call.latency_ns);
            traffic.errors += u64::from(call.ret != 0);
            traffic.recent += 1;
            traffic.last = Some(sender);
        }
    }

    /// Ends a tick that was so long: rates are those of this tick.
    pub fn tick(&mut self, length_ns: u64) {
        for traffic in self.groups.values_mut() {
            let tenths = u128::from(traffic.recent) * 10_000_000_000 / u128::from(length_ns.max(1));
            traffic.rate_tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
            traffic.recent = 0;
        }
    }

    /// Forgets the messages in flight, which are told of anew.
    pub fn forget_hanging(&mut self) {
        self.hanging.clear();
        self.hanging_count = 0;
    }

    /// Orders rows from now on.
    pub const fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// What rows are ordered by.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The rows, the highest first; those that are equal in the order of their groups.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let rows = self.groups.iter().map(|(group, traffic)| Row {
            group,
            rate_tenths: traffic.rate_tenths,
            errors: traffic.errors,
            latency: &traffic.latency,
            last: traffic.last,
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| {
            Reverse(match self.order {
                Order::Rate => row.rate_tenths,
                Order::Errors => row.errors,
                Order::P99 => row.latency.quantile(990),
                Order::Max => row.latency.max(),
            })
        });
        rows
    }

    /// The messages in flight, the oldest first, and how many there are in all.
    pub fn hanging(&self) -> (Vec<&Hanging>, u64) {
        let mut hanging: Vec<_> = self.hanging.iter().collect();
        hanging.sort_by_key(|hanging| Reverse(hanging.age_ns));
        (hanging, self.hanging_count)
    }
}
