//! A connection for arbitrary bytes: values that are not UTF-8, repeated or broken headers, tricks with paths.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::MAX_WAIT;
use super::message::{Headers, Response};

/// Most header lines that a response may have.
const MAX_HEADERS: usize = 128;

/// Most bytes of a response that are read before it counts as broken.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// A connection that sends what it is given, and reads HTTP/1.1 responses.
pub struct RawConnection {
    stream: Box<dyn Stream>,
    /// Bytes read that belong to no response yet.
    unread: Vec<u8>,
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl RawConnection {
    pub(super) fn connect(
        address: SocketAddr,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    ) -> io::Result<Self> {
        let mut tcp = TcpStream::connect_timeout(&address, MAX_WAIT)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(MAX_WAIT))?;
        tcp.set_write_timeout(Some(MAX_WAIT))?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(tcp),
            Some((config, name)) => {
                let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
                while tls.is_handshaking() {
                    tls.complete_io(&mut tcp)?;
                }
                Box::new(StreamOwned::new(tls, tcp))
            }
        };
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends the bytes as they are.
    ///
    /// # Errors
    ///
    /// When the peer has closed the connection.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Whatever bytes come next, in no particular portion; empty when the peer has closed the connection.
    ///
    /// # Errors
    ///
    /// When the connection broke, or nothing came within [`MAX_WAIT`].
    pub fn read_some(&mut self) -> io::Result<Vec<u8>> {
        if self.unread.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.unread))
    }

    /// Reads one response, past interim ones (1xx other than 101); bytes behind it stay for the next call.
    ///
    /// # Errors
    ///
    /// When the connection broke, or what came is no complete HTTP/1.1 response.
    pub fn read_response(&mut self) -> io::Result<Response> {
        loop {
            let (status, headers) = self.read_head()?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let mut response = Response { status, headers, body: Vec::new(), trailers: Vec::new() };
            let chunked =
                response.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
            let length = response.header("content-length").map(str::parse::<usize>);
            match length {
                _ if matches!(status, 101 | 204 | 304) => {}
                _ if chunked => (response.body, response.trailers) = self.read_chunks()?,
                Some(Ok(length)) => response.body = self.take(length)?,
                Some(Err(_)) => return Err(broken("its content-length is no number")),
                None => {
                    while self.fill()? {}
                    response.body = std::mem::take(&mut self.unread);
                }
            }
            return Ok(response);
        }
    }

    fn read_head(&mut self) -> io::Result<(u16, Headers)> {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Response::new(&mut lines);
            if let httparse::Status::Complete(length) = head.parse(&self.unread).map_err(io::Error::other)? {
                let found = (head.code.unwrap_or_default(), owned(head.headers));
                self.unread.drain(..length);
                return Ok(found);
            }
            self.fill_more()?;
        }
    }

    fn read_chunks(&mut self) -> io::Result<(Vec<u8>, Headers)> {
        let mut body = Vec::new();
        loop {
            let size = loop {
                match httparse::parse_chunk_size(&self.unread) {
                    Ok(httparse::Status::Complete((length, size))) => {
                        self.unread.drain(..length);
                        break usize::try_from(size).map_err(io::Error::other)?;
                    }
                    Ok(httparse::Status::Partial) => self.fill_more()?,
                    Err(_) => return Err(broken("a chunk has no size")),
                }
            };
            if size == 0 {
                return Ok((body, self.read_trailers()?));
            }
            body.extend(self.take(size)?);
            if self.take(2)? != b"\r\n" {
                return Err(broken("a chunk is longer than it says"));
            }
        }
    }

    fn read_trailers(&mut self) -> io::Result<Headers> {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let parsed = httparse::parse_headers(&self.unread, &mut lines).map_err(io::Error::other)?;
            if let httparse::Status::Complete((length, lines)) = parsed {
                let trailers = owned(lines);
                self.unread.drain(..length);
                return Ok(trailers);
            }
            self.fill_more()?;
        }
    }

    /// Exactly `length` bytes.
    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.fill_more()?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn fill_more(&mut self) -> io::Result<()> {
        if self.fill()? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads a portion; `false` at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut portion = [0; 16 << 10];
        let length = match self.stream.read(&mut portion) {
            Ok(length) => length,
            // A peer that goes without TLS's own farewell is gone all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        self.unread.extend_from_slice(&portion[..length]);
        if self.unread.len() > MAX_RESPONSE_BYTES {
            return Err(broken("it is too long"));
        }
        Ok(length > 0)
    }
}

fn owned(lines: &[httparse::Header<'_>]) -> Headers {
    lines.iter().map(|line| (line.name.to_ascii_lowercase(), line.value.to_vec())).collect()
}

fn broken(why: &str) -> io::Error {
    io::Error::other(format!("broken response: {why}"))
}
