//! Plain HTTP: what is asked is the method and the path.

use ambit_bytecode::Code;
use ambit_eval::{Key, Program, Protocol};
use ambit_request::action::write_http_key;
use ambit_request::extract::{Facts, FieldId, Root, Selection, Step, Value};
use ambit_request::media::Media;
use ambit_request::path::CanonicalPath;

use super::{Intake, Need, Way};
use crate::decision::{Decision, Form, Refusal};
use crate::facts::Body;
use crate::inbound::Judge;
use crate::policy::PolicyError;
use crate::schema::{Schema, Shape, View};

/// How JSON bodies of HTTP requests are read.
#[derive(Debug)]
pub(crate) struct Http {
    schema: Schema,
    /// What a body has that is JSON-RPC, if such must not pass as something else.
    json_rpc: Option<[FieldId; 2]>,
}

/// Whether the workload's HTTP catalog has an action for the request.
pub(super) fn covers(judge: &Judge<'_>, path: &CanonicalPath<'_>) -> bool {
    let mut key = Vec::new();
    write_http_key(judge.head.method, path, &mut key).is_ok()
        && judge.policy.program().action(Protocol::Http, &key).is_some()
}

/// Reads the headers.
pub(super) fn read(judge: &Judge<'_>, path: &CanonicalPath<'_>) -> Result<Intake, Refusal> {
    let mut key = Vec::new();
    write_http_key(judge.head.method, path, &mut key)?;
    let is_suspect = judge.policy.readers().http.json_rpc.is_some()
        && judge.head.method == b"POST"
        && judge.head.media() == Media::Json;
    let need = if is_suspect { Need::Always } else { Need::IfRead };
    Ok(Intake { way: Way::Http, key: Some(key), need })
}

/// The action key.
pub(super) fn key(judge: &Judge<'_>) -> Result<Vec<u8>, Refusal> {
    let path = judge.path.map_err(|error| Refusal::new(Code::PathRefused, error.word()))?;
    let mut key = Vec::new();
    write_http_key(judge.head.method, &path, &mut key)?;
    Ok(key)
}

impl Http {
    /// `beside_json_rpc` says that the workload speaks JSON-RPC as well.
    pub(crate) fn build(
        program: &Program<Vec<u8>>,
        reads: &[Option<bool>],
        beside_json_rpc: bool,
    ) -> Result<Self, PolicyError> {
        let mut builder = Selection::builder(Root::Document);
        let mut field = |path: &[Step<'_>]| builder.field(path).map_err(PolicyError::Selection);
        let version = Step::Key("jsonrpc");
        let json_rpc = match beside_json_rpc {
            true => Some([field(&[version])?, field(&[Step::Joined, version])?]),
            false => None,
        };
        Ok(Self { schema: Schema::build(program, reads, Shape::Http, builder)?, json_rpc })
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn early(&self, judge: &Judge<'_>, facts: &Facts) -> Option<Decision> {
        let document = facts.document(0)?;
        let key = key(judge).ok()?;
        let view = View { schema: &self.schema, document, is_whole: false };
        let verdict = judge.verdict(Protocol::Http, Key::Known(&key), Body::Read(view));
        (!verdict.allows() && !verdict.pending).then(|| Decision::new(verdict, Form::Http))
    }

    pub(super) fn decide(&self, judge: &Judge<'_>, facts: &Facts) -> Decision {
        let Some(document) = facts.document(0) else {
            return judge.refuse(Way::Http, &Refusal::new(Code::BodyMalformed, "json-empty"));
        };
        if self.json_rpc.iter().flatten().any(|field| document.value(*field) != Value::Absent) {
            return judge.refuse(Way::Http, &Refusal::new(Code::BodyMalformed, "json-rpc-as-http"));
        }
        match key(judge) {
            Ok(key) => {
                let view = View { schema: &self.schema, document, is_whole: true };
                let verdict = judge.verdict(Protocol::Http, Key::Known(&key), Body::Read(view));
                Decision::new(verdict, Form::Http)
            }
            Err(refusal) => judge.refuse(Way::Http, &refusal),
        }
    }
}
