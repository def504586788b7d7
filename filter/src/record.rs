//! The record of a decision: one line of JSON for the log, one line of pairs for access logs.

use ambit_eval::{Hop, Verdict};

use crate::egress::Leaving;
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
}

impl Record<'_> {
    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut line = Json::default();
        line.text("ambit", b"decision/1");
        line.text("id", self.id.to_string().as_bytes());
        line.text("verdict", if self.verdict.allows() { b"allow" } else { b"deny" });
        line.raw("enforced", if self.verdict.passes() == self.verdict.allows() { "true" } else { "false" });
        line.text("code", self.verdict.code.word().as_bytes());
        if let Some(policy) = self.policy {
            line.raw("generation", &policy.program().header().generation.to_string());
            if let Some(name) = self.verdict.caller.and_then(|caller| policy.program().agent_name(caller)) {
                line.text("caller", name);
            }
            if let Some((service, action)) =
                self.verdict.action.and_then(|action| policy.program().action_name(action))
            {
                line.text("action", &[service, b"/", action].concat());
            }
        }
        match self.verdict.hop {
            Some(Hop::Member(place)) => line.raw("hop", &place.to_string()),
            Some(Hop::Mission(place)) => line.raw("mission", &place.to_string()),
            None => {}
        }
        if let Some(rule) = self.verdict.rule {
            line.raw("rule", &rule.to_string());
        }
        if let Some(detail) = self.detail {
            line.text("detail", detail.as_bytes());
        }
        if let Some(leaving) = self.leaving {
            leaving.record(&mut line);
        }
        line.end()
    }

    /// Pairs for an access log: nothing in them needs escaping, since no name of policy is among them.
    #[must_use]
    pub fn pairs(&self) -> String {
        let verdict = if self.verdict.allows() { "allow" } else { "deny" };
        let mut line = format!("verdict={verdict} code={} id={}", self.verdict.code.word(), self.id);
        match self.verdict.hop {
            Some(Hop::Member(place)) => line.push_str(&format!(" hop={place}")),
            Some(Hop::Mission(place)) => line.push_str(&format!(" mission={place}")),
            None => {}
        }
        if let Some(rule) = self.verdict.rule {
            line.push_str(&format!(" rule={rule}"));
        }
        if let Some(detail) = self.detail {
            line.push_str(&format!(" detail={detail}"));
        }
        line
    }
}

/// Writes one flat JSON object.
#[derive(Default)]
pub(crate) struct Json {
    text: String,
}

impl Json {
    fn key(&mut self, key: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(value);
    }

    /// A member whose value is text; what is not UTF-8 is replaced.
    pub(crate) fn text(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.text.push('"');
        for character in String::from_utf8_lossy(value).chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                control if u32::from(control) < 0x20 => {
                    self.text.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}
