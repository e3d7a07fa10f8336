//! What is in `deploy/`.

mod alerts;
pub mod expressions;
mod metrics;
mod units;

use std::path::PathBuf;

/// Alerts and recording rules.
pub const RULES: &str = include_str!("../../../../deploy/prometheus/dmmsg.rules.yml");
/// The dashboard.
pub const DASHBOARD: &str = include_str!("../../../../deploy/grafana/dmmsg.json");

/// A file in `deploy/`.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}
