//! Cutting a node off without being root: each node is known to members and clients by the port of a proxy of ours. A
//! proxy looks up which node a connection comes from, so that a node's outgoing connections are cut as well.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as Listener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::node::NodeEndpoint;

/// How a node is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// Every connection from and to it is closed, and new ones are closed as soon as they are made: what a firewall that
    /// refuses, or a dead process on a living machine, looks like. It is noticed at once.
    Closed,
    /// Connections stay, and new ones are accepted, but nothing comes through any more, in either direction: what a lost
    /// network looks like. It is noticed by time limits only. What was on its way arrives when the cut is healed.
    Silent,
}

/// The state of each node's links; `None` is whole.
type Cuts = Vec<Option<Partition>>;

type Seats = Arc<[Arc<NodeEndpoint>]>;

/// Whom a connection is from, and to which node. A node's connections to itself are never cut.
#[derive(Debug, Clone, Copy)]
struct Link {
    from: Option<usize>,
    to: usize,
}

impl Link {
    fn cut(self, cuts: &Cuts) -> Option<Partition> {
        if self.from == Some(self.to) {
            return None;
        }
        let ends = [cuts[self.to], self.from.and_then(|from| cuts[from])];
        if ends.contains(&Some(Partition::Closed)) { Some(Partition::Closed) } else { ends[0].or(ends[1]) }
    }
}

/// A proxy for each node, and the runtime in which they work.
#[derive(Debug)]
pub(crate) struct Proxies {
    ports: Vec<u16>,
    cuts: watch::Sender<Cuts>,
    runtime: Option<Runtime>,
}

impl Proxies {
    pub fn listen(seats: &[Arc<NodeEndpoint>]) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("mongod-proxy").enable_all().build()?;
        let seats: Seats = seats.into();
        let (cuts, _) = watch::channel(vec![None; seats.len()]);
        let mut ports = Vec::new();
        for to in 0..seats.len() {
            let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for a proxy")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            ports.push(address.port());
            let (seats, cuts) = (Arc::clone(&seats), cuts.clone());
            runtime.spawn(async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    accept(listener, address, to, seats, cuts).await;
                }
            });
        }
        Ok(Self { ports, cuts, runtime: Some(runtime) })
    }

    pub fn port(&self, node: usize) -> u16 {
        self.ports[node]
    }

    pub fn set(&self, node: usize, cut: Option<Partition>) {
        self.cuts.send_modify(|cuts| cuts[node] = cut);
    }

    pub fn is_cut(&self, node: usize) -> bool {
        self.cuts.borrow()[node].is_some()
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        // Not by waiting for it, which would panic in a runtime of the caller's.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, here: SocketAddr, to: usize, seats: Seats, cuts: watch::Sender<Cuts>) {
    loop {
        let Ok((near, peer)) = listener.accept().await else {
            // Out of descriptors, most likely: some will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (seats, cuts) = (Arc::clone(&seats), cuts.subscribe());
        tokio::spawn(async move {
            let link = Link { from: source(peer, here, &seats), to };
            carry(near, link, seats[to].port.load(Ordering::Relaxed), cuts).await;
        });
    }
}

/// Carries a connection until either end closes it, or a cut does.
async fn carry(near: TcpStream, link: Link, port: u16, cuts: watch::Receiver<Cuts>) {
    let work = async {
        whole(link, cuts.clone()).await;
        // A node that is down: the connection is closed instead of refused.
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
        // Waiting for more to send would delay every answer.
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            () = pump(near_in, far_out, link, cuts.clone()) => {}
            () = pump(far_in, near_out, link, cuts.clone()) => {}
        }
    };
    tokio::select! {
        () = work => {}
        () = closed(link, cuts.clone()) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: Link, cuts: watch::Receiver<Cuts>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        // What arrived during a silence is held, and what follows waits in the system's own buffers.
        whole(link, cuts.clone()).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Waits until a link is whole.
async fn whole(link: Link, mut cuts: watch::Receiver<Cuts>) {
    // An error means that the proxies are gone, and this with them.
    let _ = cuts.wait_for(|cuts| link.cut(cuts).is_none()).await;
}

/// Waits until a link is closed by a cut.
async fn closed(link: Link, mut cuts: watch::Receiver<Cuts>) {
    if cuts.wait_for(|cuts| link.cut(cuts) == Some(Partition::Closed)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The node whose process owns the other end of a connection, if one does.
fn source(peer: SocketAddr, here: SocketAddr, seats: &[Arc<NodeEndpoint>]) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let wanted = format!("socket:[{}]", inode(&table, peer.port(), here.port())?);
    seats.iter().position(|seat| {
        let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", seat.pid.load(Ordering::Relaxed))) else {
            return false;
        };
        open.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str()))
    })
}

/// The inode of the socket that is bound to the loopback port `local` and connected to `remote`, in the form of
/// `/proc/net/tcp`.
fn inode(table: &str, local: u16, remote: u16) -> Option<&str> {
    // Addresses are in the machine's own byte order.
    let loopback = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    let (local, remote) = (format!("{loopback:08X}:{local:04X}"), format!("{loopback:08X}:{remote:04X}"));
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        (fields.get(1) == Some(&local.as_str()) && fields.get(2) == Some(&remote.as_str()))
            .then(|| fields.get(9).copied())?
    })
}

#[cfg(test)]
mod tests;
