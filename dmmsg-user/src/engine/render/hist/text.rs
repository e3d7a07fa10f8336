//! Histograms as bars.

use dmmsg_common::dm::DevT;

use crate::engine::{
    clock::Clock,
    groups::{Device, Group, Groups},
    histogram::{Histogram, Span},
    names::escape::escape,
    render::duration::Duration,
};

/// Characters of the longest bar.
const BAR: u64 = 40;

/// Appends all histograms.
pub fn show(
    out: &mut Vec<u8>,
    groups: &Groups<Histogram>,
    clock: &mut Clock,
    until_boot_ns: Option<u64>,
) {
    if let Some(until) = until_boot_ns {
        out.extend_from_slice(&clock.time_of_day(until));
        out.push(b'\n');
    }
    let mut is_empty = true;
    for (group, histogram) in groups.iter() {
        title(out, &group);
        bars(out, histogram);
        is_empty = false;
    }
    if is_empty {
        out.extend_from_slice(b"no messages\n\n");
    }
}

fn title(out: &mut Vec<u8>, group: &Group<'_>) {
    out.extend_from_slice(b"latency of ");
    match group.kind {
        None => out.extend_from_slice(b"all"),
        Some(kind) => {
            for word in kind.target_type.iter().chain([&kind.verb]) {
                out.extend_from_slice(word.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(format!("({})", kind.interface).as_bytes());
        }
    }
    match group.device {
        None => {}
        Some(Device::Other) => out.extend_from_slice(b" on other devices"),
        Some(Device::Known(dev, name)) => {
            let number = match dev {
                DevT(0) => "-".to_owned(),
                dev => format!("{}:{}", dev.major(), dev.minor()),
            };
            out.extend_from_slice(format!(" on {number} ").as_bytes());
            escape(out, if name.is_empty() { b"-" } else { name });
        }
    }
    out.push(b'\n');
}

fn bars(out: &mut Vec<u8>, histogram: &Histogram) {
    let octaves = histogram.octaves();
    let most = octaves.iter().map(|span| span.count).max().unwrap_or(0).max(1);
    for Span { ge, lt, count } in octaves {
        let range = match lt {
            Some(1) => "0".to_owned(),
            Some(lt) => format!("{:>8} -> {}", Duration(ge), Duration(lt)),
            None => format!("{:>8} -> ...", Duration(ge)),
        };
        // A count that is not 0 has a star.
        let stars = (u128::from(count) * u128::from(BAR)).div_ceil(u128::from(most));
        let stars = "*".repeat(usize::try_from(stars).unwrap_or(0));
        let line = format!("{range:<20} : {count:<10} |{stars:<40}|\n");
        out.extend_from_slice(line.as_bytes());
    }
    let [p50, p90, p99] = [500, 900, 990].map(|permille| Duration(histogram.quantile(permille)));
    let (count, mean, max) =
        (histogram.count(), Duration(histogram.mean()), Duration(histogram.max()));
    let line =
        format!("count {count}, mean {mean}, p50 {p50}, p90 {p90}, p99 {p99}, max {max}\n\n");
    out.extend_from_slice(line.as_bytes());
}
