//! From a listening socket to requests: accepts connections, speaks TLS where that is set, and hands them to the API.
//!
//! It is put together here, and not by the framework's `HttpServer`, since that offers no place for a connection's own
//! deadlines: see `io`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpServiceBuilder;
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::connections::{Connections, Guard};
use super::timed_stream::{HEAD_TIMEOUT, TimedStream, Transport};
use crate::routes;
use crate::state::AppState;

/// How long an idle connection is kept, as long as load balancers commonly do.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long what is left of a refused body is thrown away, so that the refusal is not lost on the way.
const LINGER: Duration = Duration::from_secs(3);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A server on this socket, to be polled.
pub(super) fn listen(
    listener: TcpListener,
    context: &AppState,
    connections: &Arc<Connections>,
    tls: Option<TlsAcceptor>,
    drain_timeout: Duration,
) -> io::Result<Server> {
    let (context, connections) = (context.clone(), Arc::clone(connections));
    let builder = Server::build().disable_signals().shutdown_timeout(drain_timeout.as_secs() + 1);
    let draining = builder.graceful_shutdown_signal();
    let builder = builder.listen("rekindle", listener, move || {
        let (served, draining) = (context.clone(), draining.clone());
        let app = App::new()
            .configure(|config| routes::configure(config, &served))
            .default_service(routes::not_found_route(&served));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let http = HttpServiceBuilder::default()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(LINGER)
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .on_connect_ext(|io: &TimedStream, of_connection| {
                of_connection.insert(io.connection());
            })
            // Nothing of ours asks the framework for the server's own name.
            .h1(map_config(app, |()| AppConfig::default()));
        let (tls, connections) = (tls.clone(), Arc::clone(&connections));
        let accept = move |stream: TcpStream| accepted(stream, tls.clone(), Arc::clone(&connections));
        // What went wrong on a connection has been told where it was known what was asked.
        fn_service(accept).and_then(http.map_err(|_| ()))
    })?;
    Ok(builder.run())
}

/// A connection that is ready for requests.
async fn accepted(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connections: Arc<Connections>,
) -> Result<(TimedStream, Option<SocketAddr>), ()> {
    let peer = stream.peer_addr().ok();
    // Without it small answers may wait for the reader's acknowledgement; they come in any case.
    let _ = stream.set_nodelay(true);
    let transport = match tls {
        None => Transport::Plain(stream),
        Some(tls) => {
            let shaken = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
            let shaken = shaken.map_err(|_| "it took too long".to_owned());
            match shaken.and_then(|shaken| shaken.map_err(|error| error.to_string())) {
                Ok(stream) => Transport::Secure(Box::new(stream)),
                Err(cause) => {
                    let ip = peer.map(|peer| peer.ip().to_string());
                    debug!(ip, cause, "A TLS handshake failed");
                    return Err(());
                }
            }
        }
    };
    Ok((TimedStream::new(transport, peer, Guard::new(connections)), peer))
}
