//! Who suspended which device, as far as control ioctls were shown.

use std::collections::HashMap;

use dmmsg_common::{
    dm::{COMM_LEN, DevT},
    record::flag,
};

use super::{event::Message, ioctl::Ioctl};

/// Devices remembered at most, far more than are suspended at a time.
const DEVICES: usize = 1 << 14;

/// Devices that are suspended, and by whom; beyond a bound, further ones are not remembered.
#[derive(Debug, Default)]
pub struct Suspensions(HashMap<DevT, Suspension>);

/// A suspension that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// When it was asked for: `CLOCK_BOOTTIME` in ns.
    pub since_boot_ns: u64,
    /// Process id of who asked for it.
    pub pid: u32,
    /// Command name of who asked for it, zero-padded.
    pub comm: [u8; COMM_LEN],
}

impl Suspensions {
    /// Takes note of an ioctl that may have suspended or resumed a device, or removed it.
    pub fn note(&mut self, ioctl: &Ioctl<'_>) {
        let call = &ioctl.head.call;
        if call.ret != 0 {
            return;
        }
        if ioctl.verb() == Some("remove_all") {
            self.0.clear();
        }
        let (Some(verb), Some(dev)) = (ioctl.verb(), ioctl.dev()) else { return };
        match verb {
            "suspend" if self.0.len() < DEVICES => {
                let (since_boot_ns, pid, comm) = (call.boot_ns, call.pid, call.comm);
                // Who suspends what is suspended changes nothing.
                self.0.entry(dev).or_insert(Suspension { since_boot_ns, pid, comm });
            }
            // A device that is new has the number of one that is gone.
            "resume" | "remove" | "create" => drop(self.0.remove(&dev)),
            _ => {}
        }
    }

    /// The suspension that a message met; `None` if its device was not suspended, or nobody was seen
    /// to suspend it.
    pub fn met_by(&self, message: &Message<'_>) -> Option<&Suspension> {
        let met = self.0.get(&message.dev()?)?;
        let is_suspended = message.has(flag::SUSPENDED);
        (is_suspended && met.since_boot_ns <= message.head.call.boot_ns).then_some(met)
    }
}
