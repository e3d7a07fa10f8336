//! A client that sends what it is told to, and reads all that comes back.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A response, taken apart.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads to the end; `None` where nothing comes before it.
pub fn read(mut stream: TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = bytes.split_off(end + 4);
    let headers = String::from_utf8(bytes).unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Response { status, headers, body })
}

/// Sends bytes and reads what comes back.
pub fn send(address: SocketAddr, request: &[u8]) -> Option<Response> {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    read(stream)
}

pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Response {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: dmmsg\r\n{headers}\r\n");
    send(address, request.as_bytes()).unwrap()
}

pub fn get(address: SocketAddr, path: &str) -> Response {
    ask(address, "GET", path, "")
}
