//! A server outside.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustls::crypto::ring;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::client::MAX_WAIT;
use crate::pki::Authority;

/// Most bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// With this a client of TLS begins.
const TLS_HANDSHAKE: u8 = 22;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1: it answers with its name. To a client of TLS, too, since it is all that is asked of it.
    Http,
    /// The same within TLS, under a certificate of its name.
    Https,
    /// It greets with its name, and says nothing more.
    First,
}

/// A running server. Ends when dropped.
pub struct Server {
    name: String,
    address: SocketAddr,
    kept: Arc<Kept>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Kept {
    connections: Mutex<Vec<Vec<u8>>>,
    is_over: AtomicBool,
}

impl Server {
    /// Starts a server of this name at an address of loopback.
    ///
    /// # Errors
    ///
    /// When there is no port or no thread to be had.
    pub fn start(name: &str, ip: IpAddr, speaks: Speaks, authority: &Authority) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, 0))?;
        let address = listener.local_addr()?;
        let kept = Arc::<Kept>::default();
        let tls = match speaks {
            Speaks::Https => Some(server_config(authority, name)?),
            Speaks::Http | Speaks::First => None,
        };
        let (keeping, greeting) = (Arc::clone(&kept), name.to_owned());
        let thread = std::thread::Builder::new().name(format!("outside-{name}")).spawn(move || {
            for connection in listener.incoming() {
                if keeping.is_over.load(Ordering::Acquire) {
                    return;
                }
                let Ok(connection) = connection else { continue };
                let (kept, name, tls) = (Arc::clone(&keeping), greeting.clone(), tls.clone());
                let place = kept.begin();
                // A connection that the sidecar breaks off is no failure of the server.
                std::thread::spawn(move || {
                    serve(connection, speaks, &name, tls, &|bytes| kept.keep(place, bytes))
                });
            }
        })?;
        Ok(Self { name: name.to_owned(), address, kept, thread: Some(thread) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came over each connection so far, without TLS.
    #[must_use]
    pub fn connections(&self) -> Vec<Vec<u8>> {
        self.kept.connections.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kept.is_over.store(true, Ordering::Release);
        // What waits for a connection gets one.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Kept {
    fn begin(&self) -> usize {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.push(Vec::new());
        connections.len() - 1
    }

    fn keep(&self, place: usize, bytes: &[u8]) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections[place].extend_from_slice(bytes);
    }
}

fn server_config(authority: &Authority, name: &str) -> io::Result<Arc<ServerConfig>> {
    let identity = authority.issue_server(name);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate().clone()], identity.key())
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

fn serve(
    connection: TcpStream,
    speaks: Speaks,
    name: &str,
    tls: Option<Arc<ServerConfig>>,
    keep: &dyn Fn(&[u8]),
) -> io::Result<()> {
    connection.set_read_timeout(Some(MAX_WAIT))?;
    match (speaks, tls) {
        (Speaks::First, _) => {
            let mut connection = connection;
            connection.write_all(name.as_bytes())?;
            let mut chunk = [0; CHUNK];
            loop {
                match connection.read(&mut chunk)? {
                    0 => return Ok(()),
                    count => keep(&chunk[..count]),
                }
            }
        }
        (_, Some(config)) => {
            let session = ServerConnection::new(config).map_err(io::Error::other)?;
            answer(StreamOwned::new(session, connection), name, keep)
        }
        (_, None) => answer(connection, name, keep),
    }
}

/// Answers one request without a body.
fn answer(mut stream: impl Read + Write, name: &str, keep: &dyn Fn(&[u8])) -> io::Result<()> {
    let mut chunk = [0; CHUNK];
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        keep(&chunk[..count]);
        request.extend_from_slice(&chunk[..count]);
        if request.first() == Some(&TLS_HANDSHAKE) {
            // It is not HTTP, and gets an answer all the same.
            return stream.write_all(name.as_bytes());
        }
    }
    let length = name.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{name}")?;
    stream.flush()
}
