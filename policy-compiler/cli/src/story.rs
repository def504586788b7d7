//! The story of a decision: who asked what on whose behalf, what everyone's rules say of it, and what the policy text says
//! where.

mod places;

use ambit_compiler::diagnostics::Label;
use ambit_compiler::model::{Agent, Mission, Protocol};
use ambit_eval::{Consideration, Hop, Truth, Verdict};

use crate::policy::Loaded;
use crate::record::{Judge, Missing, Record};
use crate::sidecar::Sidecar;

/// A decision, judged again.
pub(crate) struct Story<'s> {
    pub(crate) record: &'s Record<'s>,
    /// The verdict of the policy that is at hand; `None` if nothing was judged.
    pub(crate) verdict: Option<Verdict>,
    /// Who stands behind the request: members of the lineage, origin first, then the caller.
    pub(crate) members: Vec<Member<'s>>,
    /// Missions of the lineage, in the order in which verdicts count them.
    pub(crate) missions: Vec<(&'s str, Option<&'s Mission>)>,
    /// What everyone's rules say.
    pub(crate) considerations: Vec<Consideration>,
    sidecar: &'s Sidecar,
    loaded: &'s Loaded,
}

/// A member of a lineage.
pub(crate) struct Member<'s> {
    pub(crate) principal: &'s str,
    /// The agent that it is, if it is one.
    pub(crate) agent: Option<&'s Agent>,
}

impl Member<'_> {
    /// The agent's name, or the principal.
    pub(crate) fn name(&self) -> &str {
        self.agent.map_or(self.principal, |agent| &agent.name)
    }
}

/// How the verdict of the policy at hand compares with that of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is the same.
    Same,
    /// It is another.
    Other,
    /// It hangs on what the record has only as a digest, or not at all.
    Open,
    /// Nothing was judged.
    Nothing,
}

impl<'s> Story<'s> {
    pub(crate) fn new(
        record: &'s Record<'s>,
        sidecar: &'s Sidecar,
        loaded: &'s Loaded,
        missing: Missing<'_>,
    ) -> Self {
        let judge = Judge::new(sidecar.policy.program());
        let mut considerations = Vec::new();
        let verdict = judge.with_request(record, missing, |request| {
            let program = sidecar.policy.program();
            program.account(request, |one| considerations.push(*one));
            program.decide(request)
        });
        let agent = |principal: &str| {
            let id = sidecar.policy.program().agent(&ambit_filter::head::split(principal))?;
            let id = sidecar.compiled.agents.get(usize::from(id))?;
            sidecar.model(loaded).agents.get(usize::try_from(id.0).ok()?)
        };
        let members =
            record.members().map(|principal| Member { principal, agent: agent(principal) }).collect();
        let missions = record.lineage.iter().flat_map(|lineage| &lineage.missions).map(|name| {
            let mission = sidecar.model(loaded).missions.iter().find(|mission| mission.name == *name);
            (name.as_ref(), mission)
        });
        Self { record, verdict, members, missions: missions.collect(), considerations, sidecar, loaded }
    }

    /// How the two verdicts compare.
    pub(crate) fn again(&self) -> Again {
        let Some(verdict) = &self.verdict else { return Again::Nothing };
        let (code, hop, rule) = self.record.said();
        match verdict {
            Verdict { pending: true, .. } => Again::Open,
            _ if verdict.code.word() == code && verdict.hop == hop && verdict.rule == rule => Again::Same,
            _ => Again::Other,
        }
    }

    /// The name of who limits a request, by its place.
    pub(crate) fn holder(&self, hop: Hop) -> &str {
        match hop {
            Hop::Member(place) => self.members.get(usize::from(place)).map_or("?", Member::name),
            Hop::Mission(place) => self.missions.get(usize::from(place)).map_or("?", |(name, _)| name),
        }
    }

    /// Whom a request is made for, as people write it: `support > planner`.
    pub(crate) fn on_behalf(&self) -> Option<String> {
        let (_, members) = self.members.split_last()?;
        let is_merged = self.record.lineage.as_ref().is_some_and(|lineage| lineage.merged);
        let names: Vec<&str> = members.iter().map(Member::name).collect();
        (!names.is_empty()).then(|| names.join(if is_merged { ", " } else { " > " }))
    }

    /// The fields that were read, as conditions name them, with their values.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let shown = self.record.fields.iter().filter(|(name, value)| {
            let is_list = value.get("list").is_some();
            !is_list && !matches!(name.as_ref(), "method" | "path" | "cut")
        });
        let protocol = self.record.protocol.as_deref();
        shown.map(|(name, value)| (field_name(name, protocol), field_value(value))).collect()
    }

    /// Of everyone who must agree, the first grant that holds.
    pub(crate) fn agreeing(&self) -> Vec<&Consideration> {
        let mut first: Vec<&Consideration> = Vec::new();
        for one in &self.considerations {
            let holds = one.grants && one.reaches && one.truth == Truth::True;
            if holds && !first.iter().any(|earlier| earlier.hop == one.hop) {
                first.push(one);
            }
        }
        first
    }

    /// `FILE:LINE:COLUMN` of a rule of the blob.
    pub(crate) fn rule_place(&self, number: u32) -> Option<String> {
        let (_, rule) = self.sidecar.rule(self.loaded, number)?;
        Some(self.loaded.sources.locate(rule.span))
    }

    /// Where the policy says what decided, the most telling place first.
    pub(crate) fn places(&self) -> Vec<Label> {
        places::places(self)
    }
}

/// A field as conditions name it.
fn field_name(name: &str, protocol: Option<&str>) -> String {
    let (source, rest) = name.split_once('/').unwrap_or((name, ""));
    let key = |rest: &str| rest.replace("~1", "/").replace("~0", "~");
    match source {
        "header" => format!("request.headers[\"{}\"]", key(rest)),
        "query" => format!("request.query.{}", key(rest)),
        "path-segment" => format!("segment {rest} of the path"),
        "host" => String::from("request.host"),
        "peer-address" => String::from("source.ip"),
        "body" => {
            let arguments = match protocol {
                Some("mcp") => Protocol::Mcp,
                Some("a2a") => Protocol::A2a,
                _ => Protocol::Http,
            };
            let mut start = arguments.arguments().join("/");
            if !start.is_empty() {
                start.push('/');
            }
            let inside = rest.strip_prefix(start.as_str()).unwrap_or(rest);
            let path: Vec<String> = inside.split('/').map(key).collect();
            format!("args.{}", path.join("."))
        }
        _ => name.to_owned(),
    }
}

/// A value as people read it.
fn field_value(value: &serde_json::Value) -> String {
    let Some(object) = value.as_object() else { return value.to_string() };
    match (
        object.get("is").and_then(|is| is.as_str()),
        object.get("digest").and_then(|digest| digest.as_str()),
    ) {
        (Some(is), _) => format!("({is})"),
        (_, Some(digest)) => format!("(digest {digest})"),
        (None, None) if object.is_empty() => String::from("(absent)"),
        (None, None) => value.to_string(),
    }
}
