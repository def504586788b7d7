//! What an application answers: at once, or piece by piece while it goes on working.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use crate::client::message::Headers;

/// Pieces of a streamed body that may wait for the sidecar to take them.
const MAX_PIECES_WAITING: usize = 16;

/// An application's answer.
pub struct Reply {
    status: u16,
    headers: Headers,
    body: ReplyBody,
}

/// The sending end of a streamed body, such as server-sent events. The body ends when it is dropped.
pub struct ReplyStream(mpsc::Sender<Bytes>);

/// The body of a [`Reply`], as the server reads it.
pub(super) enum ReplyBody {
    /// All of it, and the trailers behind it; each `None` when it has been read.
    Whole(Option<Bytes>, Option<HeaderMap>),
    /// What the application sends until it drops the other end.
    Streamed(mpsc::Receiver<Bytes>),
}

impl Reply {
    /// An answer with a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = ReplyBody::Whole(Some(Bytes::from(body.into())), None);
        Self { status, headers: Vec::new(), body }
    }

    /// An answer that goes on after the handler has returned, and the end to send it from.
    #[must_use]
    pub fn stream(status: u16) -> (Self, ReplyStream) {
        let (sender, receiver) = mpsc::channel(MAX_PIECES_WAITING);
        let body = ReplyBody::Streamed(receiver);
        (Self { status, headers: Vec::new(), body }, ReplyStream(sender))
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds a trailer line to an answer that is not streamed, as gRPC ends every answer with `grpc-status`.
    ///
    /// # Panics
    ///
    /// When it is no well-formed line.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let ReplyBody::Whole(_, trailers) = &mut self.body {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name of a trailer");
            let value = HeaderValue::from_bytes(value.as_ref()).expect("a value of a trailer");
            trailers.get_or_insert_default().append(name, value);
        }
        self
    }

    /// The same answer again; a streamed body cannot be had twice and comes out empty.
    pub(super) fn fixed(&self) -> Self {
        let body = match &self.body {
            ReplyBody::Whole(body, trailers) => ReplyBody::Whole(body.clone(), trailers.clone()),
            ReplyBody::Streamed(_) => ReplyBody::Whole(None, None),
        };
        Self { status: self.status, headers: self.headers.clone(), body }
    }

    pub(super) fn into_hyper(self) -> io::Result<hyper::Response<ReplyBody>> {
        let mut builder = hyper::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(
                HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?,
                HeaderValue::from_bytes(value).map_err(io::Error::other)?,
            );
        }
        builder.body(self.body).map_err(io::Error::other)
    }
}

impl ReplyStream {
    /// Sends one piece of the body; `false` when the other side no longer listens. May block.
    #[must_use]
    pub fn send(&self, piece: impl Into<Vec<u8>>) -> bool {
        self.0.blocking_send(Bytes::from(piece.into())).is_ok()
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body, trailers) => Poll::Ready(match body.take() {
                Some(bytes) => Some(Ok(Frame::data(bytes))),
                None => trailers.take().map(|lines| Ok(Frame::trailers(lines))),
            }),
            Self::Streamed(pieces) => {
                pieces.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None, None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            // In HTTP/1.1 a body of known length has no trailers.
            Self::Whole(Some(body), None) => SizeHint::with_exact(body.len().try_into().unwrap_or(u64::MAX)),
            Self::Whole(None, None) => SizeHint::with_exact(0),
            Self::Whole(..) | Self::Streamed(_) => SizeHint::default(),
        }
    }
}
