//! docs/metrics.md is what the table writes.

use dmmsg::engine::metrics;
use expect_test::expect_file;

#[test]
fn the_document_is_what_the_table_writes() {
    expect_file!["../../../../docs/metrics.md"].assert_eq(&metrics::document());
}
