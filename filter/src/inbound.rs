//! The inbound role without a host: from a request's head, peer and body to a decision.
//!
//! What can be decided at the headers is. Otherwise the body is read as it comes, and a deny that nothing in the rest
//! of it could change is given at once. The verdict does not depend on how the body is cut into pieces.

use core::cell::Cell;

use ambit_bytecode::Code;
use ambit_eval::{Caller, Key, Principal, Program, Protocol, Request, Verdict};
use ambit_request::extract::Extractor;
use ambit_request::mcp::Params;
use ambit_request::media::Media;
use ambit_request::path::{CanonicalPath, PathBuffer, PathError, canonicalize};
use ambit_request::spiffe::SpiffeId;

use crate::decision::{Decision, Form, Refusal};
use crate::egress::Leaving;
use crate::evidence::{self, Evidence};
use crate::facts::{Body, RequestFacts};
use crate::head::{Head, Pairs};
use crate::intake::{Intake, Need, Way};
use crate::policy::Policy;
use crate::telemetry;

/// What the connection proves of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It presented no certificate.
    None,
    /// It presented one without a URI SAN.
    Nameless,
    /// The first URI SAN of its certificate, whatever that is.
    San(Vec<u8>),
}

/// A request's head, kept for as long as it may be judged again.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its header pairs.
    pub pairs: Pairs,
    /// Who sent it.
    pub peer: Peer,
    /// The downstream address, if policy reads it; else empty.
    pub peer_address: Vec<u8>,
    /// Whether an allow of it is to be recorded. A deny always is.
    pub is_recorded: bool,
}

/// What comes of the headers.
#[derive(Debug)]
pub enum Step {
    /// It is decided.
    Decided(Decision),
    /// The body has to be read first.
    Read(Box<Reading>),
}

/// A request whose body is being read.
#[derive(Debug)]
pub struct Reading {
    way: Way,
    /// The agent that calls, if it is known.
    caller: Option<u16>,
    taken: usize,
    progress: Progress,
    /// Headers that repeat arguments.
    params: Option<Box<Params>>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "what it is a part of is boxed")]
enum Progress {
    /// The fields that policy reads.
    Fields {
        extractor: Extractor,
        /// How many values were there when it was last judged.
        values: usize,
    },
    /// Only whether this is what its media type says; the verdict is there already, and what it was made of.
    Preface(Verdict, Option<Evidence>),
}

/// What the bytes that were taken last come to.
enum Taken {
    /// Nothing that could decide.
    Nothing,
    /// The first byte of a body that is not read.
    First(u8),
    /// Values that may decide.
    Values,
    /// A reason to refuse the body.
    Refused(Refusal),
}

/// A body that passes unread, up to what its service declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    way: Way,
    limit: u32,
    passed: u64,
}

/// One request before one policy at one time.
pub(crate) struct Judge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) head: Head<'a>,
    pub(crate) path: Result<CanonicalPath<'a>, PathError>,
    inbound: &'a Inbound,
    now: u64,
    /// What the last verdict that counts was made of.
    evidence: Cell<Option<Evidence>>,
}

impl Inbound {
    /// Judges by the headers. `is_end` says that there is no body; `now` is in Unix seconds.
    #[must_use]
    pub fn begin(&self, policy: &Policy, is_end: bool, now: u64) -> Step {
        let mut buffer = PathBuffer::new();
        let judge = Judge::new(policy, self, &mut buffer, now);
        match judge.begin(is_end) {
            Step::Decided(decision) => Step::Decided(judge.recorded(decision)),
            read @ Step::Read(_) => read,
        }
    }

    fn caller(&self) -> Caller<'_> {
        match &self.peer {
            Peer::None => Caller::Unauthenticated,
            Peer::Nameless => Caller::Malformed,
            Peer::San(san) => match SpiffeId::parse(san) {
                Ok(id) => Caller::Proven(Principal {
                    whole: id.as_str().as_bytes(),
                    trust_domain: id.trust_domain().as_bytes(),
                    path: id.path().as_bytes(),
                }),
                Err(_) => Caller::Malformed,
            },
        }
    }
}

impl Reading {
    /// The agent that calls, if it is known.
    #[must_use]
    pub const fn caller(&self) -> Option<u16> {
        self.caller
    }

    /// How many bytes of the body were taken.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.taken
    }

    /// Takes the next bytes of the body; decides if what follows them does not matter any more.
    pub fn push(&mut self, inbound: &Inbound, policy: &Policy, bytes: &[u8], now: u64) -> Option<Decision> {
        let taken = self.take(policy, bytes);
        self.judge_part(taken, inbound, policy, now)
    }

    /// Takes the last bytes of the body, if there are any, and decides. Nothing comes after it.
    ///
    /// Where [`push`](Self::push) has a decision, this is the one. But a part of a body is judged as all of it is, as
    /// far as it can be: so it is asked whether a part was enough only where the whole is refused for what it is, and
    /// a body that comes in one piece is judged once.
    #[must_use]
    pub fn last(&mut self, inbound: &Inbound, policy: &Policy, bytes: &[u8], now: u64) -> Decision {
        let taken = self.take(policy, bytes);
        if !matches!(taken, Taken::Values) {
            let decision = self.judge_part(taken, inbound, policy, now);
            return decision.unwrap_or_else(|| self.judge_whole(inbound, policy, now));
        }
        let decision = self.judge_whole(inbound, policy, now);
        if decision.detail.is_none() {
            return decision;
        }
        self.judge_part(taken, inbound, policy, now).unwrap_or(decision)
    }

    fn take(&mut self, policy: &Policy, bytes: &[u8]) -> Taken {
        // What is beyond the limit is not looked at, so that it is the same where the pieces end.
        let most = usize::try_from(self.way.body_limit(policy)).unwrap_or(usize::MAX);
        let room = most.saturating_sub(self.taken);
        let fits = bytes.get(..room).unwrap_or(bytes);
        let is_too_large = fits.len() < bytes.len();
        self.taken = self.taken.saturating_add(bytes.len());
        if let Some(params) = &mut self.params {
            params.push(fits);
        }
        let Progress::Fields { extractor, values } = &mut self.progress else {
            return bytes.first().map_or(Taken::Nothing, |byte| Taken::First(*byte));
        };
        let refusal = match extractor.push(fits) {
            Err(error) => Refusal::json(error.kind()),
            Ok(_) if is_too_large => Refusal::too_large(),
            Ok(progress) if progress.values == *values => return Taken::Nothing,
            Ok(progress) => {
                *values = progress.values;
                return Taken::Values;
            }
        };
        let is_hopeless = is_too_large || extractor.is_over();
        if !is_hopeless && self.way.lacks_id(policy, extractor.facts()) {
            return Taken::Nothing;
        }
        Taken::Refused(refusal)
    }

    /// Decides if what follows does not matter any more.
    fn judge_part(&mut self, taken: Taken, inbound: &Inbound, policy: &Policy, now: u64) -> Option<Decision> {
        let mut buffer = PathBuffer::new();
        let way = self.way;
        match (&mut self.progress, taken) {
            (_, Taken::Nothing) => None,
            (Progress::Preface(verdict, evidence), taken) => {
                let judge = Judge::new(policy, inbound, &mut buffer, now);
                // A gRPC message begins with whether it is compressed; no JSON text begins so.
                judge.evidence.set(evidence.take());
                let decision = match taken {
                    Taken::First(0 | 1) => judge.limited(way, Decision::new(*verdict, way.form())),
                    _ => judge.refuse(way, &Refusal::new(Code::BodyMalformed, "grpc-frame")),
                };
                Some(judge.recorded(decision))
            }
            (Progress::Fields { extractor, .. }, taken) => {
                let judge = Judge::new(policy, inbound, &mut buffer, now);
                let facts = extractor.facts();
                let decision = way.early(&judge, facts).or_else(|| match &taken {
                    Taken::Refused(refusal) => Some(judge.refuse_in(way, refusal, facts)),
                    _ => None,
                })?;
                Some(judge.recorded(judge.addressed(decision)))
            }
        }
    }

    fn judge_whole(&mut self, inbound: &Inbound, policy: &Policy, now: u64) -> Decision {
        let mut buffer = PathBuffer::new();
        let judge = Judge::new(policy, inbound, &mut buffer, now);
        let decision = match &mut self.progress {
            Progress::Preface(verdict, evidence) => {
                judge.evidence.set(evidence.take());
                Decision::new(*verdict, self.way.form())
            }
            Progress::Fields { .. } if self.taken == 0 => judge.decide_empty(self.way),
            Progress::Fields { extractor, .. } => match extractor.end() {
                Ok(()) => match self.params.take().map_or(Ok(()), |params| params.check()) {
                    Ok(()) => self.way.decide(&judge, extractor.facts()),
                    Err(error) => judge.refuse_in(self.way, &Refusal::from(error), extractor.facts()),
                },
                Err(error) => judge.refuse_in(self.way, &Refusal::json(error.kind()), extractor.facts()),
            },
        };
        judge.recorded(judge.addressed(decision))
    }
}

impl Passing {
    /// Takes the next bytes of the body, of which there are `size`; refuses the request if that is too many.
    pub fn push(&mut self, inbound: &Inbound, policy: &Policy, size: usize, now: u64) -> Option<Decision> {
        self.passed = self.passed.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        if self.passed <= u64::from(self.limit) {
            return None;
        }
        let mut buffer = PathBuffer::new();
        let judge = Judge::new(policy, inbound, &mut buffer, now);
        Some(judge.recorded(judge.refuse(self.way, &Refusal::too_large())))
    }
}

impl<'a> Judge<'a> {
    pub(crate) fn new(
        policy: &'a Policy,
        inbound: &'a Inbound,
        buffer: &'a mut PathBuffer,
        now: u64,
    ) -> Self {
        let head = Head::read(&inbound.pairs);
        let path = canonicalize(head.path, buffer);
        Self { policy, head, path, inbound, now, evidence: Cell::new(None) }
    }

    /// Judges by the headers.
    fn begin(&self, is_end: bool) -> Step {
        let intake = match Intake::read(self) {
            Ok(intake) => intake,
            Err((way, refusal)) => return Step::Decided(self.refuse(way, &refusal)),
        };
        let body = match intake.need {
            Need::IfRead | Need::Always => Body::Unread,
            Need::Nothing => Body::Absent,
            Need::Opaque | Need::Preface => Body::Opaque,
        };
        let key = intake.key.as_deref().map_or(Key::Unread, Key::Known);
        let verdict = self.verdict(intake.way.protocol(), key, body);
        let is_decided = match intake.need {
            Need::IfRead => !verdict.pending,
            Need::Preface if is_end => true,
            Need::Always | Need::Preface => !verdict.allows() && !verdict.pending,
            Need::Nothing | Need::Opaque => true,
        };
        if is_decided {
            let mut decision = Decision::new(verdict, intake.way.form());
            decision.lists = intake.way.protocol() == Protocol::Mcp && self.head.resumes;
            return Step::Decided(if is_end { decision } else { self.limited(intake.way, decision) });
        }
        if is_end {
            return Step::Decided(self.decide_empty(intake.way));
        }
        let progress = match (intake.need, intake.way.selection(self.policy)) {
            (Need::Preface, _) | (_, None) => {
                if self.says_too_much(intake.way) {
                    return Step::Decided(self.refuse(intake.way, &Refusal::too_large()));
                }
                Progress::Preface(verdict, self.evidence.take())
            }
            (_, Some(selection)) => {
                if let Err(refusal) = self.readable(intake.way) {
                    return Step::Decided(self.refuse(intake.way, &refusal));
                }
                Progress::Fields { extractor: Extractor::new(selection), values: 0 }
            }
        };
        let params = match intake.way.params(&self.inbound.pairs) {
            Ok(params) => params.map(Box::new),
            Err(refusal) => return Step::Decided(self.refuse(intake.way, &refusal)),
        };
        Step::Read(Box::new(Reading { way: intake.way, caller: verdict.caller, taken: 0, progress, params }))
    }

    /// What the program says of a key.
    pub(crate) fn verdict(&self, protocol: Protocol, key: Key<'_>, body: Body<'_>) -> Verdict {
        self.with_request(protocol, key, body, |program, request| {
            let verdict = program.decide(request);
            if !verdict.pending && (self.inbound.is_recorded || !verdict.allows()) {
                let root = self.head.stated_root();
                self.evidence.set(Some(evidence::write(self.policy, request, body, root, &verdict)));
            }
            verdict
        })
    }

    /// Judges a call that the request will have the agent make, by a URL that it names. None if that stays in the mesh, or if
    /// nothing bounds what callers have called outside.
    pub(crate) fn push(&self, url: &[u8], form: &Form) -> Option<Decision> {
        let leaving = Leaving::push(self.policy, self.inbound.caller(), url)?;
        let most = self.policy.program().max_depth();
        let evidence = Cell::new(None);
        let verdict =
            self.head.with_statement(most, &|statement| leaving.verdict(statement, self.now, &evidence));
        let mut decision = leaving.decision(verdict, form.clone());
        decision.evidence = evidence.take();
        Some(decision)
    }

    /// Hands the program what it is asked.
    pub(crate) fn with_request(
        &self,
        protocol: Protocol,
        key: Key<'_>,
        body: Body<'_>,
        judge: impl Fn(&Program<Vec<u8>>, &Request<'_, RequestFacts<'_>>) -> Verdict,
    ) -> Verdict {
        let Inbound { pairs, peer_address, .. } = self.inbound;
        let facts = RequestFacts::new(self.policy, pairs, &self.head, self.path.ok(), peer_address, body);
        self.head.with_statement(self.policy.program().max_depth(), &|statement| {
            let caller = self.inbound.caller();
            let request = Request { caller, statement, protocol, key, facts: &facts, now: self.now };
            let verdict = judge(self.policy.program(), &request);
            telemetry::count_steps(&verdict);
            verdict
        })
    }

    /// Holds the body of a request that may pass to what its service declares.
    fn limited(&self, way: Way, mut decision: Decision) -> Decision {
        if !decision.verdict.passes() {
            return decision;
        }
        if self.says_too_much(way) {
            return self.refuse(way, &Refusal::too_large());
        }
        let limit = self.policy.program().body_limit(way.protocol());
        decision.passing = limit.map(|limit| Passing { way, limit, passed: 0 });
        decision
    }

    /// Whether the body says to be larger than its service declares.
    fn says_too_much(&self, way: Way) -> bool {
        let limit = self.policy.program().body_limit(way.protocol());
        let length = self.head.content_length;
        limit.zip(length).is_some_and(|(limit, length)| length > u64::from(limit))
    }

    /// Whether the body can be read as JSON.
    fn readable(&self, way: Way) -> Result<(), Refusal> {
        let most = u64::from(way.body_limit(self.policy));
        if self.head.content_length.is_some_and(|length| length > most) {
            Err(Refusal::too_large())
        } else if self.head.is_encoded {
            Err(Refusal::new(Code::BodyUnreadable, "content-encoding"))
        } else if self.head.media() != Media::Json {
            Err(Refusal::new(Code::BodyUnreadable, "content-type"))
        } else {
            Ok(())
        }
    }

    /// Refuses the request, unless something else refuses it first.
    pub(crate) fn refuse(&self, way: Way, refusal: &Refusal) -> Decision {
        self.refuse_with(way, refusal, way.form())
    }

    fn refuse_in(&self, way: Way, refusal: &Refusal, facts: &ambit_request::extract::Facts) -> Decision {
        self.refuse_with(way, refusal, way.form_in(self.policy, facts))
    }

    pub(crate) fn refuse_with(&self, way: Way, refusal: &Refusal, form: Form) -> Decision {
        let verdict = self.verdict(way.protocol(), Key::Refused(refusal.code), Body::Opaque);
        let mut decision = Decision::new(verdict, form);
        // Something else may have refused it first.
        if decision.verdict.code == refusal.code {
            decision.detail = Some(refusal.detail);
            decision.form.answer(refusal);
        }
        decision
    }

    /// Puts a decision that the caller is told into the form that its headers ask for.
    fn addressed(&self, mut decision: Decision) -> Decision {
        if let Form::JsonRpc(error) = &mut decision.form
            && !decision.verdict.passes()
        {
            error.is_event = self.inbound.pairs.want_events();
        }
        decision
    }

    /// A decision with what it was made of; one on a URL brings its own.
    fn recorded(&self, mut decision: Decision) -> Decision {
        let evidence = self.evidence.take();
        decision.evidence = decision.evidence.or(evidence);
        decision
    }

    /// Decides a request whose body has no bytes.
    fn decide_empty(&self, way: Way) -> Decision {
        match way.key_of_empty(self) {
            Ok(key) => {
                Decision::new(self.verdict(way.protocol(), Key::Known(&key), Body::Absent), way.form())
            }
            Err(refusal) => self.refuse(way, &refusal),
        }
    }
}
