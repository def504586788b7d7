//! What the unruly host knows, and how it answers: as a good host would, but for the fault that is planned.

use std::collections::BTreeMap;

use ambit_filter::head::Pairs;
use wasmtime::{AsContext, AsContextMut, Caller, Func, Memory, TypedFunc, Val};

use super::requests::{ASKED, Asked, Kind, REPLY};
use super::script::{Fault, Script, Wrong};

/// A stream, as far as the host believes in it.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// What its root was configured to be when it began.
    pub(super) kind: Option<Kind>,
    pub(super) asked: &'static Asked,
    /// Its number in [`ASKED`].
    pub(super) number: usize,
    /// Which of all streams it is.
    pub(super) begun: u32,
    /// It is being served.
    pub(super) is_live: bool,
    /// All of it has gone on.
    pub(super) has_passed: bool,
}

pub(super) struct World {
    pub(super) memory: Option<Memory>,
    pub(super) allocator: Option<TypedFunc<u32, u32>>,
    pub(super) callbacks: BTreeMap<&'static str, Func>,
    pub(super) script: Script,
    pub(super) roots: BTreeMap<u32, Option<Kind>>,
    pub(super) streams: BTreeMap<u32, Stream>,
    pub(super) fault: Option<Fault>,
    pub(super) now_ns: u64,
    /// Callbacks that are under way: more than one if the host calls back in the middle of a host call.
    pub(super) depth: u32,
    /// What the current callback is about; whatever it is, something can be said of it.
    pub(super) asked: &'static Asked,
    /// Streams so far.
    pub(super) begun: u32,
    pub(super) configuration: &'static [u8],
    pub(super) reply: Vec<u8>,
    /// What the current callback has written to the lineage header.
    pub(super) stamped: Vec<Vec<u8>>,
    /// What the allocator was asked for out of turn, and never gets back.
    pub(super) wasted_bytes: usize,
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    writes: u32,
    metrics: u32,
}

type Answer = Result<(), u32>;

const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const INVALID_MEMORY_ACCESS: u32 = 6;
const EMPTY: u32 = 7;
const CAS_MISMATCH: u32 = 8;

impl World {
    pub(super) fn new(script: Script) -> Self {
        Self {
            memory: None,
            allocator: None,
            callbacks: BTreeMap::new(),
            script,
            roots: BTreeMap::new(),
            streams: BTreeMap::new(),
            fault: None,
            now_ns: 1_800_000_000_000_000_000,
            depth: 0,
            asked: &ASKED[0],
            begun: 0,
            configuration: &[],
            reply: REPLY.to_vec(),
            stamped: Vec::new(),
            wasted_bytes: 0,
            shared: BTreeMap::new(),
            writes: 0,
            metrics: 0,
        }
    }

    /// A stream, if it is still the same: it may have been deleted in the middle of a callback, and begun anew.
    pub(super) fn still(&mut self, context: u32, stream: &Stream) -> Option<&mut Stream> {
        self.streams.get_mut(&context).filter(|there| there.begun == stream.begun)
    }

    /// What goes wrong with this host call, if anything.
    fn wrong(&mut self, hostcall: &str) -> Option<Wrong> {
        let fault = self.fault.as_mut()?;
        if fault.hostcall.is_some_and(|name| name != hostcall) {
            return None;
        }
        let wrong = fault.wrong;
        if let Some(left) = &mut fault.left {
            *left -= 1;
            if *left == 0 {
                self.fault = None;
            }
        }
        Some(wrong)
    }
}

/// Answers a host call; the status.
pub(super) fn answer(caller: &mut Caller<'_, World>, hostcall: &str, arguments: &[Val]) -> u32 {
    let wrong = caller.data_mut().wrong(hostcall);
    match wrong {
        // That there is no such property is an answer, and a lie where there is one.
        Some(Wrong::Status(NOT_FOUND | EMPTY)) if hostcall == "proxy_get_property" => {}
        Some(Wrong::Status(status)) => return status,
        Some(Wrong::CallBack) => super::perform_next(&mut caller.as_context_mut()),
        _ => {}
    }
    let numbers: Vec<u32> = arguments
        .iter()
        .map(|value| match value {
            Val::I32(number) => number.cast_unsigned(),
            _ => 0,
        })
        .collect();
    let mut host = Host { caller, wrong };
    host.answer(hostcall, &numbers).err().unwrap_or(0)
}

struct Host<'a, 'c> {
    caller: &'a mut Caller<'c, World>,
    wrong: Option<Wrong>,
}

impl Host<'_, '_> {
    fn answer(&mut self, hostcall: &str, arguments: &[u32]) -> Answer {
        match (hostcall, arguments) {
            ("proxy_get_current_time_nanoseconds", &[out]) => {
                let now = self.caller.data().now_ns;
                self.put(out, &now.to_le_bytes())
            }
            ("proxy_get_property", &[path, length, out, out_length]) => {
                let path = self.read(path, length)?;
                let asked = self.caller.data().asked;
                if path.ends_with(b"cluster_name") {
                    // A host that fails is one thing, and one that routes elsewhere than it says is another.
                    self.wrong =
                        self.wrong.filter(|wrong| !matches!(wrong, Wrong::Truncate(_) | Wrong::Other(_)));
                }
                let value = match path.split(|byte| *byte == 0).next_back().unwrap_or_default() {
                    b"uri_san_peer_certificate" => asked.peer.as_bytes(),
                    b"uri_san_local_certificate" => b"spiffe://cluster.local/ns/mesh/sa/caller",
                    b"cluster_name" => asked.cluster.as_bytes(),
                    b"requested_server_name" => asked.authority.as_bytes(),
                    b"address" => asked.address.as_bytes(),
                    b"mtls" => &[1],
                    _ => return Err(NOT_FOUND),
                };
                self.give(value.to_vec(), out, out_length)
            }
            ("proxy_get_header_map_pairs", &[map, out, length]) => {
                let headers = match map {
                    0 => self.caller.data().asked.headers(),
                    _ => vec![
                        (b":status".to_vec(), b"200".to_vec()),
                        (b"content-type".to_vec(), b"application/json".to_vec()),
                        (b"content-length".to_vec(), b"9".to_vec()),
                    ],
                };
                self.give(Pairs::from_headers(&headers).as_bytes().to_vec(), out, length)
            }
            ("proxy_get_buffer_bytes", &[buffer, start, wanted, out, length]) => {
                let world = self.caller.data();
                let bytes: &[u8] = match buffer {
                    0 => world.asked.body,
                    1 => &world.reply,
                    7 => world.configuration,
                    _ => return Err(BAD_ARGUMENT),
                };
                let (start, wanted) = (start as usize, wanted as usize);
                let end = start.saturating_add(wanted).min(bytes.len());
                let value = bytes.get(start..end).unwrap_or_default().to_vec();
                self.give(value, out, length)
            }
            ("proxy_set_buffer_bytes", &[1, start, length, value, value_length]) => {
                let value = self.read(value, value_length)?;
                let reply = &mut self.caller.data_mut().reply;
                let start = (start as usize).min(reply.len());
                let end = start.saturating_add(length as usize).min(reply.len());
                reply.splice(start..end, value);
                Ok(())
            }
            ("proxy_add_header_map_value", &[map, name, name_length, value, value_length]) => {
                let (name, value) = (self.read(name, name_length)?, self.read(value, value_length)?);
                if map == 0 && name == b"x-ambit-lineage" {
                    self.caller.data_mut().stamped.push(value);
                }
                Ok(())
            }
            ("proxy_get_shared_data", &[key, length, out, out_length, cas]) => {
                let key = self.read(key, length)?;
                let (value, number) = self.caller.data().shared.get(&key).cloned().ok_or(NOT_FOUND)?;
                self.give(value, out, out_length)?;
                self.put(cas, &number.to_le_bytes())
            }
            ("proxy_set_shared_data", &[key, length, value, value_length, cas]) => {
                let (key, value) = (self.read(key, length)?, self.read(value, value_length)?);
                let world = self.caller.data_mut();
                let there = world.shared.get(&key).map_or(0, |(_, number)| *number);
                if cas != 0 && cas != there {
                    return Err(CAS_MISMATCH);
                }
                world.writes += 1;
                world.shared.insert(key, (value, world.writes));
                Ok(())
            }
            ("proxy_define_metric", &[_, _, _, out]) => {
                self.caller.data_mut().metrics += 1;
                let id = self.caller.data().metrics;
                self.put(out, &id.to_le_bytes())
            }
            (
                "proxy_send_local_response",
                &[_, details, details_length, body, body_length, headers, length, _],
            ) => {
                for (start, length) in [(details, details_length), (body, body_length), (headers, length)] {
                    self.read(start, length)?;
                }
                Ok(())
            }
            // What they do is seen nowhere.
            (
                "proxy_log"
                | "proxy_set_property"
                | "proxy_remove_header_map_value"
                | "proxy_increment_metric"
                | "proxy_record_metric"
                | "proxy_set_tick_period_milliseconds"
                | "proxy_set_buffer_bytes"
                | "proxy_close_stream",
                _,
            ) => Ok(()),
            _ => panic!("the unruly host has no `{hostcall}` with {} arguments", arguments.len()),
        }
    }

    fn memory(&self) -> Memory {
        self.caller.data().memory.expect("the module has a memory")
    }

    fn read(&self, start: u32, length: u32) -> Result<Vec<u8>, u32> {
        let memory = self.memory().data(self.caller.as_context());
        let end = (start as usize).saturating_add(length as usize);
        memory.get(start as usize..end).map(<[u8]>::to_vec).ok_or(INVALID_MEMORY_ACCESS)
    }

    fn put(&mut self, address: u32, bytes: &[u8]) -> Answer {
        let memory = self.memory();
        memory.write(self.caller.as_context_mut(), address as usize, bytes).map_err(|_| INVALID_MEMORY_ACCESS)
    }

    /// Returns a value, or something else if that is planned.
    fn give(&mut self, mut value: Vec<u8>, out: u32, out_length: u32) -> Answer {
        match self.wrong {
            Some(Wrong::Truncate(length)) => value.truncate(length.into()),
            Some(Wrong::Other(byte)) => value.fill(byte),
            _ => {}
        }
        let mut length = u32::try_from(value.len()).expect("a small value");
        let mut address = 0;
        if !value.is_empty() {
            let allocator = self.caller.data().allocator.clone().expect("the module has an allocator");
            address =
                allocator.call(self.caller.as_context_mut(), length).expect("the allocator does not trap");
            if address == 0 {
                return Err(INVALID_MEMORY_ACCESS);
            }
            self.put(address, &value)?;
        }
        match self.wrong {
            Some(Wrong::Elsewhere(offset)) => address = address.wrapping_add(u32::from(offset) << 4),
            Some(Wrong::Longer(by)) => length = length.wrapping_add(u32::from(by) << 8),
            _ => {}
        }
        self.put(out, &address.to_le_bytes())?;
        self.put(out_length, &length.to_le_bytes())
    }
}
