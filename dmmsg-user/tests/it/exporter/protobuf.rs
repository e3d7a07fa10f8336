//! Prometheus' protobuf, read by a schema of our own.

use dmmsg::engine::metrics::{self, Format, Snapshot};
use prost::Message;

use super::{formats::encoded, snapshots::few};

/// What is read of a `MetricFamily`.
///
/// Source: `io/prometheus/client/metrics.proto` of github.com/prometheus/client_model.
#[derive(Clone, PartialEq, Message)]
pub struct Family {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub help: String,
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(message, repeated, tag = "4")]
    pub metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Number {
    #[prost(double, tag = "1")]
    pub value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "2")]
    pub sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub buckets: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    pub schema: i32,
    #[prost(double, tag = "6")]
    pub zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    pub zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    pub spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    pub deltas: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, tag = "1")]
    pub below: u64,
    #[prost(double, tag = "2")]
    pub bound: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Span {
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    #[prost(uint32, tag = "2")]
    pub len: u32,
}

/// The families of a whole answer.
pub fn families(mut answer: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !answer.is_empty() {
        families.push(Family::decode_length_delimited(&mut answer).unwrap());
    }
    families
}

fn of(snapshot: &Snapshot) -> Vec<Family> {
    families(&metrics::encode(Format::Protobuf, snapshot).unwrap())
}

/// A family as lines of text, histograms by count and sum alone.
fn lines(family: &Family) -> Vec<String> {
    let line = |name: String, metric: &Metric, value: String| {
        let labels = metric.labels.iter().map(|label| format!("{}={:?}", label.name, label.value));
        let labels = labels.collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        format!("{name}{labels} {value}")
    };
    let name = &family.name;
    let lines = family.metrics.iter().flat_map(|metric| {
        if let Some(Histogram { count, sum, .. }) = metric.histogram {
            return vec![
                line(format!("{name}_sum"), metric, sum.to_string()),
                line(format!("{name}_count"), metric, count.to_string()),
            ];
        }
        let number = metric.gauge.as_ref().or(metric.counter.as_ref()).unwrap();
        vec![line(name.clone(), metric, number.value.to_string())]
    });
    lines.collect()
}

#[test]
fn protobuf_says_what_text_says() {
    let text = encoded(Format::Text, &few());
    let is_sample = |line: &&str| !line.starts_with('#') && !line.contains("_bucket{");
    let text = text.lines().filter(is_sample).map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        format!("{series} {}", value.parse::<f64>().unwrap())
    });
    let families = of(&few());
    let protobuf = families.iter().flat_map(lines);
    assert_eq!(protobuf.collect::<Vec<_>>(), text.collect::<Vec<_>>());
}

#[test]
fn histograms_have_native_buckets_beside_the_classic_ones() {
    let families = of(&few());
    let durations =
        families.iter().find(|family| family.name == "dmmsg_message_duration_seconds").unwrap();
    assert_eq!(durations.kind, 4);
    for metric in &durations.metrics {
        let histogram = metric.histogram.as_ref().unwrap();
        assert_eq!(histogram.buckets.len(), 26);
        assert!(histogram.buckets[25].bound.is_infinite());
        assert_eq!(histogram.buckets[25].below, histogram.count);
        let (mut last, mut all) = (0, histogram.zero_count);
        for delta in &histogram.deltas {
            last += delta;
            all += u64::try_from(last).unwrap();
        }
        assert_eq!(all, histogram.count);
        let len: u32 = histogram.spans.iter().map(|span| span.len).sum();
        assert_eq!(len as usize, histogram.deltas.len());
        assert_eq!(histogram.schema, 2);
        assert_eq!(histogram.zero_threshold.to_bits(), 2_f64.powi(-128).to_bits());
    }
}
