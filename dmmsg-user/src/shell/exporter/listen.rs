//! The socket that is listened on: from systemd, or our own.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Takes systemd's socket if there is one, else binds the address.
///
/// # Errors
/// The address cannot be had, or what systemd handed over is no TCP socket that listens.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let mut handed = ListenFd::from_env();
    let listener = match handed.take_tcp_listener(0).context("take the socket from systemd")? {
        Some(listener) => listener,
        None => std::net::TcpListener::bind(address)
            .with_context(|| format!("listen on {address}: give another with --listen"))?,
    };
    listener.set_nonblocking(true).context("make the socket non-blocking")?;
    TcpListener::from_std(listener).context("wait for connections")
}
