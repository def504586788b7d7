//! The numbers of the ABI, held to the SDK's.

use proxy_wasm::types;

use super::{Action, Level, abi};
use crate::reply::GRPC_PERMISSION_DENIED;

#[test]
fn numbers_are_the_sdks() {
    let pairs = [
        (abi::OK, types::Status::Ok as u32),
        (abi::NOT_FOUND, types::Status::NotFound as u32),
        (abi::EMPTY, types::Status::Empty as u32),
        (abi::INVALID_MEMORY_ACCESS, 6),
        (abi::CAS_MISMATCH, types::Status::CasMismatch as u32),
        (abi::HTTP_REQUEST_HEADERS, types::MapType::HttpRequestHeaders as u32),
        (abi::HTTP_REQUEST_BODY, types::BufferType::HttpRequestBody as u32),
        (abi::HTTP_RESPONSE_HEADERS, types::MapType::HttpResponseHeaders as u32),
        (abi::HTTP_RESPONSE_BODY, types::BufferType::HttpResponseBody as u32),
        (abi::PLUGIN_CONFIGURATION, types::BufferType::PluginConfiguration as u32),
        (abi::COUNTER, types::MetricType::Counter as u32),
        (abi::GAUGE, types::MetricType::Gauge as u32),
        (Level::Info.number(), types::LogLevel::Info as u32),
        (Level::Warn.number(), types::LogLevel::Warn as u32),
        (Level::Error.number(), types::LogLevel::Error as u32),
        (Action::Continue as u32, types::Action::Continue as u32),
        (Action::Pause as u32, types::Action::Pause as u32),
        (GRPC_PERMISSION_DENIED as u32, types::GrpcStatusCode::PermissionDenied as u32),
    ];
    for (place, (ours, theirs)) in pairs.into_iter().enumerate() {
        assert_eq!(ours, theirs, "number {place}");
    }
}
