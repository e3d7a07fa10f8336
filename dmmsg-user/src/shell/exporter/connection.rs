//! One connection: one request, its answer, and an end that lets the client read it.

use std::{cell::Cell, convert::Infallible, rc::Rc};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Response,
    body::{Body as _, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};

use super::serve::Limits;
use crate::{
    engine::{
        answer::{Answer, Request},
        metrics::Snapshot,
    },
    shell::say,
};

/// Headers that every answer has.
const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Takes a request and answers it; `has_asked` is set in between.
pub async fn converse(
    mut stream: TcpStream,
    limits: Limits,
    has_asked: Rc<Cell<bool>>,
    snapshot: Rc<impl Fn() -> Result<Snapshot>>,
) {
    let service = service_fn(|request| {
        has_asked.set(true);
        let answer = answer(&request, &*snapshot);
        async { Ok::<_, Infallible>(response(answer)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(&mut stream), service);
    // What goes wrong is the client's, who has been answered if that was possible.
    let ended = time::timeout(limits.whole_time, connection).await;
    has_asked.set(false);
    if ended.is_ok() {
        let _ = time::timeout(limits.linger_time, linger(&mut stream, limits.linger_bytes)).await;
    }
}

/// Reads on until the client has no more to say: closing on bytes that nobody read would make the
/// kernel throw away the answer.
async fn linger(stream: &mut TcpStream, mut most_bytes: usize) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut scratch = [0; 4096];
    while let Ok(count) = stream.read(&mut scratch).await {
        if count == 0 || count >= most_bytes {
            return;
        }
        most_bytes -= count;
    }
}

fn answer(request: &hyper::Request<Incoming>, snapshot: &impl Fn() -> Result<Snapshot>) -> Answer {
    let wanted = Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        accept: &accept(request.headers()),
        has_body: !request.body().is_end_stream(),
    };
    let resource = match wanted.resource() {
        Ok(resource) => resource,
        Err(refusal) => return refusal,
    };
    match snapshot() {
        Ok(snapshot) => resource.answer(&snapshot),
        Err(error) => {
            say(format_args!("{error:#}"));
            Answer::line(500, "the counts cannot be read: see the exporter's log")
        }
    }
}

fn accept(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::ACCEPT).iter();
    values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response =
        Response::builder().status(answer.status).header(header::CONTENT_TYPE, answer.content_type);
    for (name, value) in HEADERS.iter().chain(answer.headers) {
        response = response.header(*name, *value);
    }
    // All that it is made of is constant but for the body, and a test sees each.
    response.body(Full::new(answer.body.into())).unwrap_or_default()
}
