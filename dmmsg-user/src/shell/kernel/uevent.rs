//! The kernel's own word that a module has come or goes.

use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind,
        netlink::{KOBJECT_UEVENT, SocketAddrNetlink},
        recv, socket_with,
    },
};
use tokio::io::unix::AsyncFd;

use super::ring::readable;

/// The group that the kernel speaks to; udev speaks to another.
///
/// Source: `lib/kobject_uevent.c`, `uevent_net_broadcast_untagged`, 5.10 to 7.3.
const KERNEL_GROUP: u32 = 1;

/// Bytes of an event that are looked at: `ACTION@PATH` comes first.
const HEAD: usize = 256;

/// A socket on which the kernel tells of modules, among all else.
pub struct Uevents(AsyncFd<OwnedFd>);

impl Uevents {
    /// Listens; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The kernel has no such socket for us.
    pub fn listen() -> Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(KOBJECT_UEVENT))
                .context("open a socket for uevents")?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP)).context("listen to uevents")?;
        readable(socket).map(Self)
    }

    /// Returns when a module has come or goes, or when events were lost that may have said so.
    pub async fn module(&mut self) {
        loop {
            let Ok(mut ready) = self.0.readable_mut().await else {
                return std::future::pending().await;
            };
            let mut event = [0; HEAD];
            match recv(ready.get_inner().as_fd(), &mut event[..], RecvFlags::TRUNC) {
                Ok((bytes, _)) if is_of_a_module(event.get(..bytes).unwrap_or(&event)) => return,
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready.clear_ready(),
                // The socket's buffer ran over.
                Err(_) => return,
            }
        }
    }
}

fn is_of_a_module(event: &[u8]) -> bool {
    let path = event.splitn(2, |byte| *byte == b'@').nth(1);
    path.is_some_and(|path| path.starts_with(b"/module/"))
}
