//! The only module that makes host calls.
//!
//! The SDK's own wrappers are not used: they panic on every status that they do not expect, they read a status that
//! is not among theirs as an enum, which is undefined behaviour, and they cannot pass response-code details (host
//! facts, 8.3). Here a status is a number, and every failure is a value. What the two have in common, the numbers of
//! the ABI, is held to the SDK's by a test.

mod abi;
#[cfg(target_arch = "wasm32")]
mod counted;
mod memory;
#[cfg(test)]
mod tests;

use core::num::NonZeroU32;

use ambit_lineage::shared::{Cas, SetError, Store, StoreFault};

use crate::head::Pairs;
use crate::inbound::Peer;
use crate::reply::Reply;
use abi::Status;

/// What a callback says of what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// It goes on.
    Continue = 0,
    /// It waits: a body is buffered, and a request that was answered goes no further.
    Pause = 1,
}

/// A log level of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    const fn number(self) -> u32 {
        match self {
            Self::Info => 2,
            Self::Warn => 3,
            Self::Error => 4,
        }
    }
}

/// A counter or a gauge that the host keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metric(u32);

const PEER_SAN: &[u8] = b"connection\0uri_san_peer_certificate";
const OWN_SAN: &[u8] = b"connection\0uri_san_local_certificate";
const MTLS: &[u8] = b"connection\0mtls";
const WAYPOINT_PEER: &[u8] = b"filter_state\0io.istio.peer_principal";
const SOURCE_ADDRESS: &[u8] = b"source\0address";
const DESTINATION_ADDRESS: &[u8] = b"destination\0address";
const SERVER_NAME: &[u8] = b"connection\0requested_server_name";
const CLUSTER_NAME: &[u8] = b"xds\0cluster_name";
/// The key under which the record is stored; the host prefixes it with `wasm.` (host facts, 4.7).
const RECORD: &[u8] = b"ambit";

/// The gRPC status that means: derive one from the HTTP status (host facts, 4.4).
const GRPC_STATUS_UNSET: i32 = -1;

/// Lends the host memory for a value that it is about to return; null if there is none.
pub(crate) fn lend(size: usize) -> *mut u8 {
    memory::lend(size)
}

/// What the connection proves of the peer. The second property is asked for only if there is no SAN.
pub(crate) fn connection_peer() -> Peer {
    match abi::get_property(PEER_SAN) {
        Ok(Some(san)) if !san.is_empty() => Peer::San(san),
        _ => match abi::get_property(MTLS) {
            Ok(Some(value)) if value == [1] => Peer::Nameless,
            _ => Peer::None,
        },
    }
}

/// The first URI SAN of the certificate that this proxy shows on the connection.
pub(crate) fn own_san() -> Result<Option<Vec<u8>>, Status> {
    abi::get_property(OWN_SAN).map(|san| san.filter(|san| !san.is_empty()))
}

/// What istiod's filter state says of the peer on a waypoint (host facts, 1.3).
pub(crate) fn waypoint_peer() -> Peer {
    match abi::get_property(WAYPOINT_PEER) {
        Ok(Some(san)) if !san.is_empty() => Peer::San(san),
        _ => Peer::None,
    }
}

/// The downstream address with its port; empty if the host does not say.
pub(crate) fn source_address() -> Vec<u8> {
    abi::get_property(SOURCE_ADDRESS).ok().flatten().unwrap_or_default()
}

/// The address that the downstream connected to, with its port: the original one, where connections are captured. Empty
/// if the host does not say.
pub(crate) fn destination_address() -> Vec<u8> {
    abi::get_property(DESTINATION_ADDRESS).ok().flatten().unwrap_or_default()
}

/// The server name that a client of TLS asks for, where the listener looks for it. Empty if there is none; none if the
/// host fails.
pub(crate) fn server_name() -> Option<Vec<u8>> {
    abi::get_property(SERVER_NAME).ok().map(Option::unwrap_or_default)
}

/// The cluster that the request is routed to. Empty if there is none; none if the host fails.
pub(crate) fn cluster_name() -> Option<Vec<u8>> {
    abi::get_property(CLUSTER_NAME).ok().map(Option::unwrap_or_default)
}

/// Closes the connection from downstream. Nothing that the callback returns lets it go on.
pub(crate) fn close_downstream() {
    if let Err(status) = abi::close_stream(abi::DOWNSTREAM) {
        log(Level::Error, &format!("ambit: the host refused to close the connection: status={status}"));
    }
}

/// All request headers, in one call. None if the host refuses.
pub(crate) fn request_headers() -> Option<Pairs> {
    abi::get_header_map_pairs(abi::HTTP_REQUEST_HEADERS).ok().flatten().map(Pairs::new)
}

/// Removes every value of a request header. Whether the host did.
pub(crate) fn remove_request_header(name: &[u8]) -> bool {
    abi::remove_header(abi::HTTP_REQUEST_HEADERS, name).is_ok()
}

/// Adds a request header. Whether the host did.
pub(crate) fn add_request_header(name: &[u8], value: &[u8]) -> bool {
    abi::add_header(abi::HTTP_REQUEST_HEADERS, name, value).is_ok()
}

/// Bytes of the buffered request body. None if the host refuses.
pub(crate) fn request_body(start: usize, length: usize) -> Option<Vec<u8>> {
    abi::get_buffer(abi::HTTP_REQUEST_BODY, start, length).ok().map(Option::unwrap_or_default)
}

/// All response headers, in one call. None if the host refuses.
pub(crate) fn response_headers() -> Option<Pairs> {
    abi::get_header_map_pairs(abi::HTTP_RESPONSE_HEADERS).ok().flatten().map(Pairs::new)
}

/// Removes every value of a response header. Whether the host did.
pub(crate) fn remove_response_header(name: &[u8]) -> bool {
    abi::remove_header(abi::HTTP_RESPONSE_HEADERS, name).is_ok()
}

/// Adds a response header. Whether the host did.
pub(crate) fn add_response_header(name: &[u8], value: &[u8]) -> bool {
    abi::add_header(abi::HTTP_RESPONSE_HEADERS, name, value).is_ok()
}

/// The first bytes of the piece of the response body that is there. None if the host refuses.
pub(crate) fn response_body(length: usize) -> Option<Vec<u8>> {
    if length == 0 {
        return Some(Vec::new());
    }
    abi::get_buffer(abi::HTTP_RESPONSE_BODY, 0, length).ok().map(Option::unwrap_or_default)
}

/// Puts bytes in the place of the first `length` of that piece. Whether the host did.
pub(crate) fn set_response_body(length: usize, bytes: &[u8]) -> bool {
    abi::set_buffer(abi::HTTP_RESPONSE_BODY, length, bytes).is_ok()
}

/// The plugin configuration. Valid in the configure callback only.
pub(crate) fn plugin_configuration(length: usize) -> Option<Vec<u8>> {
    abi::get_buffer(abi::PLUGIN_CONFIGURATION, 0, length).ok().map(Option::unwrap_or_default)
}

/// Answers the request from here. What is returned from the callback then does not matter.
pub(crate) fn send_reply(reply: &Reply, grpc_status: Option<i32>) {
    let headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    let pairs = Pairs::from_headers(&headers);
    let sent = abi::send_local_response(
        reply.status,
        reply.details.as_bytes(),
        reply.body.as_bytes(),
        pairs.as_bytes(),
        grpc_status.unwrap_or(GRPC_STATUS_UNSET),
    );
    if let Err(status) = sent {
        log(Level::Error, &format!("ambit: the host refused the local reply: status={status}"));
    }
}

/// Makes a record visible to access logs, as the filter state `wasm.ambit`.
pub(crate) fn store_record(record: &str) {
    // An access log without it is all that is lost.
    let _ = abi::set_property(RECORD, record.as_bytes());
}

/// Writes a line to the proxy's log.
pub(crate) fn log(level: Level, line: &str) {
    let _ = abi::log(level.number(), line.as_bytes());
}

/// Nanoseconds since the Unix epoch; 0 if the host does not say.
pub(crate) fn now_ns() -> u64 {
    abi::current_time_ns().unwrap_or(0)
}

/// Asks for a tick of this root context every so often.
pub(crate) fn set_tick_ms(period_ms: u32) {
    if let Err(status) = abi::set_tick_period(period_ms) {
        log(Level::Error, &format!("ambit: the host refused the tick: status={status}"));
    }
}

/// Defines a counter or a gauge. Every call makes a new one, even for the same name (host facts, 4.6): once a VM, no more.
pub(crate) fn define_metric(is_gauge: bool, name: &str) -> Option<Metric> {
    abi::define_metric(is_gauge, name.as_bytes()).ok().map(Metric)
}

/// Adds to a counter. Nothing is added for 0, which the host would refuse.
pub(crate) fn add(Metric(id): Metric, amount: u64) {
    if let Ok(amount @ 1..) = i64::try_from(amount) {
        let _: Result<(), Status> = abi::increment_metric(id, amount);
    }
}

/// Sets a gauge, which all VMs of the proxy share.
pub(crate) fn set(Metric(id): Metric, value: u64) {
    let _: Result<(), Status> = abi::record_metric(id, value);
}

/// The map that all VMs of the proxy share, those of other plugins included: what is in it is an allegation, which
/// `ambit_lineage::shared` knows.
pub(crate) struct SharedMap;

impl Store for SharedMap {
    fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, Cas)>, StoreFault> {
        match abi::get_shared_data(key.as_bytes()) {
            Ok(None) => Ok(None),
            Ok(Some((value, cas))) => {
                NonZeroU32::new(cas).map(|cas| Some((value, Cas(cas)))).ok_or(StoreFault)
            }
            Err(_) => Err(StoreFault),
        }
    }

    fn set(&mut self, key: &str, value: &[u8], cas: Option<Cas>) -> Result<(), SetError> {
        // 0 is how the host is told to write in any case (host facts, 4.5).
        match abi::set_shared_data(key.as_bytes(), value, cas.map_or(0, |cas| cas.0.get())) {
            Ok(()) => Ok(()),
            Err(abi::CAS_MISMATCH) => Err(SetError::Mismatch),
            Err(_) => Err(SetError::Fault),
        }
    }
}
