//! The page's tables.

use std::collections::HashMap;

use dmmsg_common::dm::DevT;

use super::{chart::bars, html::Html};
use crate::engine::{
    groups::IOCTL,
    metrics::{ProbeState, Series, Snapshot, device_label, errno_label, type_label},
};

/// A column: its title, and the class of its cells.
type Column = (&'static str, &'static str);

const TYPE: Column = ("Target type", "");
const VERB: Column = ("Verb", "");
const INTERFACE: Column = ("Interface", "");
const COMMAND: Column = ("Command", "");
const CALLS: Column = ("Calls", "n");
const FAILED: Column = ("Failed", "n");
const P50: Column = ("p50", "n");
const P99: Column = ("p99", "n");
const MAX: Column = ("Max", "n");
const LATENCY: Column = ("Latency", "h");
const PROBE: Column = ("Probe", "");
const RUNG: Column = ("Attached by", "");
const HITS: Column = ("Calls", "n");
const RUN: Column = ("Time in all", "n");
const DEVICE: Column = ("Device", "");
const NAME: Column = ("Name", "");

/// Of each verb on each type of target.
pub fn latency(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section id=\"messages\">\n<h2>Messages</h2>\n");
    let mut messages = of(snapshot, false).peekable();
    if messages.peek().is_none() {
        html.raw("<p class=\"faint\">No message has returned yet.</p>\n</section>\n");
        return;
    }
    head(html, &[TYPE, VERB, INTERFACE, CALLS, FAILED, P50, P99, MAX, LATENCY]);
    for series in messages {
        html.raw("<tr>");
        name(html, type_label(series.kind.target_type).as_bytes());
        cell(html, VERB).text(series.kind.verb).raw("</td>");
        cell(html, INTERFACE).text(series.kind.interface).raw("</td>");
        numbers(html, series);
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table>\n</section>\n");
}

/// Of each ioctl to the control node, if there was one.
pub fn ioctls(html: &mut Html, snapshot: &Snapshot) {
    if of(snapshot, true).next().is_none() {
        return;
    }
    html.raw("<section id=\"ioctls\">\n<h2>Ioctls to the control node</h2>\n");
    head(html, &[COMMAND, CALLS, FAILED, P50, P99, MAX, LATENCY]);
    for series in of(snapshot, true) {
        html.raw("<tr>");
        name(html, series.kind.verb.as_bytes());
        numbers(html, series);
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table>\n</section>\n");
}

fn of(snapshot: &Snapshot, are_ioctls: bool) -> impl Iterator<Item = &Series> {
    snapshot.series.iter().filter(move |series| (series.kind.interface == IOCTL) == are_ioctls)
}

/// Each probe that is wanted.
pub fn probes(html: &mut Html, snapshot: &Snapshot) {
    html.raw("<section id=\"probes\">\n<h2>Probes</h2>\n");
    head(html, &[PROBE, RUNG, HITS, RUN]);
    for ProbeState { name: probe, rung, attached, hits, run_ns } in &snapshot.probes {
        html.raw("<tr>");
        name(html, probe.as_bytes());
        cell(html, RUNG);
        if *attached {
            html.text(rung);
        } else {
            html.raw("<span class=\"bad\">not attached</span>");
        }
        html.raw("</td>");
        cell(html, HITS);
        match hits {
            Some(hits) => html.number(*hits),
            None => html.raw("<span class=\"faint\">not counted</span>"),
        };
        html.raw("</td>");
        cell(html, RUN);
        match run_ns {
            Some(ns) => html.duration(*ns),
            None => html.raw("<span class=\"faint\">not measured</span>"),
        };
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table>\n</section>\n");
}

/// Each device, where devices are told apart.
pub fn devices(html: &mut Html, snapshot: &Snapshot) {
    if snapshot.by_device.is_empty() {
        return;
    }
    html.raw("<section id=\"devices\">\n<h2>Devices</h2>\n");
    head(html, &[DEVICE, NAME, CALLS]);
    for (dev, calls) in calls_by_device(snapshot) {
        html.raw("<tr>");
        name(html, device_label(dev).as_bytes());
        cell(html, NAME);
        let named = snapshot.devices.iter().find(|(of, _)| Some(*of) == dev);
        html.bytes(named.map_or(b"", |(_, name)| name)).raw("</td>");
        cell(html, CALLS).number(calls).raw("</td></tr>\n");
    }
    html.raw("</tbody></table>\n</section>\n");
}

/// Calls that are messages, by device, in the order in which devices were first told of.
fn calls_by_device(snapshot: &Snapshot) -> Vec<(Option<DevT>, u64)> {
    let mut places = HashMap::new();
    let mut calls: Vec<(Option<DevT>, u64)> = Vec::new();
    for (dev, _, count) in snapshot.by_device.iter().filter(|(_, kind, _)| kind.interface != IOCTL)
    {
        let at = *places.entry(*dev).or_insert(calls.len());
        match calls.get_mut(at) {
            Some((_, all)) => *all += count,
            None => calls.push((*dev, *count)),
        }
    }
    calls
}

fn head(html: &mut Html, columns: &[Column]) {
    html.raw("<table><thead><tr>");
    for (title, class) in columns {
        html.raw("<th scope=\"col\" class=\"").raw(class).raw("\">");
        if *class == LATENCY.1 {
            html.raw(
                "<span class=\"scale\"><span>1 us</span><span>1 ms</span><span>1 s</span></span>",
            );
        } else {
            html.raw(title);
        }
        html.raw("</th>");
    }
    html.raw("</tr></thead><tbody>\n");
}

/// Writes the cell that a row is known by.
fn name(html: &mut Html, name: &[u8]) {
    html.raw("<th scope=\"row\">").bytes(name).raw("</th>");
}

/// Starts a cell.
fn cell(html: &mut Html, (title, class): Column) -> &mut Html {
    html.raw("<td class=\"").raw(class).raw("\" data-of=\"").raw(title).raw("\">")
}

fn numbers(html: &mut Html, Series { latency, errors, .. }: &Series) {
    cell(html, CALLS).number(latency.count()).raw("</td>");
    cell(html, FAILED).raw("<span>").number(errors.iter().map(|(_, count)| count).sum());
    if !errors.is_empty() {
        html.raw("<small>");
        let mut comma = "";
        for (errno, count) in errors {
            html.raw(comma).text(errno_label(*errno)).raw(" ").text(count);
            comma = ", ";
        }
        html.raw("</small>");
    }
    html.raw("</span></td>");
    cell(html, P50).duration(latency.quantile(500)).raw("</td>");
    cell(html, P99).duration(latency.quantile(990)).raw("</td>");
    cell(html, MAX).duration(latency.max()).raw("</td>");
    cell(html, LATENCY);
    bars(html, latency);
    html.raw("</td>");
}
