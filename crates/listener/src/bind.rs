//! Binds a socket, and says in words why not.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use tokio::net::{TcpSocket, lookup_host};

/// As many may connect at the same moment.
const BACKLOG: u32 = 2048;

/// Listens at the first address of the host that can be had.
///
/// # Errors
/// With why none could be, in words for an operator.
pub async fn bind(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), String> {
    let found = lookup_host((host, port)).await;
    let addresses = found.map_err(|error| format!("cannot listen on {host}:{port}: HOST is unknown: {error}"))?;
    let mut last = format!("cannot listen on {host}:{port}: HOST has no address");
    for address in addresses {
        match listen(address) {
            Ok(listening) => return Ok(listening),
            Err(error) => last = in_words(address, &error),
        }
    }
    Err(last)
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port that was left a moment ago is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn in_words(address: SocketAddr, error: &Error) -> String {
    let port = address.port();
    let kind = error.kind();
    let why = if kind == ErrorKind::AddrInUse {
        format!("port {port} is in use; stop the other program, or set PORT to another (0 takes a free one)")
    } else if kind == ErrorKind::PermissionDenied {
        format!("no permission for port {port}; set PORT to one above 1023")
    } else if kind == ErrorKind::AddrNotAvailable {
        "no network interface has that address; set HOST to one of this host".to_owned()
    } else {
        error.to_string()
    };
    format!("cannot listen on {address}: {why}")
}
