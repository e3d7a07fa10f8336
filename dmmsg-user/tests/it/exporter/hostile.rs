//! Clients of ill will.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use dmmsg::{engine::metrics::Snapshot, shell::exporter::Limits};

use super::{
    client::{Response, connect, get, read, send},
    server::Server,
    snapshots::{all, few},
};

fn serve(limits: Limits, snapshot: Snapshot) -> Server {
    Server::start(limits, move || Ok(snapshot.clone()))
}

fn scrape(address: SocketAddr) {
    assert_eq!(get(address, "/metrics").status, 200);
}

/// Limits by which no connection ends for its time within a test.
fn patient() -> Limits {
    let long = Duration::from_mins(30);
    Limits { header_time: long, whole_time: long, linger_time: long, ..Limits::default() }
}

#[test]
fn clients_that_never_ask_keep_nobody_out() {
    let server = serve(patient(), few());
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(server.address);
        stream.write_all(b"GET /metrics HTTP/1.1\r\nX-Slow: ").unwrap();
        slow.push(stream);
    }
    for _ in 0..5 {
        scrape(server.address);
        for stream in &mut slow {
            // Those that had to go do not get this through.
            let _ = stream.write_all(b"x");
        }
    }
    scrape(server.address);
}

#[test]
fn connections_are_few_and_the_oldest_goes() {
    let server = serve(Limits { connections: 4, ..patient() }, few());
    let mut idle: Vec<_> = (0..10).map(|_| connect(server.address)).collect();
    let stays = idle.split_off(6);
    for mut stream in idle {
        // It ends, at once or by a reset.
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    for mut stream in stays {
        stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(read(stream).unwrap().status, 503);
    }
}

#[test]
fn who_has_asked_does_not_give_way_to_who_has_not() {
    let server = serve(Limits { connections: 2, ..Limits::default() }, all(0));
    let whole = get(server.address, "/metrics").body.len();
    let mut reader = connect(server.address);
    // So that the answer does not fit into the kernel's buffers.
    rustix::net::sockopt::set_socket_recv_buffer_size(&reader, 64 << 10).unwrap();
    reader.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    // Once something has come, the server knows who asked.
    reader.peek(&mut [0]).unwrap();
    let _idle: Vec<_> = (0..5).map(|_| connect(server.address)).collect();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(read(reader).unwrap().body.len(), whole);
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    let limits = Limits {
        header_time: Duration::from_millis(500),
        linger_time: Duration::from_millis(200),
        whole_time: Duration::from_mins(5),
        ..Limits::default()
    };
    let server = serve(limits, few());
    for start in ["", "GET /metrics HT", "GET /metrics HTTP/1.1\r\nHost: x\r\n"] {
        let begin = Instant::now();
        let mut stream = connect(server.address);
        stream.write_all(start.as_bytes()).unwrap();
        let answer = read(stream);
        assert!(answer.is_none_or(|answer| answer.status == 408), "{start}");
        assert!(begin.elapsed() > Duration::from_millis(400), "{start}");
    }
}

#[test]
fn an_answer_that_is_not_read_is_not_waited_for() {
    let limits = Limits { whole_time: Duration::from_millis(1500), ..Limits::default() };
    let server = serve(limits, all(0));
    let whole = get(server.address, "/metrics").body.len();
    let mut stream = connect(server.address);
    // What fits into the kernel's buffers has been sent for all that the server knows.
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 64 << 10).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(get(server.address, "/healthz").status, 503, "others are served meanwhile");
    thread::sleep(Duration::from_secs(3));
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.len() < whole, "{} of {whole} bytes", bytes.len());
}

/// Sends bytes so that some come after the answer: a server that closed at once would take it away.
fn send_slowly(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = connect(address);
    for piece in request.chunks(16 << 10) {
        stream.write_all(piece).unwrap();
        thread::sleep(Duration::from_micros(500));
    }
    read(stream).unwrap()
}

#[test]
fn what_is_too_long_is_refused() {
    let server = serve(patient(), few());
    let line = [b"GET /", vec![b'a'; 1 << 20].as_slice(), b" HTTP/1.1\r\n\r\n"].concat();
    let header = [b"GET / HTTP/1.1\r\nX: ", vec![b'a'; 1 << 20].as_slice(), b"\r\n\r\n"].concat();
    let headers = [b"GET / HTTP/1.1\r\n", b"X: y\r\n".repeat(1000).as_slice(), b"\r\n"].concat();
    for request in [line, header, headers] {
        let answer = send_slowly(server.address, &request);
        assert!(matches!(answer.status, 414 | 431), "{answer:?}");
    }
    let head = b"POST / HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n";
    let body = vec![0; 1 << 20];
    assert_eq!(send_slowly(server.address, &[head, body.as_slice()].concat()).status, 405);
}

#[test]
fn what_is_just_short_enough_is_served() {
    let server = Server::of(few());
    let long = |len| format!("GET /healthz?{} HTTP/1.1\r\n\r\n", "a".repeat(len));
    let many = |count| format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(count));
    for (request, status) in
        [(long(7 << 10), 503), (long(9 << 10), 431), (many(64), 503), (many(65), 431)]
    {
        let answer = send_slowly(server.address, request.as_bytes());
        assert_eq!(answer.status, status, "{} bytes", request.len());
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let server = Server::of(few());
    let garbage: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
    ];
    for request in garbage {
        let answer = send(server.address, request).unwrap();
        assert_eq!(answer.status, 400, "{request:?}: {answer:?}");
    }
    // The preface of HTTP/2 gets no answer, which an HTTP/2 client could not read anyway.
    let preface = send(server.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.is_none_or(|answer| answer.status == 400));
    assert_eq!(get(server.address, "/metrics").status, 200);
}

#[test]
fn a_connection_is_for_one_request() {
    let server = Server::of(few());
    let two = b"GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n";
    let answer = send(server.address, two).unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.text().lines().count(), 1);
}
