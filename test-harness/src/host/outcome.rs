use std::fmt;

use super::headers::HeaderMap;
use super::local_reply::LocalReply;

/// How a message stands after the filter has seen a piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What has come so far was passed on.
    Continue,
    /// The filter holds the message.
    Paused,
    /// The proxy answered instead of the application.
    LocalReply(LocalReply),
    /// The stream was broken off.
    Reset,
    /// No connection is accepted: the listener still waits for its first configuration.
    Refused,
}

impl Outcome {
    /// The proxy's own reply, if there is one.
    pub fn reply(&self) -> Option<&LocalReply> {
        match self {
            Self::LocalReply(reply) => Some(reply),
            _ => None,
        }
    }

    /// Status of the proxy's own reply, if there is one.
    pub fn status(&self) -> Option<u16> {
        self.reply().map(|reply| reply.status)
    }
}

/// What one end of a stream received.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// `None` if nothing arrived at all.
    pub headers: Option<HeaderMap>,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
    /// The message is complete.
    pub ended: bool,
    /// The stream was broken off, whatever had arrived.
    pub reset: bool,
}

impl Message {
    /// The value of `:status`.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.header(":status")?).ok()?.parse().ok()
    }

    /// First value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.as_ref()?.first(name)
    }

    /// First value of a trailer.
    pub fn trailer(&self, name: &str) -> Option<&[u8]> {
        self.trailers.as_ref()?.first(name)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.headers {
            Some(headers) => write!(f, "{headers:?} `{}`", self.body.escape_ascii())?,
            None => f.write_str("nothing")?,
        }
        if let Some(trailers) = &self.trailers {
            write!(f, " {trailers:?}")?;
        }
        f.write_str(match (self.ended, self.reset) {
            (_, true) => ", reset",
            (true, false) => ", ended",
            (false, false) => ", unfinished",
        })
    }
}
