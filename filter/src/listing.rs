//! Replies to the list methods of MCP, cut down to what the lineage may use, without a host.
//!
//! An entry is shown if the lineage could be granted some call of it: conditions on what a call says are taken at their
//! best, and everything else (who calls, on whose behalf, under which mission, from where, when) is as it is now.
//!
//! Only a reply that says that it succeeded is read. One that cannot be read as it says is answered in the place of the
//! server, by an error to every request that it would have answered.

use core::cell::Cell;

use ambit_bytecode::Code;
use ambit_eval::{Key, Protocol, Verdict};
use ambit_request::mcp::list::{Audience, Entry, Framing, ListError, Rewriter};
use ambit_request::media::{self, Media};
use ambit_request::path::PathBuffer;

use crate::decision::{Decision, Form};
use crate::facts::Body;
use crate::head::Pairs;
use crate::inbound::{Inbound, Judge};
use crate::limits::{MAX_HELD_BYTES, MAX_TEMPLATES};
use crate::policy::Policy;
use crate::record::DecisionId;
use crate::reply;

/// A reply that is being read.
#[derive(Debug)]
pub struct Listing {
    inbound: Inbound,
    /// How to answer the requests that it answers.
    form: Form,
    state: State,
    known: Known,
    /// How many bytes of [`HELD`] are of this reply.
    held: usize,
}

#[derive(Debug)]
enum State {
    /// It has no head yet.
    Fresh,
    /// It is none of those that are read.
    Aside,
    Rewriting(Framing, Rewriter),
    /// Its body is to be replaced.
    Unreadable(&'static str),
    /// Nothing goes on any more.
    Over,
}

/// What the head of a reply needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing.
    AsIt,
    /// To lose these headers, since the body changes.
    Without(&'static [&'static str]),
    /// To lose them and become JSON.
    Replaced(&'static [&'static str]),
}

/// What goes on of a piece of a body.
#[derive(Debug)]
pub enum Passed {
    /// The piece as it is.
    AsIt,
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, which tell what is wrong with the reply.
    Refused(Vec<u8>, Decision, DecisionId),
}

/// What was found out of policy for this reply.
#[derive(Debug, Default)]
struct Known {
    templates: usize,
    /// By action, whether it may be used.
    actions: Vec<Option<bool>>,
    marks: Vec<u16>,
}

/// What the length or a digest of the body would say of another one.
const OF_THE_BODY: &[&str] = &["content-length", "content-digest", "repr-digest", "digest", "etag"];
const OF_ANOTHER_BODY: &[&str] = &[
    "content-length",
    "content-digest",
    "repr-digest",
    "digest",
    "etag",
    "content-encoding",
    "content-type",
];

thread_local! {
    /// How many bytes are held of all replies: a matter of the VM's memory, whatever the policy.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

impl Listing {
    /// The reply to a request that may pass.
    #[must_use]
    pub fn new(inbound: Inbound, decision: Decision) -> Self {
        Self { inbound, form: decision.form, state: State::Fresh, known: Known::default(), held: 0 }
    }

    /// Reads the head of the reply. `is_end` says that it has no body.
    pub fn head(&mut self, pairs: &Pairs, is_end: bool) -> Head {
        let (mut status, mut content_type, mut is_encoded) = (&b""[..], None, false);
        let mut types = 0_u8;
        for (name, value) in pairs.iter() {
            match name {
                b":status" => status = value,
                b"content-type" => {
                    content_type = Some(value);
                    types = types.saturating_add(1);
                }
                b"content-encoding" => is_encoded |= !media::is_identity(value),
                _ => {}
            }
        }
        let is_success = matches!(status, [b'2', ..]) && status != b"202" && status != b"204";
        if is_end {
            // There is no body, or one of which nothing is known.
            return Head::AsIt;
        }
        if !is_success {
            self.state = State::Aside;
            return Head::AsIt;
        }
        let framing = match content_type.filter(|_| types == 1) {
            Some(media) if media::is_event_stream(media) => Some(Framing::Events),
            Some(media) if media::media(media) == Media::Json => Some(Framing::Json),
            _ => None,
        };
        match framing {
            Some(framing) if !is_encoded => {
                self.state = State::Rewriting(framing, Rewriter::new(framing));
                Head::Without(OF_THE_BODY)
            }
            _ => {
                let detail = if is_encoded { "content-encoding" } else { "content-type" };
                self.state = State::Unreadable(detail);
                Head::Replaced(OF_ANOTHER_BODY)
            }
        }
    }

    /// Takes the next bytes of the body; `is_end` says that they are the last. `id` is asked for if they are refused.
    pub fn body(
        &mut self,
        policy: &Policy,
        bytes: &[u8],
        is_end: bool,
        now: u64,
        id: impl Fn() -> DecisionId,
    ) -> Passed {
        let mut out = Vec::new();
        let refused = match core::mem::replace(&mut self.state, State::Over) {
            State::Aside => {
                self.state = State::Aside;
                return Passed::AsIt;
            }
            State::Over => None,
            State::Fresh => Some(("content-type", Framing::Json)),
            State::Unreadable(detail) => Some((detail, Framing::Json)),
            State::Rewriting(framing, mut rewriter) => {
                let mut buffer = PathBuffer::new();
                let judge = Judge::new(policy, &self.inbound, &mut buffer, now);
                let mut reader =
                    Reader { judge, known: &mut self.known, form: &self.form, id: &id, refused: None };
                rewriter.push(bytes, is_end, &mut reader, &mut out);
                let refused = reader.refused;
                if let Some((decision, id)) = refused {
                    self.hold(rewriter.held());
                    self.state = State::Rewriting(framing, rewriter);
                    return Passed::Refused(out, decision, id);
                }
                if self.hold(rewriter.held()) {
                    self.state = State::Rewriting(framing, rewriter);
                    None
                } else {
                    self.hold(0);
                    Some(("list-too-many-at-once", framing))
                }
            }
        };
        let Some((detail, framing)) = refused else { return Passed::Bytes(out) };
        let (decision, id) = (refusal(&self.form, detail), id());
        let answer = reply::answer(&decision, id);
        match framing {
            Framing::Json => out.extend(answer.unwrap_or_default()),
            // The event that was being held may have begun.
            Framing::Events => {
                if let Some(answer) = answer {
                    out.extend_from_slice(b"data: ");
                    out.extend(answer);
                }
                out.extend_from_slice(b"\n\n");
            }
        }
        Passed::Refused(out, decision, id)
    }

    /// Nothing more of the reply goes on, also if the host does not answer in its place.
    pub(crate) fn end(&mut self) {
        self.state = State::Over;
        self.hold(0);
    }

    /// Accounts for what is held of this reply now. Whether there was room for it.
    fn hold(&mut self, bytes: usize) -> bool {
        HELD.with(|held| {
            let all = held.get().saturating_sub(self.held).saturating_add(bytes);
            held.set(all);
            self.held = bytes;
            all <= MAX_HELD_BYTES
        })
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.hold(0);
    }
}

/// A deny of what the reply would have told.
fn refusal(form: &Form, detail: &'static str) -> Decision {
    let mut decision = Decision::refused(Code::ReplyUnreadable);
    (decision.form, decision.detail) = (form.clone(), Some(detail));
    decision
}

/// The lineage that a list is for.
struct Reader<'a> {
    judge: Judge<'a>,
    known: &'a mut Known,
    form: &'a Form,
    id: &'a dyn Fn() -> DecisionId,
    refused: Option<(Decision, DecisionId)>,
}

impl Reader<'_> {
    fn best_case(&self, key: Key<'_>) -> bool {
        self.judge.best_case(Protocol::Mcp, key).passes()
    }

    fn may_use_below(&mut self, prefix: &[u8]) -> bool {
        self.known.templates = self.known.templates.saturating_add(1);
        if self.known.templates > MAX_TEMPLATES {
            return false;
        }
        let program = self.judge.policy.program();
        let mut actions = Vec::new();
        self.known.marks.resize(program.marks(Protocol::Mcp), 0);
        let is_all = program
            .actions_below(Protocol::Mcp, prefix, &mut self.known.marks, |action| actions.push(action));
        // What is found twice is asked once.
        is_all && actions.into_iter().any(|action| self.may_use_action(action))
    }

    fn may_use_action(&mut self, action: u16) -> bool {
        let place = usize::from(action);
        if let Some(Some(known)) = self.known.actions.get(place) {
            return *known;
        }
        let may = self.best_case(Key::Action(action));
        let length = self.known.actions.len().max(place.saturating_add(1));
        self.known.actions.resize(length, None);
        if let Some(known) = self.known.actions.get_mut(place) {
            *known = Some(may);
        }
        may
    }
}

impl Audience for Reader<'_> {
    fn may_use(&mut self, entry: Entry<'_>) -> bool {
        match entry {
            Entry::Key(key) => self.best_case(Key::Known(key)),
            Entry::Below(prefix) => self.may_use_below(prefix),
        }
    }

    fn instead(&mut self, error: ListError) -> Option<Vec<u8>> {
        // One answer will do, since a request has one.
        if self.refused.is_some() {
            return None;
        }
        let decision = refusal(self.form, error.word());
        let id = (self.id)();
        let answer = reply::answer(&decision, id);
        self.refused = Some((decision, id));
        answer
    }
}

impl Judge<'_> {
    /// What the program says of a call that may say anything, at its best.
    fn best_case(&self, protocol: Protocol, key: Key<'_>) -> Verdict {
        self.with_request(protocol, key, Body::Anything, |program, request| program.best_case(request))
    }
}
