//! gRPC: what is asked is in the path, and messages are not read.

use ambit_bytecode::Code;
use ambit_eval::Protocol;
use ambit_request::a2a::Operation;
use ambit_request::grpc::GrpcMethod;
use ambit_request::media::Media;

use super::{Intake, Need, Way};
use crate::decision::Refusal;
use crate::inbound::Judge;

/// Reads a request that says that it is gRPC, or that can be nothing else; nothing if it is something else.
pub(super) fn read(judge: &Judge<'_>) -> Option<Result<Intake, Refusal>> {
    let program = judge.policy.program();
    let (grpc, a2a) = (program.speaks(Protocol::Grpc), program.speaks(Protocol::A2a));
    let is_declared = judge.head.media() == Media::Grpc;
    let is_alone = grpc && Protocol::ALL.iter().all(|one| *one == Protocol::Grpc || !program.speaks(*one));
    if !is_alone && !(is_declared && (grpc || a2a)) {
        return None;
    }
    // Who sends JSON under this media type is after a server that does not look at media types.
    let need = if is_alone { Need::Opaque } else { Need::Preface };
    Some(method(judge).and_then(|method| {
        let operation = Operation::of_grpc(method.service(), method.method()).filter(|_| a2a);
        match operation {
            Some(operation) => Ok(Intake {
                way: Way::A2aGrpc(operation),
                key: Some(operation.key().as_bytes().to_vec()),
                need,
            }),
            None if grpc => {
                Ok(Intake { way: Way::Grpc { is_declared }, key: Some(method.as_bytes().to_vec()), need })
            }
            None => Err(Refusal::new(Code::ActionUnknown, "a2a-unknown-method")),
        }
    }))
}

/// The action key.
pub(super) fn key(judge: &Judge<'_>) -> Result<Vec<u8>, Refusal> {
    method(judge).map(|method| method.as_bytes().to_vec())
}

fn method<'a>(judge: &Judge<'a>) -> Result<GrpcMethod<'a>, Refusal> {
    GrpcMethod::parse(judge.head.path).map_err(|error| Refusal::new(Code::ActionUnknown, error.word()))
}
