//! Histograms as JSON, one a line.

use dmmsg_common::dm::DevT;

use super::super::json::object::Object;
use crate::engine::{
    clock::Clock,
    groups::{Device, Group, Groups},
    histogram::Histogram,
    render::short::Short,
};

/// Appends all histograms.
pub fn show(
    out: &mut Vec<u8>,
    groups: &Groups<Histogram>,
    clock: &mut Clock,
    until_boot_ns: Option<u64>,
) {
    for (group, histogram) in groups.iter() {
        let mut line = Object(out);
        line.raw(br#"{"schema":"dmmsg/1","type":"hist","time":"#);
        match until_boot_ns {
            Some(until) => line.raw(b"\"").raw(&clock.rfc3339(until)).raw(b"\""),
            None => line.null(),
        };
        line.raw(br#","of":"latency","unit":"ns""#);
        subject(&mut line, &group);
        values(&mut line, histogram);
        line.raw(b"}\n");
    }
}

fn subject(line: &mut Object<'_>, group: &Group<'_>) {
    line.raw(br#","dm":"#);
    match group.device {
        None => line.null(),
        Some(Device::Other) => line.raw(br#"{"dev":null,"name":"_other"}"#),
        Some(Device::Known(dev, name)) => {
            line.raw(br#"{"dev":"#);
            match dev {
                DevT(0) => line.null(),
                dev => line.raw(b"\"").short(Short::dev(dev)).raw(b"\""),
            };
            line.raw(br#","name":"#);
            line.text(Some(name).filter(|name| !name.is_empty())).raw(b"}")
        }
    };
    line.raw(br#","msg":"#);
    let Some(kind) = group.kind else {
        line.null();
        return;
    };
    line.raw(br#"{"interface":"#).text(Some(kind.interface.as_bytes()));
    line.raw(br#","target_type":"#).text(kind.target_type.map(str::as_bytes));
    line.raw(br#","tag":"#).text(Some(kind.verb.as_bytes())).raw(b"}");
}

fn values(line: &mut Object<'_>, histogram: &Histogram) {
    line.raw(br#","count":"#).number(histogram.count());
    line.raw(br#","mean":"#).number(histogram.mean());
    line.raw(br#","p50":"#).number(histogram.quantile(500));
    line.raw(br#","p90":"#).number(histogram.quantile(900));
    line.raw(br#","p99":"#).number(histogram.quantile(990));
    line.raw(br#","max":"#).number(histogram.max());
    line.raw(br#","buckets":["#);
    let start = line.0.len();
    for span in histogram.buckets() {
        line.comma_since(start).raw(br#"{"ge":"#).number(span.ge);
        line.raw(br#","lt":"#).optional(span.lt);
        line.raw(br#","count":"#).number(span.count).raw(b"}");
    }
    line.raw(b"]");
}
