//! Sockets in, requests out: an accept loop of our own, TLS, timeouts and a graceful stop.
//!
//! It is our own because handlers must know the connection (and later its client certificate), because every stage of a
//! connection has a deadline, so that a peer that says nothing, says it slowly or does not listen is hung up on, and
//! because no address gets more than its share of all connections.

mod body;
mod flow; // does an answer get anywhere?
mod paced; // does anybody take what is written?
mod shares; // how much an address has
#[cfg(test)]
mod tests;
mod tls;

use std::{
    convert::Infallible,
    fmt,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, http::Version};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

pub use body::{BodyLimit, limit_body};

use crate::{
    config::Config,
    observe::{Peer, Proxies},
};
use flow::{Flow, Followed, Why};
use paced::Paced;
use shares::{Place, Shares};

/// A listener that is bound and has its certificate, so that nothing can fail any more.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    shares: Shares,
    proxies: Proxies,
    deadlines: Deadlines,
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// From accepting to the end of the TLS handshake and the first request's headers.
    first_request: Duration,
    /// From one answer to the end of the next request's headers.
    next_request: Duration,
    /// For taking what is sent: for each piece, however long the whole takes.
    write: Duration,
    /// For requests in flight when the server stops.
    drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        // A minute between requests lets the connection pools of proxies and clients do their work.
        Self {
            first_request: seconds(10),
            next_request: seconds(60),
            write: seconds(30),
            drain: seconds(10),
        }
    }
}

/// Why the server cannot start.
#[derive(Debug)]
pub enum Error {
    /// The address is taken or not ours.
    Listen(SocketAddr, std::io::Error),
    /// Certificate or key cannot be used; the file, and why.
    Certificate(PathBuf, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, cause) => write!(f, "cannot listen on {address}: {cause}"),
            Self::Certificate(file, cause) => write!(f, "cannot use {} for TLS: {cause}", file.display()),
        }
    }
}

impl std::error::Error for Error {}

/// Binds and runs until `shutdown`, then lets requests in flight finish.
///
/// # Errors
/// When the address or the certificate cannot be used.
pub async fn serve(config: &Config, router: Router, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let server = Server::bind(config).await?;
    server.run(router, shutdown).await;
    Ok(())
}

/// Resolves when the operating system asks the process to stop: SIGTERM or SIGINT.
///
/// # Errors
/// When signals cannot be listened for.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Server {
    /// Listens on the configured address, with the configured certificate.
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub async fn bind(config: &Config) -> Result<Self, Error> {
        let tls = config
            .tls
            .pair()
            .map(|(certificate, key)| tls::acceptor(certificate, key))
            .transpose()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|e| Error::Listen(config.listen, e))?;
        let connections = usize::try_from(config.limits.connections).unwrap_or(Semaphore::MAX_PERMITS);
        let connections = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self {
            listener,
            tls,
            connections,
            shares: Shares::new(config.limits.connections_per_address),
            proxies: Proxies::new(config),
            deadlines: Deadlines::default(),
        })
    }

    /// The address it listens on; tells the port when the configured one is 0.
    ///
    /// # Errors
    /// When the operating system does not know.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `shutdown`; then refuses new connections and gives requests in flight ten seconds.
    pub async fn run(self, router: Router, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = self.accept() => accepted,
            };
            let Some((stream, address, places)) = accepted else {
                continue;
            };
            let connection = Connection {
                router: router.clone(),
                address,
                deadlines: self.deadlines,
                stopping: stopping.clone(),
            };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                connection.answer(stream, tls).await;
                drop(places);
            });
        }
        drop((self.listener, stopping));
        stop.send_replace(true);
        // Every connection holds a receiver as long as it lives.
        if tokio::time::timeout(self.deadlines.drain, stop.closed())
            .await
            .is_err()
        {
            tracing::warn!("stopped with requests unfinished");
        }
    }

    /// The next connection. Without a permit none is taken, so that a flood waits in the kernel's queue; a connection
    /// beyond the share of its address is closed at once, so that it does not stand in the way of others there.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, Places)> {
        let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        let (stream, address) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Most likely no file descriptors are left: give connections time to close.
                tracing::warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        let ip = address.ip().to_canonical();
        // A trusted proxy carries everybody; behind it requests are counted, by the address it names.
        let place = if self.proxies.trust(ip) {
            None
        } else {
            let place = self.shares.enter(ip);
            if place.is_none() {
                tracing::debug!(%ip, "closed a connection beyond the share of its address");
                return None;
            }
            place
        };
        // Without it small answers wait for an acknowledgement. A peer already gone is noticed on reading.
        let _ = stream.set_nodelay(true);
        Some((stream, address, (permit, place)))
    }
}

/// What a connection takes of all there is, and of the share of its address.
type Places = (tokio::sync::OwnedSemaphorePermit, Option<Place>);

struct Connection {
    router: Router,
    address: SocketAddr,
    deadlines: Deadlines,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    async fn answer(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let stream = Paced::new(stream, self.deadlines.write);
        let begun = Arc::new(AtomicBool::new(false));
        let deadline = self.deadlines.first_request;
        let conversation = {
            let begun = Arc::clone(&begun);
            async move {
                match tls {
                    None => self.converse(stream, false, begun).await,
                    // A failed handshake is the peer's affair.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => self.converse(stream, true, begun).await,
                        Err(e) => {
                            tracing::debug!(ip = %self.address.ip(), error = %e, "TLS handshake failed");
                        }
                    },
                }
            }
        };
        let mut conversation = pin!(conversation);
        if tokio::time::timeout(deadline, &mut conversation).await.is_err() && begun.load(Ordering::Relaxed) {
            conversation.await;
        }
    }

    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        tls: bool,
        begun: Arc<AtomicBool>,
    ) {
        let peer = Peer {
            ip: self.address.ip().to_canonical(),
            port: self.address.port(),
            tls,
        };
        let (router, flow) = (self.router, Flow::new());
        let followed = flow.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            begun.store(true, Ordering::Relaxed);
            let ticket = (request.version() == Version::HTTP_2).then(|| followed.follow());
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let answer = router.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answer.await?.map(|body| Followed::new(body, ticket))) }
        });
        let builder = http(self.deadlines);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let (mut stopping, mut stopped, mut leaving) = (self.stopping, false, false);
        let mut idle = self.deadlines.next_request;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(e) = result {
                        tracing::debug!(ip = %peer.ip, error = %e, "connection ended early");
                    }
                    return;
                }
                _ = stopping.wait_for(|stop| *stop), if !stopped => {
                    stopped = true;
                    connection.as_mut().graceful_shutdown();
                }
                why = flow.ends(self.deadlines.write, idle) => {
                    if why == Why::Stalled || leaving {
                        tracing::debug!(ip = %peer.ip, ?why, "hung up");
                        return;
                    }
                    // Says goodbye first: a request may be on its way.
                    leaving = true;
                    idle = self.deadlines.first_request;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// HTTP/1.1 and HTTP/2 with bounded memory for each connection.
fn http(deadlines: Deadlines) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.next_request)
        .max_buf_size(64 * 1024)
        .max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(32 * 1024)
        .max_concurrent_streams(128)
        .max_send_buf_size(64 * 1024)
        // Streams that are opened and reset faster than they can be answered end the connection.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(128)
        .keep_alive_interval(deadlines.next_request)
        .keep_alive_timeout(deadlines.first_request);
    builder
}
