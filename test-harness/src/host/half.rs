use super::headers::HeaderMap;
use super::outcome::Message;

/// Which of a stream's two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// One message on its way through the filter: what has come in, what waits, what the guest may look at, what has gone
/// out. The rules by which it moves are in `exchange`.
#[derive(Default)]
pub(super) struct Half {
    pub(super) headers: Option<HeaderMap>,
    pub(super) trailers: Option<HeaderMap>,
    /// The sender has finished.
    pub(super) seen_end: bool,
    pub(super) received_bytes: usize,
    pub(super) iteration: Iteration,
    /// No more callbacks for this message.
    pub(super) aborted: bool,
    /// What the filter manager holds back.
    pub(super) buffered: Option<Vec<u8>>,
    pub(super) view: View,
    pub(super) sent: Message,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Iteration {
    #[default]
    Running,
    /// Later pieces still come to the filter.
    StoppedOne,
    /// Nothing comes to the filter until it resumes.
    StoppedAll,
}

/// The guest's window on the message. It closes when a callback returns Continue.
#[derive(Default)]
pub(super) struct View {
    pub(super) headers: bool,
    pub(super) trailers: bool,
    pub(super) body: bool,
    /// The piece that the current body callback is about.
    pub(super) chunk: Option<Vec<u8>>,
    /// The last body callback asked to buffer, so the guest sees all that was buffered.
    pub(super) buffering: bool,
}

impl Half {
    /// The body as the guest sees it.
    pub(super) fn visible_body(&mut self) -> Option<&mut Vec<u8>> {
        if self.view.buffering {
            self.buffered.as_mut()
        } else {
            self.view.chunk.as_mut().filter(|_| self.view.body)
        }
    }

    /// Makes trailers, if the guest is looking at the last of the body and there are none.
    pub(super) fn open_trailers(&mut self) {
        if self.trailers.is_none() && self.seen_end && (self.view.body || self.view.buffering) {
            self.trailers = Some(HeaderMap::default());
            self.view.trailers = true;
        }
    }

    pub(super) fn buffer(&mut self, data: &[u8]) {
        self.buffered.get_or_insert_default().extend_from_slice(data);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.iteration != Iteration::Running
    }
}
