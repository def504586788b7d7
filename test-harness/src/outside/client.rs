//! An application whose connections are captured.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::client::{MAX_WAIT, tls};
use crate::pki::Authority;

/// Where an application connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The listener that the connection is captured by.
    pub listener: SocketAddr,
    /// Where the application wanted to go.
    pub original: SocketAddr,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These bytes, to the end of the connection.
    Bytes(Vec<u8>),
    /// It was closed, and nothing came.
    Closed,
}

impl Outgoing {
    /// A connection without TLS. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the listener takes none.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let mut connection = TcpStream::connect_timeout(&self.listener, MAX_WAIT)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(MAX_WAIT))?;
        let family = if self.original.is_ipv4() { "TCP4" } else { "TCP6" };
        let source = if self.original.is_ipv4() { "127.0.0.1" } else { "::1" };
        let (ip, port) = (self.original.ip(), self.original.port());
        write!(connection, "PROXY {family} {source} {ip} 40000 {port}\r\n")?;
        Ok(connection)
    }

    /// Sends bytes, and reads all that comes.
    ///
    /// # Errors
    ///
    /// When the listener takes no connection, or keeps it open without an end.
    pub fn send(&self, bytes: &[u8]) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        // A connection that is closed meanwhile shows when it is read.
        let _ = connection.write_all(bytes);
        read_to_end(connection)
    }

    /// Reads what comes first, without having sent anything.
    ///
    /// # Errors
    ///
    /// When the listener takes no connection, or nothing comes of it.
    pub fn first_word(&self) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        let mut bytes = vec![0; 1024];
        let count = match connection.read(&mut bytes) {
            Err(error) if is_timeout(&error) => return Err(error),
            read => read.unwrap_or(0),
        };
        bytes.truncate(count);
        Ok(if bytes.is_empty() { Answer::Closed } else { Answer::Bytes(bytes) })
    }

    /// Sends bytes within TLS to a server of this name, and reads all that comes.
    ///
    /// # Errors
    ///
    /// When the name is none, the server shows no certificate of `authority`, or as for [`Self::send`].
    pub fn send_tls(&self, name: &str, authority: &Authority, bytes: &[u8]) -> io::Result<Answer> {
        let server_name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(tls::client_config(authority, None)?, server_name)
            .map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, self.connect()?);
        let _ = stream.write_all(bytes);
        read_to_end(stream)
    }
}

fn read_to_end(mut stream: impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if is_timeout(&error) => return Err(error),
        // Also a connection that was reset, or that TLS had not yet come to an end on.
        Ok(_) | Err(_) => {}
    }
    Ok(if bytes.is_empty() { Answer::Closed } else { Answer::Bytes(bytes) })
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The first message of a TLS client that asks for this server name, whatever bytes that has; none asks for none.
#[must_use]
pub fn client_hello(server_name: Option<&[u8]>) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&length(bytes.len()), bytes].concat();
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let entry = [&[0], &sized(name)[..]].concat();
        extensions.extend([&[0, 0], &sized(&sized(&entry))[..]].concat());
    }
    // Supported groups and signature algorithms, so that it looks like a client.
    extensions.extend([&[0, 10], &sized(&sized(&[0, 29]))[..]].concat());
    extensions.extend([&[0, 13], &sized(&sized(&[4, 3]))[..]].concat());
    let random = [7; 32];
    let ciphers = sized(&[0xc0, 0x2b]);
    let body = [&[3, 3], &random[..], &[0], &ciphers, &[1, 0], &sized(&extensions)].concat();
    let [high, low] = length(body.len());
    let handshake = [&[1, 0, high, low], &body[..]].concat();
    [&[22, 3, 1], &sized(&handshake)[..]].concat()
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).expect("a short message").to_be_bytes()
}
