//! From a document of a test file to cases.

use ambit_compiler::diagnostics::{Diagnostic, Diagnostics};
use ambit_compiler::model::{Agent, Policy, Service};
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::{Node, Value};
use ambit_compiler::syntax::suggest::did_you_mean;
use ambit_eval::Code as VerdictCode;
use ambit_filter::head::Pairs;
use ambit_filter::inbound::{Inbound, Peer};
use ambit_lineage::header::{self, HEADER_NAME};
use ambit_lineage::{Lineage, Mission, Principal};

use super::fields::{Fields, json, only, wrong_kind};
use super::{Case, Code, DEFAULT_TIME, Expected, ExpectedVerdict, principal_of};
use crate::request::{Message, Sent, raw, send, short_form};
use crate::sidecar::Wire;
use crate::time;

/// What a test may say.
const TEST: &[&str] = &[
    "name", "from", "for", "merged", "under", "stamped", "to", "send", "args", "headers", "body", "raw",
    "address", "at", "expect", "by", "because", "passes",
];

/// Who asks without a certificate.
const NOBODY: &str = "nobody";

/// Where the downstream connection comes from, unless a test says.
pub(crate) const ADDRESS: &str = "10.0.0.1";

/// A reader of one document.
struct Reader<'a> {
    policy: &'a Policy,
    diagnostics: &'a mut Diagnostics<Code>,
}

/// Who stands behind a request.
struct Behind {
    peer: Peer,
    members: Vec<String>,
    missions: Vec<String>,
    header: Option<Vec<u8>>,
}

pub(super) fn document(
    document: &Node,
    policy: &Policy,
    cases: &mut Vec<Case>,
    diagnostics: &mut Diagnostics<Code>,
) {
    if !only(document, "a test file", &["defaults", "tests"], diagnostics) {
        return;
    }
    let file = Fields { node: document, defaults: None };
    let defaults = file.get("defaults");
    if let Some(defaults) = defaults {
        let known: Vec<&str> = TEST.iter().copied().filter(|key| *key != "name").collect();
        only(defaults, "`defaults`", &known, diagnostics);
    }
    let tests = match file.get("tests") {
        Some(Node { value: Value::List(tests), .. }) => tests,
        Some(other) => return diagnostics.push(wrong_kind(other, "tests", "a list")),
        None => {
            let error = Diagnostic::new(Code::Shape, document.span, "the file has no `tests`");
            return diagnostics.push(error);
        }
    };
    let mut reader = Reader { policy, diagnostics };
    for test in tests {
        if only(test, "a test", TEST, reader.diagnostics) {
            cases.extend(reader.case(Fields { node: test, defaults }));
        }
    }
}

impl<'a> Reader<'a> {
    fn refuse<T>(&mut self, code: Code, span: Span, message: String, help: Option<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::new(code, span, message).maybe_help(help));
        None
    }

    fn required<'n>(&mut self, fields: Fields<'n>, key: &str, what: &str) -> Option<(&'n str, Span)> {
        if fields.get(key).is_none() {
            let help = format!("say {what}");
            let message = format!("a test without `{key}`");
            return self.refuse(Code::Shape, fields.node.span, message, Some(help));
        }
        fields.text(key, self.diagnostics)
    }

    fn case(&mut self, fields: Fields<'_>) -> Option<Case> {
        let (name, named) = self.required(fields, "name", "in a few words what is meant to hold")?;
        let service = self.required(fields, "to", "which service is asked: `to: SERVICE`");
        let behind = self.behind(fields);
        let expected = self.expected(fields);
        let now = self.time(fields);
        let (service, asked_service) = self.service(service?)?;
        let (asked, sent) = self.sent(fields, asked_service)?;
        let (behind, address) = (behind?, fields.text("address", self.diagnostics));
        let who = match behind.members.split_last() {
            Some((caller, [])) => caller.clone(),
            Some((caller, members)) => format!("{caller} for {}", members.join(", ")),
            None => String::from(NOBODY),
        };
        let mut pairs = sent.pairs;
        pairs.extend(behind.header.map(|value| (HEADER_NAME.as_bytes().to_vec(), value)));
        let inbound = Inbound {
            pairs: Pairs::from_headers(&pairs),
            peer: behind.peer,
            peer_address: address.map_or(ADDRESS, |(address, _)| address).as_bytes().to_vec(),
            is_recorded: true,
        };
        Some(Case {
            name: name.to_owned(),
            span: named,
            service,
            asked: format!("{who}: {} {asked}", asked_service.name),
            members: behind.members,
            missions: behind.missions,
            wire: Wire { inbound, body: sent.body },
            now: now?,
            expected: expected?,
        })
    }

    /// A service by name.
    fn service(&mut self, (name, span): (&str, Span)) -> Option<(usize, &'a Service)> {
        let services = &self.policy.services;
        if let Some(found) = services.iter().enumerate().find(|(_, service)| service.name == name) {
            return Some(found);
        }
        let near = did_you_mean(name, services.iter().map(|service| service.name.as_str()));
        self.refuse(Code::Unknown, span, format!("there is no service `{name}`"), near)
    }

    fn sent(&mut self, fields: Fields<'_>, service: &Service) -> Option<(String, Sent)> {
        let message = Message {
            headers: self.headers(fields)?,
            arguments: fields.get("args").map(json),
            body: fields.get("body").map(|body| match &body.value {
                Value::Scalar(scalar) => scalar.text.clone(),
                _ => json(body),
            }),
        };
        if let Some((text, span)) = fields.text("raw", self.diagnostics) {
            if fields.node.entry("send").is_some() {
                let message = String::from("a test has `send` or `raw`, not both");
                return self.refuse(Code::Shape, span, message, None);
            }
            return match raw(text, &service.name) {
                Ok(mut sent) => {
                    let stated = |(name, value): (String, String)| (name.into_bytes(), value.into_bytes());
                    sent.pairs.extend(message.headers.into_iter().map(stated));
                    Some((text.lines().next().unwrap_or_default().to_owned(), sent))
                }
                Err(error) => self.refuse(Code::Request, span, error, None),
            };
        }
        let (asked, span) = self.required(fields, "send", short_form(service.protocol))?;
        match send(service.protocol, &service.name, asked, &message) {
            Some(sent) => Some((asked.to_owned(), sent)),
            None => {
                let help = format!("write {}", short_form(service.protocol));
                let message = format!("`{asked}` is no request of `{}`", service.name);
                self.refuse(Code::Request, span, message, Some(help))
            }
        }
    }

    fn headers(&mut self, fields: Fields<'_>) -> Option<Vec<(String, String)>> {
        let mut headers = Vec::new();
        for entry in fields.entries("headers", self.diagnostics) {
            match &entry.value.value {
                Value::Scalar(scalar) => {
                    headers.push((entry.key.value.to_ascii_lowercase(), scalar.text.clone()));
                }
                _ => {
                    self.diagnostics.push(wrong_kind(&entry.value, &entry.key.value, "text"));
                    return None;
                }
            }
        }
        Some(headers)
    }

    fn time(&mut self, fields: Fields<'_>) -> Option<u64> {
        let Some((text, span)) = fields.text("at", self.diagnostics) else { return Some(DEFAULT_TIME) };
        match time::parse(text) {
            Ok(seconds) => Some(seconds),
            Err(help) => self.refuse(Code::Shape, span, format!("`{text}` is no time"), Some(help)),
        }
    }

    /// Who asks, and on whose behalf.
    fn behind(&mut self, fields: Fields<'_>) -> Option<Behind> {
        let (caller, span) = self.required(fields, "from", "which agent asks: `from: AGENT`")?;
        let is_stamped = fields.truth("stamped", self.diagnostics).unwrap_or(true);
        let members = fields.texts("for", self.diagnostics);
        let missions = fields.texts("under", self.diagnostics);
        let mut principals = Vec::new();
        for (member, span) in &members {
            principals.push(self.principal(member, *span)?);
        }
        let mut lineage = Lineage::root(None);
        for (principal, (_, span)) in principals.iter().zip(&members) {
            let pushed = Principal::parse(principal.as_bytes()).and_then(|one| lineage.stamp(one).ok());
            match pushed {
                Some(longer) => lineage = longer,
                None => {
                    let message = format!("`{principal}` cannot be in a lineage, or it is too long");
                    return self.refuse(Code::Request, *span, message, None);
                }
            }
        }
        for (mission, span) in &missions {
            let known = self.policy.missions.iter().map(|mission| mission.name.as_str());
            let parsed = Mission::parse(mission.as_bytes());
            match parsed.and_then(|parsed| lineage.with_mission(parsed).ok()) {
                Some(longer) => lineage = longer,
                None => {
                    let near = did_you_mean(mission, known);
                    return self.refuse(Code::Unknown, *span, format!("`{mission}` is no mission"), near);
                }
            }
        }
        let mut value = Vec::new();
        if header::encode(&lineage, &mut value).is_err() {
            return self.refuse(Code::Request, span, String::from("the lineage is too long"), None);
        }
        if fields.truth("merged", self.diagnostics).unwrap_or(false) {
            let Some((last, others)) = principals.split_last() else {
                let message = String::from("a merged lineage of nobody");
                let help = String::from("say with `for` on whose behalf the request may be made");
                return self.refuse(Code::Shape, span, message, Some(help));
            };
            value = merged(others, last, lineage.missions());
        }
        let missions = lineage.missions().iter().map(|mission| mission.as_str().to_owned()).collect();
        let peer = match caller {
            NOBODY => Peer::None,
            _ => Peer::San(self.principal(caller, span)?.into_bytes()),
        };
        let names = members.iter().map(|(member, _)| *member).chain([caller]);
        Some(Behind {
            peer,
            members: names.map(str::to_owned).collect(),
            missions,
            header: is_stamped.then_some(value),
        })
    }

    /// The principal of an agent, or one that is written out.
    fn principal(&mut self, name: &str, span: Span) -> Option<String> {
        if name.contains("://") {
            return Some(name.to_owned());
        }
        let agents = &self.policy.agents;
        if let Some(agent) = agents.iter().find(|agent| agent.name == name) {
            return Some(principal_of(self.policy, agent));
        }
        let near = did_you_mean(name, agents.iter().map(|agent: &Agent| agent.name.as_str()));
        let help =
            near.unwrap_or_else(|| format!("name an agent, a SPIFFE id, or `{NOBODY}` for no certificate"));
        self.refuse(Code::Unknown, span, format!("there is no agent `{name}`"), Some(help))
    }

    fn expected(&mut self, fields: Fields<'_>) -> Option<Expected> {
        let (word, span) =
            self.required(fields, "expect", "what is meant to come of it: `expect: allowed`")?;
        let verdict = match word {
            "denied" | "deny" => ExpectedVerdict::Denied,
            "allow" => ExpectedVerdict::Code(VerdictCode::Allowed),
            _ => match VerdictCode::ALL.iter().find(|code| code.word() == word) {
                Some(code) => ExpectedVerdict::Code(*code),
                None => {
                    let words = VerdictCode::ALL.iter().map(|code| code.word()).chain(["denied"]);
                    let near = did_you_mean(word, words).unwrap_or_else(|| {
                        String::from("write `allowed`, `denied`, or a code that `ambit explain-code` lists")
                    });
                    return self.refuse(Code::Unknown, span, format!("`{word}` is no verdict"), Some(near));
                }
            },
        };
        let text = |field: Option<(&str, Span)>| field.map(|(text, _)| text.to_owned());
        Some(Expected {
            verdict,
            by: text(fields.text("by", self.diagnostics)),
            because: text(fields.text("because", self.diagnostics)),
            passes: fields.truth("passes", self.diagnostics),
        })
    }
}

/// A header of which no order is known. The last member is stated as a claim, and one claim is enough for the order of all
/// to mean nothing: so they keep their places, and who is there twice stays so.
fn merged(others: &[String], last: &str, missions: &[Mission<'_>]) -> Vec<u8> {
    let via: Vec<String> = others.iter().map(|member| format!("\"{member}\"")).collect();
    let mut value = format!("v=1, via=({}), claims=(\"{last}\")", via.join(" "));
    if !missions.is_empty() {
        let names: Vec<String> = missions.iter().map(|mission| format!("\"{}\"", mission.as_str())).collect();
        value.push_str(&format!(", mission=({})", names.join(" ")));
    }
    value.into_bytes()
}
