//! Which messages the user asked for.
//!
//! Whatever can be compared in the kernel is; only patterns are left to user space.

mod value;

use std::time::Duration;

use dmmsg_common::{
    dm::{COMM_LEN, TYPE_NAME_LEN},
    filter::{KernelFilter, bit},
};

pub use self::value::{Device, FilterError, Padded, Verb};
use super::event::{Event, until_nul};

/// What the user asked for: all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The device.
    pub device: Option<Device>,
    /// The target's type.
    pub target_type: Option<Padded<TYPE_NAME_LEN>>,
    /// The canonical verb.
    pub verb: Option<Verb>,
    /// The sender's process id.
    pub pid: Option<u32>,
    /// The sender's real user id.
    pub uid: Option<u32>,
    /// The sender's command name.
    pub comm: Option<Padded<COMM_LEN>>,
    /// The message failed.
    pub failed: bool,
    /// The message took this long at least.
    pub min_latency: Option<Duration>,
    /// Ioctls to the control node are wanted besides messages.
    pub ioctls: bool,
}

impl Filter {
    /// Whether it turns nothing away, but for ioctls that are not wanted at all.
    pub fn is_open(&self) -> bool {
        self.device.is_none() && self.kernel_part().bits & !bit::IOCTLS == 0
    }

    /// What the kernel can decide.
    pub fn kernel_part(&self) -> KernelFilter {
        let mut kernel = KernelFilter::ALL;
        if let Some(pid) = self.pid {
            kernel.bits |= bit::PID;
            kernel.pid = pid;
        }
        if let Some(uid) = self.uid {
            kernel.bits |= bit::UID;
            kernel.uid = uid;
        }
        if let Some(Padded(comm)) = self.comm {
            kernel.bits |= bit::COMM;
            kernel.comm = comm;
        }
        if let Some(Padded(target_type)) = self.target_type {
            kernel.bits |= bit::TARGET_TYPE;
            kernel.target_type = target_type;
        }
        if let Some(Verb(verb)) = self.verb {
            kernel.bits |= bit::VERB;
            kernel.verb = verb;
        }
        if let Some(latency) = self.min_latency {
            kernel.bits |= bit::MIN_LATENCY;
            kernel.min_latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        }
        if self.failed {
            kernel.bits |= bit::FAILED;
        }
        if self.ioctls {
            kernel.bits |= bit::IOCTLS;
        }
        if let Some(device) = &self.device {
            device.ask(&mut kernel);
        }
        kernel
    }

    /// Whether an event that the kernel let pass is one the user asked for.
    pub fn admits(&self, event: &Event<'_>) -> bool {
        let device = match &self.device {
            Some(Device::Pattern(glob)) => event.names().iter().any(|name| glob.matches(name)),
            _ => true,
        };
        device && self.admits_verb(event)
    }

    /// Whether the verb is asked for, of an event whose verb the kernel does not compare.
    fn admits_verb(&self, event: &Event<'_>) -> bool {
        match (event, &self.verb) {
            (Event::Ioctl(_), Some(wanted)) => event.verb().is_some_and(|verb| wanted.is(verb)),
            _ => true,
        }
    }

    /// Whether an event that no filter has seen is one the user asked for: all that the kernel
    /// decides by [`Filter::kernel_part`], and [`Filter::admits`].
    ///
    /// Control ioctls are shown if the capture has them, whatever [`Filter::ioctls`] says.
    pub fn admits_unfiltered(&self, event: &Event<'_>) -> bool {
        let Some(call) = event.call() else { return true };
        let latency_ns = u128::from(call.latency_ns);
        self.pid.is_none_or(|pid| pid == call.pid)
            && self.uid.is_none_or(|uid| uid == call.uid)
            && self.comm.is_none_or(|comm| comm.is(until_nul(&call.comm)))
            && self.target_type.is_none_or(|name| event.target_type().is_some_and(|of| name.is(of)))
            && self.verb.is_none_or(|verb| event.verb().is_some_and(|of| verb.is(of)))
            && (event.is_in_flight() || !self.failed || call.ret < 0)
            && (event.is_in_flight()
                || self.min_latency.is_none_or(|least| latency_ns >= least.as_nanos()))
            && self.device.as_ref().is_none_or(|device| device.is_of(event))
            && self.admits(event)
    }
}
