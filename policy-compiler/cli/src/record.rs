//! Decision records, as the filter writes them, read back and judged again.
//!
//! A record has what its verdict was made of, so that the same policy gives the same verdict. What it has only as a
//! digest, and what another policy reads beside, is taken as not read: where that matters, the verdict is *open*.

mod facts;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ambit_eval::{
    Caller, Code, Hop, Key, Lineage, Principal, Program, Protocol, Request, Statement, Verdict,
};
use ambit_filter::evidence::names;
use ambit_filter::head::split;
use ambit_request::spiffe::SpiffeId;
use serde::Deserialize;
use serde_json::Value;

use facts::Recorded;

/// What a line of a log starts a record with, wherever in it that is.
const START: &str = "{\"ambit\":\"decision/";

/// The version of records that is read.
const VERSION: &str = "2";

/// A decision record of version 2.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'r> {
    /// What ties it to a reply.
    pub id: Cow<'r, str>,
    /// When it was decided, in Unix seconds.
    pub time: u64,
    /// `allow` or `deny`.
    pub verdict: Cow<'r, str>,
    /// Whether it was acted on: shadow mode lets a deny pass.
    pub enforced: bool,
    /// Why.
    pub code: Cow<'r, str>,
    /// Digest of the policy source, in hexadecimal.
    pub policy: Option<Cow<'r, str>>,
    /// The generation of the policy.
    pub generation: Option<u64>,
    /// `NAMESPACE/SERVICE_ACCOUNT` of the workload that was asked.
    pub workload: Option<Cow<'r, str>>,
    /// The agent that called.
    pub caller: Option<Cow<'r, str>>,
    /// `SERVICE/ACTION`
    pub action: Option<Cow<'r, str>>,
    /// The member that limited it, the origin being 0.
    pub hop: Option<u8>,
    /// The mission that limited it.
    pub mission: Option<u8>,
    /// The rule that decided, by its number in the blob.
    pub rule: Option<u32>,
    /// What exactly was wrong with the request.
    pub detail: Option<Cow<'r, str>>,
    /// The agent or the mission that limited it.
    pub limits: Option<Cow<'r, str>>,
    /// The URI SAN of the peer; empty if its certificate has none.
    pub peer: Option<Cow<'r, str>>,
    /// What was stated of the lineage.
    pub lineage: Option<RecordedLineage<'r>>,
    /// Why what was stated cannot be read.
    pub lineage_refused: Option<Cow<'r, str>>,
    /// What the request was read as. Without it nothing was judged.
    pub protocol: Option<Cow<'r, str>>,
    /// What was asked, as selectors know it.
    pub key: Option<Cow<'r, str>>,
    /// The key is longer than what is here of it.
    #[serde(default)]
    pub key_cut: bool,
    /// Why it cannot be told what was asked.
    pub refused: Option<Cow<'r, str>>,
    /// How much was read of the body.
    pub body: Option<Cow<'r, str>>,
    /// Whether there are only arguments that the action lists.
    pub arguments: Option<Cow<'r, str>>,
    /// The fields that were read, by name.
    #[serde(default)]
    pub fields: BTreeMap<Cow<'r, str>, Value>,
    /// How many decisions before it were not recorded.
    #[serde(default)]
    pub dropped: u64,
}

/// What was stated of a lineage.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedLineage<'r> {
    /// The id of the work's root.
    pub root: Option<Cow<'r, str>>,
    /// Principals, origin first, without the peer.
    pub via: Vec<Cow<'r, str>>,
    /// Names of missions.
    pub missions: Vec<Cow<'r, str>>,
    /// The order of the members means nothing.
    pub merged: bool,
    /// The peer's sidecar stamps, so that it was believed.
    pub stamped: bool,
}

/// A policy by which records are judged.
pub struct Judge<'p> {
    program: &'p Program<Vec<u8>>,
    /// Names of its fields, by their ids.
    names: Vec<String>,
}

/// What a missing field of a record means.
#[derive(Clone, Copy, Debug)]
pub enum Missing<'s> {
    /// The policy that decided read everything that is asked for: it was not there.
    Absent,
    /// The policy that decided read only the fields of these names.
    Unless(&'s BTreeSet<String>),
    /// It is not known what the policy that decided read.
    Unknown,
}

impl<'r> Record<'r> {
    /// The record in a line of a log; `None` if there is none, or none of this version.
    ///
    /// # Errors
    /// Says what is wrong with what looks like one.
    pub fn find(line: &'r str) -> Result<Option<Self>, String> {
        let Some(start) = line.find(START) else { return Ok(None) };
        let text = line.get(start..).unwrap_or_default();
        let version = text.strip_prefix(START).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        if version != VERSION {
            return Err(format!("a decision record of version {version}, and version {VERSION} is read"));
        }
        // What follows the object on its line is the proxy's.
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Self>();
        match stream.next() {
            Some(Ok(record)) => Ok(Some(record)),
            Some(Err(error)) => Err(format!("not a decision record: {error}")),
            None => Ok(None),
        }
    }

    /// Whether there was anything to judge, so that it can be judged again.
    #[must_use]
    pub const fn is_judged(&self) -> bool {
        self.protocol.is_some()
    }

    /// What it says of its verdict: code, hop and rule.
    #[must_use]
    pub fn said(&self) -> (&str, Option<Hop>, Option<u32>) {
        let hop = self.hop.map(Hop::Member).or(self.mission.map(Hop::Mission));
        (&self.code, hop, self.rule)
    }

    /// Members of the lineage, origin first, and then the peer.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        let via = self.lineage.iter().flat_map(|lineage| &lineage.via);
        via.chain(&self.peer).map(AsRef::as_ref)
    }

    fn protocol(&self) -> Option<Protocol> {
        Some(match self.protocol.as_deref()? {
            "http" => Protocol::Http,
            "mcp" => Protocol::Mcp,
            "a2a" => Protocol::A2a,
            "grpc" => Protocol::Grpc,
            "egress" => Protocol::Egress,
            _ => return None,
        })
    }
}

impl<'p> Judge<'p> {
    /// Prepares for many records.
    #[must_use]
    pub fn new(program: &'p Program<Vec<u8>>) -> Self {
        Self { program, names: names(program) }
    }

    /// The names of the fields that conditions of this policy may read.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        self.names.iter().cloned().collect()
    }

    /// Judges a record again. The verdict is open if it is [pending](Verdict::pending). `None` if nothing was judged.
    #[must_use]
    pub fn decide(&self, record: &Record<'_>, missing: Missing<'_>) -> Option<Verdict> {
        self.with_request(record, missing, |request| self.program.decide(request))
    }

    /// Hands the request of a record to `then`.
    pub(crate) fn with_request<T>(
        &self,
        record: &Record<'_>,
        missing: Missing<'_>,
        then: impl FnOnce(&Request<'_, Recorded<'_>>) -> T,
    ) -> Option<T> {
        let protocol = record.protocol()?;
        let code = |word: &str| Code::ALL.iter().copied().find(|code| code.word() == word);
        let via = record.lineage.as_ref().map_or(&[][..], |lineage| &lineage.via);
        let members: Vec<Principal<'_>> = via.iter().map(|member| split(member)).collect();
        let missions: Vec<&[u8]> =
            record.lineage.iter().flat_map(|lineage| &lineage.missions).map(|name| name.as_bytes()).collect();
        let statement = match (&record.lineage_refused, &record.lineage) {
            (Some(word), _) => Statement::Refused(code(word)?),
            (None, None) => Statement::Absent,
            (None, Some(lineage)) => {
                let merged = lineage.merged;
                Statement::Lineage(Lineage { members: &members, missions: &missions, merged })
            }
        };
        let caller = match &record.peer {
            None => Caller::Unauthenticated,
            Some(san) => match SpiffeId::parse(san.as_bytes()) {
                Ok(id) => Caller::Proven(Principal {
                    whole: id.as_str().as_bytes(),
                    trust_domain: id.trust_domain().as_bytes(),
                    path: id.path().as_bytes(),
                }),
                Err(_) => Caller::Malformed,
            },
        };
        let key = match (&record.refused, &record.key) {
            (Some(word), _) => Key::Refused(code(word)?),
            (None, Some(key)) if !record.key_cut => Key::Known(key.as_bytes()),
            // Which action it is, is known nevertheless.
            (None, Some(_)) => match self.action(record) {
                Some(action) => Key::Action(action),
                None => Key::Refused(Code::ActionUnknown),
            },
            (None, None) => Key::Unread,
        };
        let facts = Recorded::new(self.program, &self.names, record, missing);
        Some(then(&Request { caller, statement, protocol, key, facts: &facts, now: record.time }))
    }

    /// The action of the program that has the name which the record says.
    fn action(&self, record: &Record<'_>) -> Option<u16> {
        let (service, action) = record.action.as_deref()?.split_once('/')?;
        (0..=u16::MAX)
            .map_while(|id| Some((id, self.program.action_name(id)?)))
            .find(|(_, name)| *name == (service.as_bytes(), action.as_bytes()))
            .map(|(id, _)| id)
    }
}
