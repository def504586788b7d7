//! The record of a decision: one line of JSON for the log, one line of pairs for access logs.
//!
//! The line says what was asked, what came of it and why, and then what the verdict was made of. `ambit explain` and
//! `ambit replay` make the same verdict of it again. `docs/see.md` describes its members.

use core::fmt::{Display, Write as _};

use ambit_eval::{Hop, Verdict};

use crate::egress::Leaving;
use crate::evidence::Evidence;
use crate::policy::Policy;

/// What identifies one decision: shown to the caller, and written to the log beside everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionId(pub u64);

impl core::fmt::Display for DecisionId {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// A decision to be written down.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its id.
    pub id: DecisionId,
    /// What was decided.
    pub verdict: &'a Verdict,
    /// What exactly is wrong with the request, if that is the reason.
    pub detail: Option<&'a str>,
    /// By what; none if no policy is loaded.
    pub policy: Option<&'a Policy>,
    /// What leaves the mesh, if it is that.
    pub leaving: Option<&'a Leaving<'a>>,
    /// What the verdict was made of; none if nothing was judged.
    pub evidence: Option<&'a Evidence>,
    /// When it was decided, in Unix seconds.
    pub now: u64,
    /// How many records were not written since the last one that was.
    pub dropped: u64,
}

impl Record<'_> {
    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut line = Json::default();
        line.text("ambit", b"decision/2");
        line.text("id", self.id.to_string().as_bytes());
        line.number("time", &self.now);
        line.text("verdict", if self.verdict.allows() { b"allow" } else { b"deny" });
        line.truth("enforced", self.verdict.passes() == self.verdict.allows());
        line.text("code", self.verdict.code.word().as_bytes());
        if let Some(policy) = self.policy {
            let program = policy.program();
            let header = program.header();
            let mut digest = Vec::with_capacity(64);
            for byte in header.source_digest {
                digest.extend([byte.wrapping_shr(4), byte & 15].map(hexadecimal));
            }
            line.text("policy", &digest);
            line.number("generation", &header.generation);
            let (namespace, account) = program.workload();
            line.joined("workload", &[namespace, b"/", account]);
            if let Some(name) = self.verdict.caller.and_then(|caller| program.agent_name(caller)) {
                line.text("caller", name);
            }
            if let Some((service, action)) =
                self.verdict.action.and_then(|action| program.action_name(action))
            {
                line.joined("action", &[service, b"/", action]);
            }
        }
        match self.verdict.hop {
            Some(Hop::Member(place)) => line.number("hop", &place),
            Some(Hop::Mission(place)) => line.number("mission", &place),
            None => {}
        }
        if let Some(rule) = self.verdict.rule {
            line.number("rule", &rule);
        }
        if let Some(detail) = self.detail {
            line.text("detail", detail.as_bytes());
        }
        if let Some(leaving) = self.leaving {
            leaving.record(&mut line);
        }
        if let Some(Evidence(members)) = self.evidence {
            line.push(",");
            line.push(&members.text);
        }
        if self.dropped > 0 {
            line.number("dropped", &self.dropped);
        }
        line.end()
    }

    /// Pairs for an access log: nothing in them needs escaping, since no name of policy is among them.
    #[must_use]
    pub fn pairs(&self) -> String {
        let verdict = if self.verdict.allows() { "allow" } else { "deny" };
        // A `String` takes everything.
        let mut line = format!("verdict={verdict} code={} id={}", self.verdict.code.word(), self.id);
        let _ = match self.verdict.hop {
            Some(Hop::Member(place)) => write!(line, " hop={place}"),
            Some(Hop::Mission(place)) => write!(line, " mission={place}"),
            None => Ok(()),
        };
        if let Some(rule) = self.verdict.rule {
            let _ = write!(line, " rule={rule}");
        }
        if let Some(detail) = self.detail {
            let _ = write!(line, " detail={detail}");
        }
        if self.verdict.passes() != self.verdict.allows() {
            line.push_str(" enforced=false");
        }
        if let Some(policy) = self.policy {
            let generation = policy.program().header().generation;
            let _ = write!(line, " generation={generation} steps={}", self.verdict.steps);
        }
        line
    }
}

/// A number below 16 as a digit.
const fn hexadecimal(number: u8) -> u8 {
    match number {
        0..=9 => b'0'.wrapping_add(number),
        _ => b'W'.wrapping_add(number),
    }
}

/// Writes JSON, member by member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Json {
    pub(crate) text: String,
}

impl Json {
    /// Begins a member: its name is to be written to what is given back, and [closed](Self::close_key).
    pub(crate) fn open_key(&mut self) -> &mut String {
        if !self.text.is_empty() && !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.text.push('"');
        &mut self.text
    }

    pub(crate) fn close_key(&mut self) {
        self.text.push_str("\":");
    }

    fn key(&mut self, key: &str) {
        self.open_key().push_str(key);
        self.close_key();
    }

    /// Writes what is JSON already.
    pub(crate) fn push(&mut self, json: &str) {
        self.text.push_str(json);
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(value);
    }

    /// A member that is a number.
    pub(crate) fn number(&mut self, key: &str, value: &dyn Display) {
        self.key(key);
        self.display(value);
    }

    /// Writes a number.
    pub(crate) fn display(&mut self, value: &dyn Display) {
        // A `String` takes everything.
        let _ = write!(self.text, "{value}");
    }

    /// A member that is true or false.
    pub(crate) fn truth(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A member whose value is text; what is not UTF-8 is replaced.
    pub(crate) fn text(&mut self, key: &str, value: &[u8]) {
        self.joined(key, &[value]);
    }

    /// The same for text of some parts.
    pub(crate) fn joined(&mut self, key: &str, parts: &[&[u8]]) {
        self.key(key);
        self.quote(parts);
    }

    /// A member whose value is a list of texts.
    pub(crate) fn texts(&mut self, key: &str, values: &mut dyn Iterator<Item = &[u8]>) {
        self.raw(key, "[");
        let mut is_first = true;
        for value in values {
            if !is_first {
                self.text.push(',');
            }
            is_first = false;
            self.quote(&[value]);
        }
        self.text.push(']');
    }

    /// A member that is an object, to be [closed](Self::close).
    pub(crate) fn open(&mut self, key: &str) {
        self.raw(key, "{");
    }

    pub(crate) fn close(&mut self) {
        self.text.push('}');
    }

    /// What was written, as an object.
    pub(crate) fn end(mut self) -> String {
        self.text.insert(0, '{');
        self.close();
        self.text
    }

    /// How many bytes there are so far.
    pub(crate) const fn len(&self) -> usize {
        self.text.len()
    }

    /// Text, of some parts; what is not UTF-8 is replaced.
    pub(crate) fn quote(&mut self, parts: &[&[u8]]) {
        self.text.push('"');
        for part in parts {
            for character in String::from_utf8_lossy(part).chars() {
                match character {
                    '"' => self.text.push_str("\\\""),
                    '\\' => self.text.push_str("\\\\"),
                    control if u32::from(control) < 0x20 => {
                        let _ = write!(self.text, "\\u{:04x}", u32::from(control));
                    }
                    other => self.text.push(other),
                }
            }
        }
        self.text.push('"');
    }
}
