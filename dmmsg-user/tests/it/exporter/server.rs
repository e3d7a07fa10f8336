//! A server of made-up counts, on a thread of its own.

use std::{net::SocketAddr, thread};

use anyhow::Result;
use dmmsg::{
    engine::metrics::Snapshot,
    shell::exporter::{Limits, serve},
};
use tokio::{net::TcpListener, runtime, sync::oneshot, task::LocalSet};

/// A server, which ends with this value.
pub struct Server {
    pub address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Server {
    /// Starts one.
    pub fn start(limits: Limits, snapshot: impl Fn() -> Result<Snapshot> + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        thread::spawn(move || run(listener, limits, snapshot, ended));
        Self { address, _end: end }
    }

    /// Starts one that serves the same each time.
    pub fn of(snapshot: Snapshot) -> Self {
        Self::start(Limits::default(), move || Ok(snapshot.clone()))
    }
}

/// Serves until the other end of `ended` is gone.
pub fn run(
    listener: std::net::TcpListener,
    limits: Limits,
    snapshot: impl Fn() -> Result<Snapshot> + 'static,
    ended: oneshot::Receiver<()>,
) {
    listener.set_nonblocking(true).unwrap();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::select! {
            () = serve(listener, limits, snapshot) => {}
            _ = ended => {}
        }
    });
}
