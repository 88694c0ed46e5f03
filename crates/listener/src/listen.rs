//! From a listening socket to requests: accepts connections, speaks TLS where that is set, and hands them to an app.
//!
//! It is put together here, and not by the framework's `HttpServer`, since that offers no place for a connection's own
//! deadlines: see `timed_stream`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpServiceBuilder;
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::connections::{Connections, Guard};
use crate::protocol_errors::ErrorBody;
use crate::timed_stream::{TimedStream, Transport};
use crate::timeouts::{HANDSHAKE_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE, LINGER};

/// How to listen.
pub struct ListenOptions {
    /// Where open connections are counted.
    pub connections: Arc<Connections>,
    /// Speaks TLS, where that is wanted.
    pub tls: Option<TlsAcceptor>,
    /// How long requests in flight may take once it is stopped.
    pub drain_timeout: Duration,
    /// Makes the body of an answer to what never became a request.
    pub error_body: ErrorBody,
}

/// Returns a server on this socket, to be polled. Each of its threads makes an app, which `configure` fills.
///
/// # Errors
/// When the system does not let it listen.
pub fn listen(
    listener: TcpListener,
    options: ListenOptions,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let ListenOptions { connections, tls, drain_timeout, error_body } = options;
    let builder = Server::build().disable_signals().shutdown_timeout(drain_timeout.as_secs() + 1);
    let draining = builder.graceful_shutdown_signal();
    let builder = builder.listen("rekindle", listener, move || {
        let draining = draining.clone();
        let app = App::new().configure(&configure);
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
            // No code of ours uses the framework's name of the server.
            .h1(map_config(app, |()| AppConfig::default()));
        let (tls, connections) = (tls.clone(), Arc::clone(&connections));
        let accept = move |stream: TcpStream| accepted(stream, tls.clone(), Arc::clone(&connections), error_body);
        // Errors of a connection are logged where the request is known.
        fn_service(accept).and_then(http.map_err(|_| ()))
    })?;
    Ok(builder.run())
}

/// A connection that is ready for requests.
async fn accepted(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connections: Arc<Connections>,
    error_body: ErrorBody,
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
    Ok((TimedStream::new(transport, peer, Guard::new(connections), error_body), peer))
}
