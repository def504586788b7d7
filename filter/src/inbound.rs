//! The inbound role without a host: from a request's head, peer and body to a verdict.

use ambit_bytecode::Code;
use ambit_eval::{Caller, Key, Protocol, Request, Verdict};
use ambit_request::path::{PathBuffer, canonicalize};
use ambit_request::spiffe::SpiffeId;

use crate::facts::{Body, RequestFacts};
use crate::head::{Head, Pairs};
use crate::policy::Policy;

/// The largest body that is read for a decision, in bytes: Envoy's own default for what it buffers (host facts, 4.3).
pub const MAX_BODY_BYTES: usize = 1 << 20;

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
}

impl Inbound {
    /// Judges the request with what is known of its body. `now` is in Unix seconds.
    #[must_use]
    pub fn judge(&self, policy: &Policy, body: Body<'_>, now: u64) -> Verdict {
        let head = Head::read(&self.pairs);
        let mut buffer = PathBuffer::default();
        let path = canonicalize(head.path, &mut buffer);
        let mut key_bytes = Vec::new();
        let key = match path {
            _ if head.is_malformed() => Key::Refused(Code::RequestMalformed),
            _ if head.is_upgrade => Key::Refused(Code::UpgradeRefused),
            Err(_) => Key::Refused(Code::PathRefused),
            Ok(_) if let Body::Refused(code) = body => Key::Refused(code),
            Ok(path) => match policy.protocol() {
                Protocol::Http => {
                    key_bytes.extend_from_slice(head.method);
                    key_bytes.push(b' ');
                    key_bytes.extend_from_slice(path.as_bytes());
                    Key::Known(&key_bytes)
                }
                Protocol::Grpc => Key::Known(path.as_bytes()),
                Protocol::Mcp | Protocol::A2a => Key::Refused(Code::ActionUnknown),
            },
        };
        let facts = RequestFacts::new(policy, &self.pairs, &head, path.ok(), &self.peer_address, body);
        head.with_statement(|statement| {
            let request = Request {
                caller: self.caller(),
                statement,
                protocol: policy.protocol(),
                key,
                facts: &facts,
                now,
            };
            policy.program().decide(&request)
        })
    }

    /// Why the body of this request cannot be read for a decision, if that is so.
    #[must_use]
    pub fn unreadable_body(&self) -> Option<Code> {
        let head = Head::read(&self.pairs);
        let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
        if head.content_length.is_some_and(|length| length > limit) {
            Some(Code::BodyTooLarge)
        } else if head.is_encoded || !head.content_type.is_some_and(is_json) {
            Some(Code::BodyUnreadable)
        } else {
            None
        }
    }

    fn caller(&self) -> Caller<'_> {
        match &self.peer {
            Peer::None => Caller::Unauthenticated,
            Peer::Nameless => Caller::Malformed,
            Peer::San(san) => match SpiffeId::parse(san) {
                Ok(id) => Caller::Proven(ambit_eval::Principal {
                    whole: id.as_str().as_bytes(),
                    trust_domain: id.trust_domain().as_bytes(),
                    path: id.path().as_bytes(),
                }),
                Err(_) => Caller::Malformed,
            },
        }
    }
}

/// `application/json`, or a type with the suffix `+json`; a charset other than UTF-8 is not JSON (RFC 8259, 8.1).
fn is_json(content_type: &[u8]) -> bool {
    let mut parts = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json =
        media == b"application/json" || (media.starts_with(b"application/") && media.ends_with(b"+json"));
    is_json
        && parts.all(|parameter| {
            let parameter = parameter.to_ascii_lowercase();
            !parameter.starts_with(b"charset")
                || parameter == b"charset=utf-8"
                || parameter == b"charset=\"utf-8\""
        })
}
