//! The story of an ioctl to the control node that is counted and is no message to a target.

use aya_ebpf::macros::map;
use dmmsg_common::{
    count::{Begun, IOCTL_RESUME},
    dm::{Cmd, IOCTL_TYPE, SUSPEND_FLAG, SUSPEND_NR, TARGET_MSG_NR, ioctl_header},
};

use super::catalogue::{self, count};
use crate::kernel::{
    flights::{self, Flight},
    task::{self, Arguments, Return, Task},
    totals::Total,
    user_memory::read_user,
};

/// An ioctl in flight. All zero is a valid value.
#[repr(C)]
pub struct Counted {
    begun: Begun,
    /// Its number, or [`IOCTL_RESUME`].
    number: u32,
    /// A message came of it, which counts itself.
    is_message: u32,
}

/// Ioctls in flight.
#[map]
static IOCTLS: flights::Table<Counted> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for Counted {
    const PLACES: u32 = 512;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &IOCTLS
    }

    #[inline(always)]
    fn abandon(&mut self) {
        // The next call has no start yet.
        self.begun.boot_ns = 0;
        if self.number != TARGET_MSG_NR {
            count(Total::Lost);
        }
    }
}

/// Entry of `ctl_ioctl(file, command, user)`.
#[inline(always)]
pub fn begins(hook: &impl Arguments) {
    let cmd = Cmd(hook.number(1).unwrap_or(0) as u32);
    let user = hook.number(2).unwrap_or(0);
    if cmd.kind() != IOCTL_TYPE {
        return;
    }
    // Whether that one is a message shows later.
    let counts_now = cmd.number() != TARGET_MSG_NR;
    if counts_now {
        count(Total::Control);
    }
    let Some(flight) = flights::take_off::<Counted>(&Task::by_id()) else {
        if counts_now {
            count(Total::Lost);
        }
        return;
    };
    flight.is_message = 0;
    flight.number = match cmd.number() {
        SUSPEND_NR if resumes(user) => IOCTL_RESUME,
        // No command has this number; it counts as all beyond.
        IOCTL_RESUME => u32::MAX,
        number => number,
    };
    flight.begun.boot_ns = task::boot_ns();
}

/// Whether the ioctl that suspends, and has one number for both, resumes.
#[inline(always)]
fn resumes(user: u64) -> bool {
    read_user::<u32>(user + ioctl_header::FLAGS).unwrap_or(0) & SUSPEND_FLAG == 0
}

/// The task's ioctl has come to `target_message`.
#[inline(always)]
pub fn is_message(task: &Task) {
    if let Some(flight) = flights::find::<Counted>(task) {
        flight.is_message = 1;
    }
}

/// Return of `ctl_ioctl`: it counts.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<Counted>(&Task::by_id()) else { return };
    if flight.is_message == 0 {
        if flight.number == TARGET_MSG_NR {
            // A message that never came to its target: it ends here, so it counts from here.
            count(Total::Control);
        }
        let latency_ns = now.saturating_sub(flight.begun.boot_ns);
        let series = catalogue::series_of_control(flight.number);
        catalogue::count_return(series, latency_ns, hook.value(3));
    }
    flight.begun.boot_ns = 0;
    flights::land(flight);
}
