//! Requests and responses as tests and agents write and read them.

use std::io;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// Header lines in order: the name as sent, the value as bytes.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A request. Without a `host` header it goes to the endpoint's own authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method, such as `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header lines, repeated ones too.
    pub headers: Headers,
    /// Body; an empty one is not sent at all.
    pub body: Vec<u8>,
}

/// A complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
    /// Trailer lines.
    pub trailers: Headers,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A `POST` of a JSON text.
    #[must_use]
    pub fn post_json(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new("POST", target).header("content-type", "application/json");
        request.body = body.into();
        request
    }

    /// Adds the header `host`, by which an outbound listener routes: `admin.local` for workload `admin`.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Copies the headers called `names` from a request received, as a tracing library does in an agent.
    #[must_use]
    pub fn carry(mut self, received: &[(String, Vec<u8>)], names: &[&str]) -> Self {
        self.headers.extend(received.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned());
        self
    }

    /// Bytes of the request in HTTP/1.1, unchecked, to be changed by hand and sent raw.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.headers {
            line(name, value);
        }
        if !self.body.is_empty() {
            line("content-length", self.body.len().to_string().as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(super) fn to_hyper(&self, authority: &str, http2: bool) -> io::Result<hyper::Request<Full<Bytes>>> {
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map_or(authority.as_bytes(), |(_, value)| value);
        let mut builder = hyper::Request::builder().method(self.method.as_str());
        // HTTP/2 has no `host` line: the authority is a part of the URI.
        builder = if http2 {
            builder.uri([b"http://", host, self.target.as_bytes()].concat())
        } else {
            builder.uri(self.target.as_str()).header("host", host)
        };
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            builder = builder.header(
                HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?,
                HeaderValue::from_bytes(value).map_err(io::Error::other)?,
            );
        }
        builder.body(Full::from(self.body.clone())).map_err(io::Error::other)
    }
}

impl Response {
    /// The first header line called `name` (in lower case), if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text, with a mark in place of what is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) fn headers_of(map: &HeaderMap) -> Headers {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
