//! What the server answers to clients of good will.

use anyhow::bail;
use dmmsg::{engine::metrics::Format, shell::exporter::Limits};
use expect_test::expect;

use super::{
    client::{ask, get},
    formats::encoded,
    protobuf::families,
    server::Server,
    snapshots::{few, well},
};

const PROTOBUF: &str = "Accept: application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let server = Server::of(few());
    let text = get(server.address, "/metrics?from=prometheus");
    assert_eq!(text.status, 200);
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(text.text(), encoded(Format::Text, &few()));

    let accept = "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n";
    let openmetrics = ask(server.address, "GET", "/metrics", accept);
    assert_eq!(
        openmetrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(openmetrics.text(), encoded(Format::OpenMetrics, &few()));

    let protobuf = ask(server.address, "GET", "/metrics", PROTOBUF);
    assert!(
        protobuf.header("content-type").unwrap().starts_with("application/vnd.google.protobuf;")
    );
    assert_eq!(families(&protobuf.body).len(), 13);

    let other = ask(server.address, "GET", "/metrics", "Accept: image/png\r\n");
    assert_eq!((other.status, other.text()), (200, text.text()));
}

#[test]
fn an_answer_has_headers_that_keep_it_harmless() {
    let server = Server::of(few());
    let page = get(server.address, "/");
    let headers: String =
        page.headers.split_inclusive("\r\n").filter(|line| !line.starts_with("date:")).collect();
    expect![[r#"
        HTTP/1.1 200 OK
        content-type: text/html; charset=utf-8
        cache-control: no-store
        x-content-type-options: nosniff
        referrer-policy: no-referrer
        cross-origin-resource-policy: same-origin
    "#]]
    .assert_eq(headers.split("content-security-policy").next().unwrap().replace('\r', "").as_str());
}

#[test]
fn a_head_is_all_but_the_body() {
    let server = Server::of(few());
    for path in ["/metrics", "/", "/healthz", "/nothing"] {
        let [whole, head] = ["GET", "HEAD"].map(|method| ask(server.address, method, path, ""));
        assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
        let length = Some(whole.body.len().to_string());
        assert_eq!(head.header("content-length").map(str::to_owned), length, "{path}");
    }
}

#[test]
fn health_is_in_the_status() {
    let healthy = Server::of(well());
    let answer = get(healthy.address, "/healthz");
    assert_eq!((answer.status, answer.text()), (200, "ok: 2 of 2 probes attached\n"));
    let partly = Server::of(few());
    let answer = get(partly.address, "/healthz");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), "1 of 2 probes attached: dm_blk_ioctl entry is not\n");
}

#[test]
fn what_is_not_served_is_refused_in_a_line() {
    let server = Server::of(few());
    let refusals = [
        ("GET", "/metrics/", "", 404),
        ("GET", "/../etc/passwd", "", 404),
        ("GET", "/%00", "", 404),
        ("POST", "/metrics", "Content-Length: 0\r\n", 405),
        ("DELETE", "/", "", 405),
        ("BREW", "/", "", 405),
        ("GET", "/metrics", "Content-Length: 5\r\n", 413),
        ("GET", "/metrics", "Transfer-Encoding: chunked\r\n", 413),
        ("OPTIONS", "*", "", 404),
    ];
    for (method, path, headers, status) in refusals {
        let answer = ask(server.address, method, path, headers);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.text().lines().count(), 1, "{method} {path}");
        let allow = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[test]
fn counts_that_cannot_be_read_are_no_metrics() {
    let server = Server::start(Limits::default(), || bail!("look up an element: EPERM"));
    for path in ["/metrics", "/", "/healthz"] {
        let answer = get(server.address, path);
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.text().contains("EPERM"), "{path}: that is for the log");
    }
}
