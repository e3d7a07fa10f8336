//! The server: accepts connections, and sees to it that they are few.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time,
};

use super::connection::converse;
use crate::{engine::metrics::Snapshot, shell::say};

/// What a client may take of us.
///
/// A connection is for one request, so no limit on idle ones is needed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. One more takes the place of the oldest that has not asked yet, or else of
    /// the oldest: whoever asks at once is not kept out by those who never do.
    pub connections: usize,
    /// Bytes of a request's first line and headers together; hyper takes 8 KiB and more.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time for a request to come.
    pub header_time: Duration,
    /// Time for all of a connection.
    pub whole_time: Duration,
    /// Time and bytes for what a client sends when it has got its answer, so that it can read it.
    pub linger_time: Duration,
    /// See above.
    pub linger_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            header_bytes: 8 << 10,
            headers: 64,
            header_time: Duration::from_secs(5),
            whole_time: Duration::from_secs(15),
            linger_time: Duration::from_secs(1),
            linger_bytes: 4 << 20,
        }
    }
}

/// How long to leave the socket alone when there is no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves what `snapshot` gives, until it is dropped; within a `LocalSet`.
///
/// # Panics
/// Outside of a `LocalSet`, and at a connection if `header_bytes` is less than 8 KiB.
pub async fn serve(
    listener: TcpListener,
    limits: Limits,
    snapshot: impl Fn() -> Result<Snapshot> + 'static,
) {
    let snapshot = Rc::new(snapshot);
    let mut clients = Clients::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                clients.make_room(limits.connections);
                clients.start(stream, limits, Rc::clone(&snapshot));
            }
            // Of the client, mostly; of ours, too many open files.
            Err(error) => {
                if !is_of_the_client(&error) {
                    say(format_args!("accept a connection: {error}"));
                    time::sleep(NO_ROOM).await;
                }
            }
        }
    }
}

fn is_of_the_client(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// The connections that there are, the oldest first.
#[derive(Default)]
struct Clients {
    tasks: JoinSet<()>,
    each: Vec<Client>,
}

struct Client {
    task: AbortHandle,
    has_asked: Rc<Cell<bool>>,
}

impl Clients {
    /// Ends connections until there is room for one more.
    fn make_room(&mut self, most: usize) {
        while self.tasks.try_join_next().is_some() {}
        self.each.retain(|client| !client.task.is_finished());
        while !self.each.is_empty() && self.each.len() >= most {
            let idle = self.each.iter().position(|client| !client.has_asked.get());
            self.each.remove(idle.unwrap_or(0)).task.abort();
        }
    }

    fn start(
        &mut self,
        stream: TcpStream,
        limits: Limits,
        snapshot: Rc<impl Fn() -> Result<Snapshot> + 'static>,
    ) {
        let has_asked = Rc::new(Cell::new(false));
        let asked = Rc::clone(&has_asked);
        let task = self.tasks.spawn_local(converse(stream, limits, asked, snapshot));
        self.each.push(Client { task, has_asked });
    }
}
