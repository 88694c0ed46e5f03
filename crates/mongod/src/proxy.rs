//! Cuts a node off without root privileges: members and clients know each node by the port of a proxy. A proxy finds
//! out which node a connection comes from, so that a node's outgoing connections are cut as well.

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
    /// Every connection from and to it is closed, and new ones are closed at once, as by a firewall that rejects or on
    /// a machine whose process died. Clients notice it at once.
    Closed,
    /// Connections remain, and new ones are accepted, but no byte passes in either direction, as in a lost network.
    /// Clients notice it only by time limits. Bytes in transit arrive when the cut is healed.
    Silent,
}

/// The cut of each node; `None` is not cut.
type Cuts = Vec<Option<Partition>>;

type Endpoints = Arc<[Arc<NodeEndpoint>]>;

/// The ends of a connection. A node's connections to itself are never cut.
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

/// A proxy for each node, and their runtime.
#[derive(Debug)]
pub(crate) struct Proxies {
    ports: Vec<u16>,
    cuts: watch::Sender<Cuts>,
    runtime: Option<Runtime>,
}

impl Proxies {
    pub(crate) fn listen(endpoints: &[Arc<NodeEndpoint>]) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("mongod-proxy").enable_all().build()?;
        let endpoints: Endpoints = endpoints.into();
        let (cuts, _) = watch::channel(vec![None; endpoints.len()]);
        let mut ports = Vec::new();
        for to in 0..endpoints.len() {
            let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for a proxy")?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            ports.push(address.port());
            let (endpoints, cuts) = (Arc::clone(&endpoints), cuts.clone());
            runtime.spawn(async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    accept(listener, address, to, endpoints, cuts).await;
                }
            });
        }
        Ok(Self { ports, cuts, runtime: Some(runtime) })
    }

    pub(crate) fn port(&self, node: usize) -> u16 {
        self.ports[node]
    }

    pub(crate) fn set(&self, node: usize, cut: Option<Partition>) {
        self.cuts.send_modify(|cuts| cuts[node] = cut);
    }

    pub(crate) fn is_cut(&self, node: usize) -> bool {
        self.cuts.borrow()[node].is_some()
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        // Without waiting, which would panic in the caller's runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(
    listener: TcpListener,
    proxy_address: SocketAddr,
    to: usize,
    endpoints: Endpoints,
    cuts: watch::Sender<Cuts>,
) {
    loop {
        let Ok((client, peer)) = listener.accept().await else {
            // The process has no free descriptors, most likely: some will be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (endpoints, cuts) = (Arc::clone(&endpoints), cuts.subscribe());
        tokio::spawn(async move {
            let link = Link { from: source_node(peer, proxy_address, &endpoints), to };
            carry(client, link, endpoints[to].port.load(Ordering::Relaxed), cuts).await;
        });
    }
}

/// Carries a connection until either end, or a cut, closes it.
async fn carry(client: TcpStream, link: Link, port: u16, cuts: watch::Receiver<Cuts>) {
    let work = async {
        until_whole(link, cuts.clone()).await;
        // The connection to a stopped node is closed instead of refused.
        let Ok(node) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
        // Nagle's algorithm would delay every reply.
        let _ = (client.set_nodelay(true), node.set_nodelay(true));
        let ((client_in, client_out), (node_in, node_out)) = (client.into_split(), node.into_split());
        tokio::select! {
            () = pump(client_in, node_out, link, cuts.clone()) => {}
            () = pump(node_in, client_out, link, cuts.clone()) => {}
        }
    };
    tokio::select! {
        () = work => {}
        () = until_closed(link, cuts.clone()) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: Link, cuts: watch::Receiver<Cuts>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        // During a silent cut the read bytes are held, and further ones wait in the system's buffers.
        until_whole(link, cuts.clone()).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Waits until a link is not cut.
async fn until_whole(link: Link, mut cuts: watch::Receiver<Cuts>) {
    // An error means that the proxies, and with them this task, are gone.
    let _ = cuts.wait_for(|cuts| link.cut(cuts).is_none()).await;
}

/// Waits until a link is closed by a cut.
async fn until_closed(link: Link, mut cuts: watch::Receiver<Cuts>) {
    if cuts.wait_for(|cuts| link.cut(cuts) == Some(Partition::Closed)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns the node whose process owns the other end of a connection, if one does.
fn source_node(peer: SocketAddr, proxy_address: SocketAddr, endpoints: &[Arc<NodeEndpoint>]) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let wanted = format!("socket:[{}]", socket_inode(&table, peer.port(), proxy_address.port())?);
    endpoints.iter().position(|endpoint| {
        let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", endpoint.pid.load(Ordering::Relaxed))) else {
            return false;
        };
        open.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str()))
    })
}

/// Returns the inode of the socket that is bound to the loopback port `local` and connected to `remote`, from a table
/// in the format of `/proc/net/tcp`.
fn socket_inode(table: &str, local: u16, remote: u16) -> Option<&str> {
    // Addresses are in the byte order of the machine.
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
