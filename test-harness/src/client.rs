//! A blocking HTTP client for tests and for agents: well-formed requests over HTTP/1.1 or HTTP/2, in plaintext
//! or mTLS, and [`raw`] bytes where a request must not be well formed.

pub mod message;
pub mod raw;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

pub use message::{Request, Response};
pub use raw::RawConnection;

/// Longest that connecting, or one exchange, may take. Nothing is measured by it: it only ends a hang.
pub const MAX_WAIT: Duration = Duration::from_secs(120);

/// Which HTTP a [`Client`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 from the first byte on, as gRPC does.
    Http2,
}

/// Somewhere to connect to, and how.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Address to connect to.
    pub address: SocketAddr,
    /// Authority of requests that name none; also the server name of the TLS handshake.
    pub authority: String,
    /// TLS, or plaintext.
    pub tls: Option<Arc<ClientConfig>>,
}

/// One connection, kept alive between requests.
pub struct Client {
    runtime: Runtime,
    sender: Sender,
    authority: String,
}

enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Endpoint {
    /// A plaintext endpoint.
    #[must_use]
    pub fn plain(address: SocketAddr, authority: &str) -> Self {
        Self { address, authority: authority.to_owned(), tls: None }
    }

    /// Connects with HTTP/1.1.
    ///
    /// # Errors
    ///
    /// When the connection or the handshake fails. With TLS 1.3 a server that refuses our certificate is
    /// noticed only at the first request.
    pub fn connect(&self) -> io::Result<Client> {
        self.connect_with(Protocol::Http1)
    }

    /// Connects with a given HTTP.
    ///
    /// # Errors
    ///
    /// As for [`Endpoint::connect`].
    pub fn connect_with(&self, protocol: Protocol) -> io::Result<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(limited(async {
            let tcp = TcpStream::connect(self.address).await?;
            tcp.set_nodelay(true)?;
            match &self.tls {
                None => handshake(tcp, protocol).await,
                Some(config) => {
                    let name = self.server_name()?;
                    let tls = tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?;
                    handshake(tls, protocol).await
                }
            }
        }))?;
        Ok(Client { runtime, sender, authority: self.authority.clone() })
    }

    /// Sends one request on a connection of its own, with HTTP/1.1.
    ///
    /// # Errors
    ///
    /// When there was no complete response.
    pub fn send(&self, request: &Request) -> io::Result<Response> {
        self.connect()?.send(request)
    }

    /// Connects for bytes that need not be HTTP.
    ///
    /// # Errors
    ///
    /// When the connection or the handshake fails.
    pub fn raw(&self) -> io::Result<RawConnection> {
        let tls = match &self.tls {
            None => None,
            Some(config) => Some((Arc::clone(config), self.server_name()?)),
        };
        RawConnection::connect(self.address, tls)
    }

    fn server_name(&self) -> io::Result<ServerName<'static>> {
        ServerName::try_from(self.authority.clone())
            .map_err(|_| io::Error::other(format!("`{}` is no name for a TLS server", self.authority)))
    }
}

impl Client {
    /// Sends a request and waits for the whole response.
    ///
    /// # Errors
    ///
    /// When the request is not well formed (see [`RawConnection`] for those), or there was no complete response. It is
    /// [`NotConnected`](io::ErrorKind::NotConnected) if nothing of it was sent, because the peer has closed the connection:
    /// another one is to be opened then, as any client does.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let http2 = matches!(self.sender, Sender::Http2(_));
        let request = request.to_hyper(&self.authority, http2)?;
        let Self { runtime, sender, .. } = self;
        runtime.block_on(limited(async {
            let response = match sender {
                Sender::Http1(sender) => {
                    sender.ready().await.map_err(not_sent)?;
                    sender.try_send_request(request).await.map_err(lost)
                }
                Sender::Http2(sender) => {
                    sender.ready().await.map_err(not_sent)?;
                    sender.try_send_request(request).await.map_err(lost)
                }
            };
            receive(response?).await
        }))
    }

    /// Sends requests and waits for all of the responses: over HTTP/2 all at once, over HTTP/1.1 one after the other.
    /// What comes of each is in the place of the request.
    pub fn send_together(&mut self, requests: &[Request]) -> Vec<io::Result<Response>> {
        let sender = match &self.sender {
            Sender::Http1(_) => return requests.iter().map(|request| self.send(request)).collect(),
            Sender::Http2(sender) => sender.clone(),
        };
        let exchange = |request: &Request| {
            let (mut sender, request) = (sender.clone(), request.to_hyper(&self.authority, true));
            self.runtime.spawn(limited(async move {
                sender.ready().await.map_err(not_sent)?;
                receive(sender.try_send_request(request?).await.map_err(lost)?).await
            }))
        };
        let exchanges: Vec<_> = requests.iter().map(exchange).collect();
        let wait = |exchange| match self.runtime.block_on(exchange) {
            Ok(outcome) => outcome,
            Err(error) => Err(io::Error::other(error)),
        };
        exchanges.into_iter().map(wait).collect()
    }
}

fn not_sent(error: hyper::Error) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, error)
}

/// A request that comes back was not sent.
fn lost<R>(mut error: hyper::client::conn::TrySendError<R>) -> io::Error {
    let kind =
        if error.take_message().is_some() { io::ErrorKind::NotConnected } else { io::ErrorKind::Other };
    io::Error::new(kind, error.into_error())
}

async fn limited<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(MAX_WAIT, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn handshake<S>(stream: S, protocol: Protocol) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    match protocol {
        Protocol::Http1 => {
            let (sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
            tokio::spawn(connection);
            Ok(Sender::Http1(sender))
        }
        Protocol::Http2 => {
            let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                .await
                .map_err(io::Error::other)?;
            tokio::spawn(connection);
            Ok(Sender::Http2(sender))
        }
    }
}

async fn receive(response: hyper::Response<Incoming>) -> io::Result<Response> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?;
    let trailers = body.trailers().map(message::headers_of).unwrap_or_default();
    Ok(Response {
        status: head.status.as_u16(),
        headers: message::headers_of(&head.headers),
        body: body.to_bytes().to_vec(),
        trailers,
    })
}
