//! A2A over JSON-RPC and over its HTTP binding.
//!
//! The version that a request claims may refuse it but selects nothing. A message that names a URL for push
//! notifications asks for two things, and needs to be allowed both: to send the message, and `push.create`. And everyone
//! in the lineage must be allowed to have something sent there: the URL is a destination like any other.

use ambit_bytecode::Code;
use ambit_eval::{Key, Program, Protocol};
use ambit_request::a2a::{A2aError, Binding, Call, Fields, Operation, PushFields, Rest, check_version};
use ambit_request::extract::{Facts, FieldId, Root, Selection, Step, Value};
use ambit_request::path::CanonicalPath;

use super::{Intake, Need, Way};
use crate::decision::{Decision, Form, Refusal};
use crate::facts::Body;
use crate::head::Once;
use crate::inbound::Judge;
use crate::policy::PolicyError;
use crate::schema::{Schema, Shape, View};

/// How bodies of the JSON-RPC binding are read.
#[derive(Debug)]
pub(crate) struct A2aRpc {
    schema: Schema,
    fields: Fields,
    push: PushFields,
}

/// How bodies of the HTTP binding are read.
#[derive(Debug)]
pub(crate) struct A2aRest {
    schema: Schema,
    /// What a body has that is JSON-RPC.
    json_rpc: FieldId,
    push: PushFields,
}

/// Reads the headers.
pub(super) fn read(judge: &Judge<'_>, path: &CanonicalPath<'_>) -> Result<Intake, Refusal> {
    let header = match judge.head.a2a_version {
        Once::Absent => None,
        Once::Value(version) => Some(version),
        Once::Repeated => return Err(Refusal::new(Code::RequestMalformed, "a2a-version-repeated")),
    };
    let query = path.query().field(b"A2A-Version");
    let query = query.map_err(|error| Refusal::new(Code::RequestMalformed, error.word()))?;
    check_version(header, query.as_deref())?;
    let is_post = judge.head.method == b"POST";
    match Rest::read_anywhere(judge.head.method, path) {
        Ok(rest) => Ok(Intake {
            way: Way::A2aRest(rest.operation),
            key: Some(rest.operation.key().as_bytes().to_vec()),
            need: if is_post { Need::Always } else { Need::Nothing },
        }),
        Err(A2aError::UnknownMethod) if is_post => {
            Ok(Intake { way: Way::A2aRpc, key: None, need: Need::Always })
        }
        Err(error) => Err(error.into()),
    }
}

/// Judges an operation by what is read of its message.
fn judge_operation(
    judge: &Judge<'_>,
    operation: Operation,
    push: &PushFields,
    view: View<'_>,
    form: &Form,
) -> Result<Decision, A2aError> {
    let decide = |operation: Operation| {
        let key = Key::Known(operation.key().as_bytes());
        Decision::new(judge.verdict(Protocol::A2a, key, Body::Read(view)), form.clone())
    };
    let decision = decide(operation);
    if !view.is_whole || !decision.verdict.allows() {
        return Ok(decision);
    }
    let (mut has_url, mut refused) = (false, None);
    for url in push.urls(&view.document) {
        let url = url?;
        has_url = true;
        refused = refused.or_else(|| judge.push(url, form).filter(|push| !push.verdict.allows()));
    }
    if has_url && operation != Operation::PushCreate {
        let registering = decide(Operation::PushCreate);
        if !registering.verdict.allows() {
            return Ok(registering);
        }
    }
    Ok(refused.unwrap_or(decision))
}

/// A deny that nothing to come could change.
fn certain(decision: Decision) -> Option<Decision> {
    (!decision.verdict.allows() && !decision.verdict.pending).then_some(decision)
}

impl A2aRpc {
    pub(crate) fn build(program: &Program<Vec<u8>>, reads: &[Option<bool>]) -> Result<Self, PolicyError> {
        let mut builder = Selection::builder(Root::Document);
        let fields = Fields::select(&mut builder).map_err(PolicyError::Selection)?;
        let push = PushFields::select(&mut builder, Binding::JsonRpc).map_err(PolicyError::Selection)?;
        Ok(Self { schema: Schema::build(program, reads, Shape::A2aRpc, builder)?, fields, push })
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A reply to the request in the body.
    pub(super) fn form(&self, facts: &Facts) -> Form {
        Form::json_rpc(facts.documents().filter_map(|document| self.fields.id(&document)), false)
    }

    /// A deny that is certain. The reply needs the id, so until it is there the body is held and read on.
    pub(super) fn early(&self, judge: &Judge<'_>, facts: &Facts) -> Option<Decision> {
        let document = facts.document(0)?;
        self.fields.id(&document)?;
        let operation = self.fields.early_operation(&document).ok()??;
        let view = View { schema: &self.schema, document, is_whole: false };
        certain(judge_operation(judge, operation, &self.push, view, &self.form(facts)).ok()?)
    }

    pub(super) fn decide(&self, judge: &Judge<'_>, facts: &Facts) -> Decision {
        let form = self.form(facts);
        let refuse = |error: A2aError| judge.refuse_with(Way::A2aRpc, &Refusal::from(error), form.clone());
        let Some(document) = facts.document(0) else {
            return refuse(A2aError::NoRequest);
        };
        let view = View { schema: &self.schema, document, is_whole: true };
        let call = Call::read(&document, &self.fields);
        let decided = call.and_then(|call| judge_operation(judge, call.operation, &self.push, view, &form));
        decided.unwrap_or_else(refuse)
    }
}

impl A2aRest {
    pub(crate) fn build(program: &Program<Vec<u8>>, reads: &[Option<bool>]) -> Result<Self, PolicyError> {
        let mut builder = Selection::builder(Root::Document);
        let json_rpc = builder.field(&[Step::Key("jsonrpc")]).map_err(PolicyError::Selection)?;
        let push = PushFields::select(&mut builder, Binding::Rest).map_err(PolicyError::Selection)?;
        Ok(Self { schema: Schema::build(program, reads, Shape::A2aRest, builder)?, json_rpc, push })
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn early(&self, judge: &Judge<'_>, operation: Operation, facts: &Facts) -> Option<Decision> {
        let view = View { schema: &self.schema, document: facts.document(0)?, is_whole: false };
        certain(judge_operation(judge, operation, &self.push, view, &Form::Rest).ok()?)
    }

    pub(super) fn decide(&self, judge: &Judge<'_>, operation: Operation, facts: &Facts) -> Decision {
        let way = Way::A2aRest(operation);
        let Some(document) = facts.document(0) else {
            return judge.refuse(way, &Refusal::new(Code::BodyMalformed, "json-empty"));
        };
        // A server of JSON-RPC that takes any path would read something else than what the path says.
        let refusal = if document.value(self.json_rpc) == Value::Absent {
            let view = View { schema: &self.schema, document, is_whole: true };
            match judge_operation(judge, operation, &self.push, view, &Form::Rest) {
                Ok(decision) => return decision,
                Err(error) => error.into(),
            }
        } else {
            Refusal::new(Code::BodyMalformed, "json-rpc-as-rest")
        };
        judge.refuse(way, &refusal)
    }
}
