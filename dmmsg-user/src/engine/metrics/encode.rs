//! A snapshot's bytes in each format.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, MetricEncoder, NativeHistogram, NativeHistogramBuckets, NoLabelSet,
        prometheus_protobuf, prometheus_text, text,
    },
    metrics::MetricType,
    registry::{Registry, Unit},
};
use thiserror::Error;

use super::{
    buckets::{Bounds, NANOSECONDS},
    format::Format,
    native::{SCHEMA, ZERO_THRESHOLD, native},
    sample::{Sample, Value},
    snapshot::Snapshot,
    table::{METRICS, Metric, Type},
};
use crate::engine::histogram::Histogram;

/// A snapshot could not be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// As text.
    #[error("encode metrics as text")]
    Text(#[from] fmt::Error),
    /// As protobuf.
    #[error("encode metrics as protobuf")]
    Protobuf(#[from] prometheus_protobuf::EncodeError),
}

/// The whole answer to a scrape.
///
/// # Errors
/// None that is known: the formats can hold whatever a snapshot has.
pub fn encode(format: Format, snapshot: &Snapshot) -> Result<Vec<u8>, EncodeError> {
    let samples = METRICS.iter().map(|metric| (metric, (metric.samples)(snapshot)));
    let families = samples.filter(|(_, samples)| !samples.is_empty()).collect();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut out = String::new();
    match format {
        Format::Text => prometheus_text::encode(&mut out, &registry)?,
        Format::OpenMetrics => text::encode(&mut out, &registry)?,
        Format::Protobuf => return Ok(prometheus_protobuf::encode_to_vec(&registry)?),
    }
    Ok(out.into_bytes())
}

/// Each metric that has series, and those.
#[derive(Debug)]
struct Families(Vec<(&'static Metric, Vec<Sample>)>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, samples) in &self.0 {
            let unit = unit(metric);
            let mut family = encoder.encode_descriptor(
                metric.stem(),
                metric.help,
                unit.as_ref(),
                metric_type(metric.kind),
            )?;
            for sample in samples {
                write(&mut family, metric, sample)?;
            }
        }
        Ok(())
    }
}

fn write(family: &mut MetricEncoder<'_>, metric: &Metric, sample: &Sample) -> fmt::Result {
    let values = sample.labels.iter().map(AsRef::as_ref);
    let labels: Vec<(&str, &str)> = metric.all_labels().zip(values).collect();
    let labels = labels.as_slice();
    match (metric.kind, &sample.value) {
        (Type::Info, _) => family.encode_info(&labels),
        (Type::Counter, Value::Number(number)) => {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(number, None)
        }
        (Type::Counter, Value::Nanoseconds(ns)) => family
            .encode_family(&labels)?
            .encode_counter::<NoLabelSet, f64, f64>(&NANOSECONDS.scaled(*ns), None),
        (Type::Gauge, Value::Number(number)) => family.encode_family(&labels)?.encode_gauge(number),
        (Type::Gauge, Value::Nanoseconds(ns)) => {
            family.encode_family(&labels)?.encode_gauge(&NANOSECONDS.scaled(*ns))
        }
        (Type::Histogram(bounds), Value::Histogram(histogram)) => {
            write_histogram(&mut family.encode_family(&labels)?, &bounds, histogram)
        }
        // No row of the table is of a type that its samples are not.
        (Type::Histogram(_), _) | (_, Value::Histogram(_)) => Err(fmt::Error),
    }
}

fn write_histogram(
    metric: &mut MetricEncoder<'_>,
    bounds: &Bounds,
    histogram: &Histogram,
) -> fmt::Result {
    let buckets = bounds
        .counts(histogram)
        .into_iter()
        .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bounds.scaled(bound)), count));
    let native = native(histogram, bounds);
    metric.encode_histogram_with_native::<NoLabelSet>(
        bounds.sum(histogram),
        histogram.count(),
        &buckets.collect::<Vec<_>>(),
        None,
        NativeHistogram {
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: native.zero_count,
            negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
            positive: NativeHistogramBuckets { spans: &native.spans, deltas: &native.deltas },
            created: None,
        },
    )
}

fn unit(metric: &Metric) -> Option<Unit> {
    (!metric.unit.is_empty()).then(|| match metric.unit {
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        other => Unit::Other(other.to_owned()),
    })
}

const fn metric_type(kind: Type) -> MetricType {
    match kind {
        Type::Counter => MetricType::Counter,
        Type::Gauge => MetricType::Gauge,
        Type::Info => MetricType::Info,
        Type::Histogram(_) => MetricType::Histogram,
    }
}
