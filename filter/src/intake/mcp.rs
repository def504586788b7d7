//! MCP over Streamable HTTP: what is asked is in the messages of the body, except for the stream and the end of a
//! session. Every path of the workload is the endpoint.

use ambit_bytecode::Code;
use ambit_eval::{Key, Program, Protocol};
use ambit_request::extract::{Document, Facts, Root, Selection};
use ambit_request::jsonrpc::Id;
use ambit_request::mcp::list::is_list;
use ambit_request::mcp::{Endpoint, Fields, McpError, Mirror, Version, messages};

use super::{Intake, Need, Way};
use crate::decision::{Decision, Form, Refusal};
use crate::facts::Body;
use crate::head::Once;
use crate::inbound::Judge;
use crate::policy::PolicyError;
use crate::schema::{Schema, Shape, View};

/// How MCP messages are read.
#[derive(Debug)]
pub(crate) struct Mcp {
    schema: Schema,
    fields: Fields,
}

/// Reads the headers.
pub(super) fn read(judge: &Judge<'_>) -> Result<Intake, Refusal> {
    let mirror = mirror(judge)?;
    let way = Way::Mcp(mirror.version());
    if let Some(key) = Endpoint::read(judge.head.method, mirror.version())?.key() {
        return Ok(Intake { way, key: Some(key.to_vec()), need: Need::Nothing });
    }
    let mut key = Vec::new();
    let is_announced = mirror.write_announced_key(&mut key)?;
    Ok(Intake { way, key: is_announced.then_some(key), need: Need::Always })
}

fn mirror<'a>(judge: &Judge<'a>) -> Result<Mirror<'a>, Refusal> {
    let head = &judge.head;
    let version = match head.mcp_version {
        Once::Absent => None,
        Once::Value(version) => Some(version),
        Once::Repeated => return Err(Refusal::new(Code::RequestMalformed, "mcp-version-repeated")),
    };
    let value = |header| match header {
        Once::Absent => Ok(None),
        Once::Value(value) => Ok(Some(value)),
        Once::Repeated => Err(McpError::HeaderMismatch),
    };
    let without = Mirror::read(version, None, None)?;
    // Versions without mirror headers do not look at them, however many there are.
    if without.version() < Version::V2026_07_28 {
        return Ok(without);
    }
    Ok(Mirror::read(version, value(head.mcp_method)?, value(head.mcp_name)?)?)
}

impl Mcp {
    pub(crate) fn build(program: &Program<Vec<u8>>, reads: &[Option<bool>]) -> Result<Self, PolicyError> {
        let mut builder = Selection::builder(Root::Batch);
        let fields = Fields::select(&mut builder).map_err(PolicyError::Selection)?;
        Ok(Self { schema: Schema::build(program, reads, Shape::Mcp, builder)?, fields })
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A reply to every request in the body.
    pub(super) fn form(&self, facts: &Facts) -> Form {
        Form::json_rpc(facts.documents().filter_map(|document| self.id(&document)), facts.is_batch())
    }

    /// The id of a request. A notification has none, and that of a response is not the caller's.
    fn id<'f>(&self, document: &Document<'f>) -> Option<Id<'f>> {
        self.fields.method(document)?;
        self.fields.id(document)
    }

    /// A deny that is certain. The reply needs the id, so until it is there the body is held and read on.
    pub(super) fn early(&self, judge: &Judge<'_>, facts: &Facts) -> Option<Decision> {
        // The reply to a batch needs all ids.
        let document = facts.document(0).filter(|_| !facts.is_batch())?;
        self.id(&document)?;
        let mirror = mirror(judge).ok()?;
        let mut key = Vec::new();
        if !self.fields.write_early_key(&document, mirror.version(), &mut key).ok()? {
            return None;
        }
        if mirror.version() >= Version::V2026_07_28 {
            let mut announced = Vec::new();
            if !mirror.write_announced_key(&mut announced).ok()? {
                return None;
            }
            if announced != key {
                let refusal = Refusal::from(McpError::HeaderMismatch);
                return Some(judge.refuse_with(Way::Mcp(mirror.version()), &refusal, self.form(facts)));
            }
        }
        let view = View { schema: &self.schema, document, is_whole: false };
        let verdict = judge.verdict(Protocol::Mcp, Key::Known(&key), Body::Read(view));
        let is_certain = !verdict.allows() && !verdict.pending;
        is_certain.then(|| Decision::new(verdict, self.form(facts)))
    }

    /// Every message must be allowed; the first that is not decides.
    pub(super) fn decide(&self, judge: &Judge<'_>, facts: &Facts) -> Decision {
        let mut decision = self.decide_all(judge, facts);
        let mut methods = facts.documents().filter_map(|document| self.fields.method(&document));
        decision.lists = methods.any(is_list);
        decision
    }

    fn decide_all(&self, judge: &Judge<'_>, facts: &Facts) -> Decision {
        let mirror = match mirror(judge) {
            Ok(mirror) => mirror,
            Err(refusal) => {
                return judge.refuse_with(Way::Mcp(Version::V2025_03_26), &refusal, self.form(facts));
            }
        };
        let refuse = |error: McpError| {
            judge.refuse_with(Way::Mcp(mirror.version()), &Refusal::from(error), self.form(facts))
        };
        let mut documents = facts.documents();
        let mut allowed = None;
        for message in messages(facts, &self.fields, &mirror) {
            // A body that is refused as a whole has one item, which is no message.
            let decision = match (message, documents.next()) {
                (Err(error @ (McpError::UnexpectedBatch | McpError::EmptyBatch)), _) | (Err(error), None) => {
                    refuse(error)
                }
                (Ok(_), None) => refuse(McpError::EmptyBatch),
                (message, Some(document)) => {
                    let mut key = Vec::new();
                    match message.and_then(|message| message.write_key(&mut key)) {
                        Ok(()) => {
                            let view = View { schema: &self.schema, document, is_whole: true };
                            let verdict = judge.verdict(Protocol::Mcp, Key::Known(&key), Body::Read(view));
                            Decision::new(verdict, self.form(facts))
                        }
                        Err(error) => refuse(error),
                    }
                }
            };
            if !decision.verdict.allows() {
                return decision;
            }
            allowed = allowed.or(Some(decision));
        }
        allowed.unwrap_or_else(|| refuse(McpError::EmptyBatch))
    }
}
