//! Attaching the probes, as soon as there is something to attach to.

use std::time::Duration;

use anyhow::{Context as _, Result};
use thiserror::Error;

use super::{
    config::Config,
    facts::{self, Host, Resolved},
    kernel::{Counting, Probes, Recording, Setup, ring::Ring},
    say,
    stop::Stop,
};
use crate::engine::{
    filter::Filter,
    plan::{Attachment, DmMod, Plan, Point, Probe, Refusal, Rung, plan},
};

/// How often dm_mod is looked for while it is not loaded.
const MODULE_POLL: Duration = Duration::from_millis(20);

/// The plan could not be carried out.
#[derive(Clone, Copy, Debug, Error)]
#[error("cannot attach the probes")]
pub struct CannotAttach;

/// Waits until dm_mod is loaded, if it is not; `None` where the run was ended before.
///
/// # Errors
/// Tracing cannot work on this kernel, or the kernel cannot be looked at.
pub async fn wait_for_device_mapper(
    probe: Probe,
    stop: &mut Stop,
) -> Result<Option<(Host, Attachment)>> {
    let mut told = false;
    loop {
        let host = look(probe)?;
        if let Plan::Attach(attachment) = plan(&host.facts, probe)? {
            return Ok(Some((host, attachment)));
        }
        if !told {
            say(format_args!("waiting for dm_mod, which is not loaded; Ctrl-C ends"));
            told = true;
        }
        while facts::dm_mod() == DmMod::Absent {
            if stop.within(MODULE_POLL).await {
                return Ok(None);
            }
        }
    }
}

/// Looks at the kernel; at its symbols only where its BTF does not tell enough.
fn look(probe: Probe) -> Result<Host> {
    let host = Host::look(probe != Probe::Auto)?;
    match plan(&host.facts, probe) {
        Err(Refusal::NoRung { .. }) => Host::look(true),
        _ => Ok(host),
    }
}

/// Attaches on a rung; if the kernel refuses it and the user has no wish, on the next.
///
/// # Errors
/// The kernel refuses every rung that there is to try.
pub fn climb<P>(
    probe: Probe,
    wanted: Attachment,
    host: Host,
    attach: impl Fn(Attachment, &Host) -> Result<P>,
) -> Result<(P, Rung)> {
    let refusal = match attach(wanted, &host) {
        Ok(probes) => return Ok((probes, wanted.rung)),
        Err(refusal) => refusal,
    };
    let [first, second] = host.facts.order();
    if probe != Probe::Auto || wanted.rung != first {
        return Err(refusal);
    }
    drop(host);
    let host = Host::look(true)?;
    let Ok(Plan::Attach(next)) = plan(&host.facts, Probe::Only(second)) else {
        return Err(refusal);
    };
    say(format_args!("{} was refused, trying {}: {refusal:#}", first.name(), second.name()));
    Ok((attach(next, &host)?, next.rung))
}

/// Attaches the probes that record.
///
/// # Errors
/// The kernel refuses a map, a program or an attachment.
pub fn recording(config: &Config, attachment: Attachment, host: &Host) -> Result<(Probes, Ring)> {
    let page_bytes = u32::try_from(rustix::param::page_size()).context("size of a page")?;
    let how = Recording {
        // A capture may be shown in any way.
        handlers: attachment.handlers && (config.format.shows_handler() || config.write.is_some()),
        ring_bytes: config.ring.bytes(page_bytes),
    };
    let (probes, records) =
        with_setup(&config.filter, attachment, host, |setup| Probes::attach(setup, how))?;
    Ok((probes, Ring::new(records)?))
}

/// Attaches the probes that count, on so many devices apart, if any.
///
/// # Errors
/// As [`recording`].
pub fn counting(
    filter: &Filter,
    per_device: u32,
    attachment: Attachment,
    host: &Host,
) -> Result<Counting> {
    with_setup(filter, attachment, host, |setup| Counting::attach(setup, per_device))
}

fn with_setup<P>(
    filter: &Filter,
    attachment: Attachment,
    host: &Host,
    attach: impl FnOnce(&Setup<'_>) -> Result<P>,
) -> Result<P> {
    let Resolved { layout, rdonly_cast, function_ids } = host.resolve()?;
    let wanted = |point: &Point| *point != Point::ControlIoctl || filter.ioctls;
    let mut points: Vec<_> = Point::ALL.into_iter().filter(wanted).collect();
    points.retain(|point| {
        let reached = attachment.reaches(*point);
        if !reached {
            let (function, loss) = (point.function(), point.loss());
            say(format_args!("{function} cannot be probed, {loss} are not seen; see --doctor"));
        }
        reached
    });
    attach(&Setup {
        programs: host.facts.programs(),
        rung: attachment.rung,
        points: &points,
        is_module: host.facts.dm_mod == DmMod::Module,
        function_ids,
        rdonly_cast,
        layout: &layout,
        filter: &filter.kernel_part(),
    })
}
