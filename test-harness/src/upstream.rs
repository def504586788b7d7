//! The applications behind the sidecars: plain HTTP servers on loopback that record all they receive.

pub mod reply;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::client::message::{Headers, headers_of};
use crate::client::{Endpoint, Request, Response};
use reply::ReplyBody;
pub use reply::{Reply, ReplyStream};

/// A request that reached an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Method.
    pub method: String,
    /// Path and query, as the sidecar sent them on.
    pub target: String,
    /// Header lines, names in lower case.
    pub headers: Headers,
    /// What came of the body.
    pub body: Vec<u8>,
    /// Whether the body came to its end. A request whose body was denied can reach the application by its
    /// headers alone (they are sent on before the body is judged), and never becomes complete.
    pub complete: bool,
}

/// What an application's handler gets.
pub struct Call {
    /// The request, complete.
    pub request: Received,
    /// The application's own outbound listener, once its sidecar runs.
    outbound: Option<Endpoint>,
}

/// A running application. Ends when dropped.
pub struct App {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What an application does with a request.
pub(crate) enum Handler {
    /// Runs on a thread of its own, so it may block, and call onward.
    Blocking(Arc<dyn Fn(&Call) -> Reply + Send + Sync>),
    /// The same answer always, given on the server's own thread and not recorded: the cheapest, for benches.
    Fixed(Reply),
}

struct Shared {
    handler: Handler,
    received: Mutex<Vec<Received>>,
    outbound: OnceLock<Endpoint>,
}

impl Handler {
    /// The same again, for another application of the same code.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Blocking(handler) => Self::Blocking(Arc::clone(handler)),
            Self::Fixed(reply) => Self::Fixed(reply.fixed()),
        }
    }
}

impl Received {
    /// The first header line called `name` (in lower case), if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }
}

impl Call {
    /// Sends a request out through the application's own sidecar, on a connection of its own.
    ///
    /// # Errors
    ///
    /// When the application has no sidecar, or there was no complete response.
    pub fn forward(&self, request: &Request) -> io::Result<Response> {
        self.outbound()
            .ok_or_else(|| io::Error::other("this application has no sidecar to call through"))?
            .send(request)
    }

    /// The application's own outbound listener, for calls that outlive the handler.
    #[must_use]
    pub fn outbound(&self) -> Option<&Endpoint> {
        self.outbound.as_ref()
    }
}

impl App {
    /// Starts an application that answers with `handler`. It serves HTTP/1.1 and HTTP/2 without TLS.
    ///
    /// # Errors
    ///
    /// When there is no port or no thread to be had.
    pub fn start(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_with(Handler::Blocking(Arc::new(handler)))
    }

    pub(crate) fn start_with(handler: Handler) -> io::Result<Self> {
        let shared = Arc::new(Shared { handler, received: Mutex::default(), outbound: OnceLock::new() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("app".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, serving));
                let _ = stopped.await;
            });
            // A handler that still waits for an answer must not hold up the end of a test.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the application listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that was received so far, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many of them are such, without a copy of any.
    #[must_use]
    pub fn count_received(&self, such: impl Fn(&Received) -> bool) -> usize {
        let received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|one| such(one)).count()
    }

    /// Tells the application where its own outbound listener is. Only the first call counts.
    pub fn set_outbound(&self, outbound: Endpoint) {
        let _ = self.shared.outbound.set(outbound);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection, Arc::clone(&shared)));
    }
}

async fn serve(connection: TcpStream, shared: Arc<Shared>) {
    let _ = connection.set_nodelay(true);
    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
    // A connection that the sidecar breaks off (a denied body) is no failure of the application.
    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), service)
        .await;
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
) -> io::Result<hyper::Response<ReplyBody>> {
    let (head, body) = request.into_parts();
    let mut received = Received {
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers: headers_of(&head.headers),
        body: Vec::new(),
        complete: false,
    };
    // HTTP/2 carries the authority in the URI; handlers look for it in one place.
    if let (Some(authority), None) = (head.uri.authority(), received.header("host")) {
        received.headers.insert(0, ("host".to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    let reply = match &shared.handler {
        Handler::Fixed(reply) => {
            body.collect().await.map_err(io::Error::other)?;
            reply.fixed()
        }
        Handler::Blocking(_) => {
            let index = shared.record(received.clone());
            received.body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
            received.complete = true;
            shared.replace(index, received.clone());
            let call = Call { request: received, outbound: shared.outbound.get().cloned() };
            let shared = Arc::clone(&shared);
            let work = tokio::task::spawn_blocking(move || match &shared.handler {
                Handler::Blocking(handler) => handler(&call),
                Handler::Fixed(reply) => reply.fixed(),
            });
            // A handler that panics answers 500, so that the test fails where it asserts.
            work.await.unwrap_or_else(|_| Reply::new(500, "the application panicked"))
        }
    };
    reply.into_hyper()
}

impl Shared {
    fn record(&self, received: Received) -> usize {
        let mut all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(received);
        all.len() - 1
    }

    fn replace(&self, index: usize, received: Received) {
        let mut all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        all[index] = received;
    }
}
