//! Notifications for systemd (`Type=notify`): ready, reloading, stopping, and alive. The watchdog is notified only
//! after the server has answered a request of our own, so that a process that runs but answers no requests is
//! restarted. Without `NOTIFY_SOCKET`, which systemd sets, nothing happens. The protocol: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

/// A public request that does not use the store.
const PROBE: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The way to the service manager, if one wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notifier {
    manager: Option<Arc<Manager>>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    /// After so much silence it ends the process.
    patience: Option<Duration>,
}

impl Notifier {
    /// The manager that the environment names. One that cannot be reached is a warning: the server serves all the same.
    pub(crate) fn of_process() -> Self {
        let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
            return Self::default();
        };
        let text = |name| std::env::var(name).ok();
        let patience =
            watchdog_timeout(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref(), std::process::id());
        Self::at(&socket, patience).unwrap_or_else(|error| {
            warn!(cause = %error, "NOTIFY_SOCKET cannot be reached: the service manager is told nothing");
            Self::default()
        })
    }

    /// Connects to the manager at this socket: a path, or an abstract name after `@`.
    ///
    /// # Errors
    /// Fails when no process listens there.
    pub(crate) fn at(socket: &OsStr, patience: Option<Duration>) -> io::Result<Self> {
        let ours = UnixDatagram::unbound()?;
        connect(&ours, socket)?;
        // A manager that does not read must not hold us up.
        ours.set_nonblocking(true)?;
        Ok(Self { manager: Some(Arc::new(Manager { socket: ours, patience })) })
    }

    /// It listens here, after the start or after a reload.
    pub(crate) fn ready(&self, address: SocketAddr) {
        self.notify(&format!("READY=1\nSTATUS=Listening on {address}"));
    }

    /// It reads its files again; [`Notifier::ready`] has to follow.
    pub(crate) fn reloading(&self) {
        // A manager with `Type=notify-reload` tells this reload from an earlier one by the time.
        let since_boot = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading", since_boot.as_micros()));
    }

    /// It takes nothing new, and ends when what has begun is answered.
    pub(crate) fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=Draining");
    }

    /// Feeds the watchdog, if there is one, until the guard is dropped; also while the server drains.
    pub(crate) fn keep_alive(
        &self,
        address: SocketAddr,
        is_draining: impl Fn() -> bool + Send + Sync + 'static,
    ) -> WatchdogTask {
        let Some(patience) = self.manager.as_ref().and_then(|manager| manager.patience) else {
            return WatchdogTask(None);
        };
        info!(patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), "The watchdog is fed");
        let notifier = self.clone();
        WatchdogTask(Some(tokio::spawn(async move {
            notifier.feed(reachable(address), patience, is_draining).await;
        })))
    }

    /// During a drain new connections are refused, and the drain has a time limit of its own: the tick of the runtime
    /// is enough.
    async fn feed(&self, address: SocketAddr, patience: Duration, draining: impl Fn() -> bool) {
        // Three chances within the manager's patience, the last one early enough to be heard.
        let mut tick = interval(patience / 3);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if draining() || answers(address, patience / 3).await {
                self.notify("WATCHDOG=1");
            } else {
                warn!(%address, "The server does not answer itself: the watchdog is not fed");
            }
        }
    }

    fn notify(&self, state: &str) {
        if let Some(manager) = &self.manager
            && let Err(error) = manager.socket.send(state.as_bytes())
        {
            warn!(cause = %error, "The service manager could not be told");
        }
    }
}

/// Ends the feeding with it.
#[derive(Debug)]
#[must_use = "dropped, it stops the feeding, and the process is ended"]
pub(crate) struct WatchdogTask(Option<JoinHandle<()>>);

impl Drop for WatchdogTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

fn connect(ours: &UnixDatagram, socket: &OsStr) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
            return ours.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?);
        }
    }
    ours.connect(socket)
}

/// How long the manager waits, if it waits for this process at all.
fn watchdog_timeout(micros: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    let meant = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let micros: u64 = micros?.parse().ok().filter(|micros| *micros > 0 && meant)?;
    Some(Duration::from_micros(micros))
}

/// Where this process reaches what it listens on.
fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(host, address.port())
}

/// Whether the server does anything about a request. That is all: a 503 is a sign of life, and so is a connection that is
/// closed, which is what plain text gets where TLS is spoken.
async fn answers(address: SocketAddr, limit: Duration) -> bool {
    let asked = async {
        let Ok(stream) = TcpStream::connect(address).await else { return false };
        // Room for it is in the socket's buffer from the start.
        if stream.writable().await.is_err() || stream.try_write(PROBE).is_err() {
            return true;
        }
        loop {
            let heard = match stream.readable().await {
                Ok(()) => stream.try_read(&mut [0; 64]),
                Err(error) => Err(error),
            };
            if !matches!(heard, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return true;
            }
        }
    };
    timeout(limit, asked).await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
