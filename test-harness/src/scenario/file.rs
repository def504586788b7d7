//! The shape of a scenario file, and what it means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::bytes::Bytes;
use super::exchange::{Answer, Exchange, Framing, Line, Peer};
use super::expectation::{Ending, Expectation};
use super::setting::{Damage, Destination, PolicyText, Setting, Source};
use super::{Case, Scenario, Step, Swap};

/// Runners that a file may name.
const RUNNERS: [&str; 3] = ["native", "wasm", "envoy"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[expect(dead_code, reason = "it is for people")]
    about: String,
    workload: WorkloadText,
    #[serde(default)]
    peers: BTreeMap<String, Bytes>,
    policy: Option<PolicyShape>,
    config: Option<Bytes>,
    #[serde(default)]
    defaults: Defaults,
    steps: Vec<Spanned<StepText>>,
}

/// What holds of each case that does not say otherwise.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    from: Option<PeerText>,
    send: Option<Bytes>,
    #[serde(default)]
    headers: Vec<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WorkloadText {
    namespace: String,
    service_account: String,
}

/// A case or a swap: which of the two says the field that names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    case: Option<String>,
    from: Option<PeerText>,
    send: Option<Bytes>,
    headers: Option<Vec<Bytes>>,
    body: Option<Bytes>,
    pieces: Option<usize>,
    #[serde(default)]
    trailers: Vec<Bytes>,
    expect: Option<String>,
    arrives: Option<Bytes>,
    status: Option<u16>,
    #[serde(default)]
    reply: Vec<String>,
    #[serde(default)]
    log: Vec<String>,
    answer: Option<AnswerText>,
    receives: Option<Bytes>,
    withheld: Option<String>,
    #[serde(default)]
    instead: BTreeMap<String, Instead>,
    #[serde(default)]
    meanwhile: Vec<Spanned<StepText>>,

    swap: Option<String>,
    policy: Option<PolicyShape>,
    config: Option<Bytes>,
    damage: Option<DamageText>,
    refused: Option<Vec<String>>,

    /// Why each of these runners cannot play the step.
    #[serde(default)]
    not: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerText {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: Vec<Bytes>,
    body: Bytes,
    pieces: Option<usize>,
}

const fn ok() -> u16 {
    200
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instead {
    expect: String,
    arrives: Option<Bytes>,
    because: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum DamageText {
    Keep(usize),
    Cut(usize),
    Flip(usize),
    Append(Bytes),
}

/// The name of a peer, or a list of URI SANs.
#[derive(Clone)]
enum PeerText {
    Name(String),
    Sans(Vec<Bytes>),
}

/// The text of a policy, or an object with more to say.
struct PolicyShape(PolicyText);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicyObject {
    text: Option<String>,
    file: Option<String>,
    sample: Option<String>,
    #[serde(default)]
    not_before: u64,
    #[serde(default)]
    not_after: u64,
    #[serde(default)]
    require_stamp: bool,
    generation: Option<u64>,
    workload: Option<WorkloadText>,
    signed_by: Option<String>,
    keys: Option<Vec<String>>,
}

impl From<WorkloadText> for Destination {
    fn from(WorkloadText { namespace, service_account }: WorkloadText) -> Self {
        Self { namespace, service_account }
    }
}

type Names = BTreeMap<String, Vec<u8>>;

/// What steps refer to.
struct Context {
    peers: Names,
    defaults: Defaults,
}

impl File {
    pub(super) fn into_scenario(self, name: String, path: PathBuf) -> Result<Scenario, String> {
        let none = Names::new();
        let peers: Names = self
            .peers
            .iter()
            .map(|(name, san)| Ok((name.clone(), san.fill(&none)?)))
            .collect::<Result<_, String>>()?;
        let setting = setting(self.policy, self.config, None)?.ok_or("neither `policy` nor `config`")?;
        let destination = Destination::from(self.workload);
        let context = Context { peers, defaults: self.defaults };
        let steps =
            self.steps.into_iter().map(|step| step_of(step, &context)).collect::<Result<_, String>>()?;
        Ok(Scenario { name, path, destination, setting, steps })
    }
}

fn step_of(step: Spanned<StepText>, context: &Context) -> Result<Step, String> {
    let line = step.referenced.line();
    let text = step.value;
    let made = match (&text.case, &text.swap) {
        (Some(_), None) => text.into_case(line, context).map(|case| Step::Case(Box::new(case))),
        (None, Some(_)) => text.into_swap(line).map(Step::Swap),
        _ => Err("a step is either a `case` or a `swap`".to_owned()),
    };
    made.map_err(|error| if error.starts_with("line ") { error } else { format!("line {line}: {error}") })
}

impl StepText {
    fn into_case(self, line: u64, context: &Context) -> Result<Case, String> {
        if self.policy.is_some() || self.config.is_some() || self.damage.is_some() || self.refused.is_some() {
            return Err("a case has no configuration; a `swap` has, also in `meanwhile`".to_owned());
        }
        let not = runners(&self.not)?;
        let expectation = |line: &str, arrives: &Option<Bytes>| {
            let arrives = arrives.as_ref().map(|Bytes(target)| target.clone());
            Ok::<_, String>(Expectation {
                ending: Ending::parse(line)?,
                arrives,
                status: self.status,
                reply: self.reply.clone(),
                log: self.log.clone(),
                receives: self.receives.as_ref().map(|Bytes(body)| body.clone()),
                withheld: self.withheld.clone(),
            })
        };
        let instead = self.instead.iter().map(|(runner, instead)| {
            check_runner(runner, &instead.because)?;
            Ok((runner.clone(), expectation(&instead.expect, &instead.arrives)?))
        });
        let mut meanwhile = Vec::new();
        for step in self.meanwhile {
            match step_of(step, context)? {
                Step::Swap(swap) => meanwhile.push(swap),
                Step::Case(_) => return Err("only a `swap` can happen in `meanwhile`".to_owned()),
            }
        }
        let Context { peers, defaults } = context;
        let send =
            self.send.as_ref().or(defaults.send.as_ref()).ok_or("a case without `send`")?.fill(peers)?;
        let from = self.from.or_else(|| defaults.from.clone()).ok_or("a case without `from`")?;
        let space = send.iter().position(|byte| *byte == b' ').ok_or("`send` is a method and a target")?;
        let (pieces, framing) = match (self.body, self.pieces, meanwhile.is_empty(), self.trailers.is_empty())
        {
            (None, None, true, true) => (Vec::new(), Framing::None),
            (None, ..) => return Err("`pieces`, `meanwhile` and `trailers` need a `body`".to_owned()),
            (Some(Bytes(body)), None, meanwhile_is_empty, trailers) => {
                let framing = if trailers { Framing::Length } else { Framing::Chunked };
                let parts = if meanwhile_is_empty { 1 } else { 2 };
                (split(&body, body.len().div_ceil(parts)), framing)
            }
            (Some(_), Some(0), ..) => return Err("`pieces` of no bytes".to_owned()),
            (Some(Bytes(body)), Some(size), ..) => (split(&body, size), Framing::Chunked),
        };
        if !meanwhile.is_empty() && pieces.len() < 2 {
            return Err("`meanwhile` needs a body of two pieces".to_owned());
        }
        let exchange = Exchange {
            peer: peer(from, peers)?,
            method: send[..space].to_vec(),
            target: send[space + 1..].to_vec(),
            headers: lines(self.headers.as_ref().unwrap_or(&defaults.headers), peers)?,
            pieces,
            framing,
            trailers: lines(&self.trailers, peers)?,
            answer: self.answer.as_ref().map(|answer| answer.read(peers)).transpose()?,
        };
        Ok(Case {
            name: self.case.unwrap_or_default(),
            line,
            exchange,
            expectation: expectation(&self.expect.ok_or("a case without `expect`")?, &self.arrives)?,
            instead: instead.collect::<Result<_, String>>()?,
            not,
            meanwhile,
        })
    }

    fn into_swap(self, line: u64) -> Result<Swap, String> {
        let is_case = self.from.is_some()
            || self.send.is_some()
            || self.body.is_some()
            || self.pieces.is_some()
            || self.expect.is_some()
            || self.arrives.is_some()
            || self.answer.is_some()
            || self.receives.is_some()
            || self.withheld.is_some()
            || self.status.is_some()
            || !self.reply.is_empty()
            || self.headers.is_some()
            || !(self.trailers.is_empty() && self.log.is_empty())
            || !(self.instead.is_empty() && self.meanwhile.is_empty());
        if is_case {
            return Err("a swap sends nothing".to_owned());
        }
        let setting = setting(self.policy, self.config, self.damage)?;
        Ok(Swap {
            name: self.swap.unwrap_or_default(),
            line,
            setting: setting.ok_or("a swap without `policy`, `config` or `damage`")?,
            refused: self.refused,
            not: runners(&self.not)?,
        })
    }
}

impl AnswerText {
    fn read(&self, peers: &Names) -> Result<Answer, String> {
        let Bytes(body) = &self.body;
        Ok(Answer {
            status: self.status,
            headers: lines(&self.headers, peers)?,
            pieces: split(body, self.pieces.unwrap_or(body.len())),
        })
    }
}

fn setting(
    policy: Option<PolicyShape>,
    config: Option<Bytes>,
    damage: Option<DamageText>,
) -> Result<Option<Setting>, String> {
    match (policy, config, damage) {
        (None, None, None) => Ok(None),
        (Some(PolicyShape(policy)), None, None) => Ok(Some(Setting::Policy(Box::new(policy)))),
        (None, Some(Bytes(bytes)), None) => Ok(Some(Setting::Raw(bytes))),
        (None, None, Some(damage)) => Ok(Some(Setting::Damaged(match damage {
            DamageText::Keep(length) => Damage::Keep(length),
            DamageText::Cut(length) => Damage::Cut(length),
            DamageText::Flip(offset) => Damage::Flip(offset),
            DamageText::Append(Bytes(bytes)) => Damage::Append(bytes),
        }))),
        _ => Err("more than one of `policy`, `config` and `damage`".to_owned()),
    }
}

fn peer(text: PeerText, peers: &Names) -> Result<Peer, String> {
    match text {
        PeerText::Name(name) if name == "plaintext" => Ok(Peer::Plaintext),
        PeerText::Name(name) => {
            let san = peers.get(&name).ok_or_else(|| format!("`{name}` is no peer of this file"))?;
            Ok(Peer::Certificate(vec![san.clone()]))
        }
        PeerText::Sans(sans) => {
            let sans = sans.iter().map(|san| san.fill(peers));
            Ok(Peer::Certificate(sans.collect::<Result<_, String>>()?))
        }
    }
}

/// Header lines: what stands before the first `: ` is the name, so that `:path` could be one.
fn lines(texts: &[Bytes], peers: &Names) -> Result<Vec<Line>, String> {
    let line = |text: &Bytes| {
        let line = text.fill(peers)?;
        let colon = line.windows(2).position(|pair| pair == b": ");
        let colon =
            colon.ok_or_else(|| format!("`{}` is no header line: `name: value`", line.escape_ascii()))?;
        Ok((line[..colon].to_vec(), line[colon + 2..].to_vec()))
    };
    texts.iter().map(line).collect()
}

fn split(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    body.chunks(size.max(1)).map(<[u8]>::to_vec).collect()
}

fn runners(reasons: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    reasons.iter().map(|(runner, reason)| check_runner(runner, reason).map(|()| runner.clone())).collect()
}

fn check_runner(runner: &str, reason: &str) -> Result<(), String> {
    if !RUNNERS.contains(&runner) {
        return Err(format!("`{runner}` is no runner: {}", RUNNERS.join(", ")));
    }
    if reason.trim().is_empty() { Err(format!("no reason is given for `{runner}`")) } else { Ok(()) }
}

impl<'de> Deserialize<'de> for PeerText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = PeerText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a peer, `plaintext`, or a list of URI SANs")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PeerText, E> {
                Ok(PeerText::Name(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PeerText, A::Error> {
                let mut sans = Vec::new();
                while let Some(san) = list.next_element()? {
                    sans.push(san);
                }
                Ok(PeerText::Sans(sans))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for PolicyShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = PolicyShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the text of a policy, or an object with `text`, `file` or `sample`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PolicyShape, E> {
                Ok(PolicyShape(PolicyText::plain(Source::Text(text.to_owned()))))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PolicyShape, A::Error> {
                let object = PolicyObject::deserialize(MapAccessDeserializer::new(map))?;
                let source = match (object.text, object.file, object.sample) {
                    (Some(text), None, None) => Source::Text(text),
                    (None, Some(file), None) => Source::File(file),
                    (None, None, Some(sample)) => Source::Sample(sample),
                    _ => return Err(A::Error::custom("a policy has one of `text`, `file` and `sample`")),
                };
                Ok(PolicyShape(PolicyText {
                    not_before: object.not_before,
                    not_after: object.not_after,
                    require_stamp: object.require_stamp,
                    generation: object.generation,
                    workload: object.workload.map(Destination::from),
                    signed_by: object.signed_by,
                    keys: object.keys,
                    ..PolicyText::plain(source)
                }))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
