//! The hostcalls of ABI 0.2.1, as a module imports them from `env`.
//!
//! Each takes pointers into guest memory, which are checked, and returns a [`Status`]. Values go back through the
//! guest's allocator.

mod buffers;
mod control;
mod maps;
mod metrics;
mod properties;
mod shared;

use wasmtime::{Caller, FuncType, Linker, Val};

use super::error::Error;
use super::fault::Effect;
use super::guest::Guest;
use super::status::Status;

/// A stretch of guest memory that the guest names.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

/// Where in guest memory to put the address and the length of a returned value.
#[derive(Clone, Copy)]
struct Out {
    address: u32,
    length: u32,
}

/// One hostcall in progress.
struct Host<'a> {
    caller: Caller<'a, Guest>,
    name: &'static str,
    truncate: Option<usize>,
    replace: Option<Vec<u8>>,
}

type Answer = Result<(), Status>;

fn span(start: u32, length: u32) -> Span {
    Span { start, length }
}

fn out(address: u32, length: u32) -> Out {
    Out { address, length }
}

impl Host<'_> {
    fn guest(&mut self) -> &mut Guest {
        self.caller.data_mut()
    }

    /// Names what this call is about, for faults that are planned for it.
    fn key(&mut self, key: &[u8]) -> Answer {
        self.strike(Some(key))
    }

    fn strike(&mut self, key: Option<&[u8]>) -> Answer {
        let name = self.name;
        let mut process = self.caller.data().process.borrow_mut();
        let mut answer = Ok(());
        for effect in process.faults.strike(name, key) {
            match effect {
                Effect::Return(Status::OK) => {}
                Effect::Return(status) => answer = Err(status),
                Effect::Truncate(length) => self.truncate = Some(length),
                Effect::Replace(bytes) => self.replace = Some(bytes),
                Effect::JumpClock(ns) => {
                    process.clock.wall_ns = process.clock.wall_ns.saturating_add_signed(ns);
                }
            }
        }
        answer
    }

    fn bytes(&self, span: Span) -> Result<Vec<u8>, Status> {
        let memory = self.caller.data().memory.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        let start = span.start as usize;
        let end = start + span.length as usize;
        let bytes = memory.data(&self.caller).get(start..end).ok_or(Status::INVALID_MEMORY_ACCESS)?;
        Ok(bytes.to_vec())
    }

    fn put(&mut self, address: u32, bytes: &[u8]) -> Answer {
        let memory = self.caller.data().memory.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        memory
            .write(&mut self.caller, address as usize, bytes)
            .map_err(|_out_of_bounds| Status::INVALID_MEMORY_ACCESS)
    }

    fn put_u32(&mut self, address: u32, number: u32) -> Answer {
        self.put(address, &number.to_le_bytes())
    }

    /// Returns a value. An empty one needs no room: address and length are zero.
    fn give(&mut self, value: Vec<u8>, out: Out) -> Answer {
        let mut value = self.replace.take().unwrap_or(value);
        value.truncate(self.truncate.unwrap_or(usize::MAX));
        let length = u32::try_from(value.len()).map_err(|_too_long| Status::INVALID_MEMORY_ACCESS)?;
        let address = if value.is_empty() { 0 } else { self.allocate(length)? };
        self.put(address, &value)?;
        self.put_u32(out.address, address)?;
        self.put_u32(out.length, length)
    }

    /// Asks the guest's allocator, which may do nothing but log. If it traps, the VM is dead though this call returns.
    fn allocate(&mut self, length: u32) -> Result<u32, Status> {
        let guest = self.guest();
        let malloc = guest.malloc.clone().ok_or(Status::INVALID_MEMORY_ACCESS)?;
        guest.usage.allocations += 1;
        guest.usage.allocated_bytes += u64::from(length);
        guest.restricted = true;
        let address = malloc.call(&mut self.caller, length);
        let guest = self.guest();
        guest.restricted = false;
        match address {
            Ok(0) => Err(Status::INVALID_MEMORY_ACCESS),
            Ok(address) => Ok(address),
            Err(error) => {
                guest.fail("malloc", &error.root_cause().to_string());
                Err(Status::INVALID_MEMORY_ACCESS)
            }
        }
    }
}

/// What every hostcall has in common: permission, counting, faults.
fn run(
    mut caller: Caller<'_, Guest>,
    name: &'static str,
    body: impl FnOnce(&mut Host<'_>) -> Answer,
) -> wasmtime::Result<u32> {
    let guest = caller.data_mut();
    if guest.restricted && name != "proxy_log" {
        return Err(wasmtime::Error::msg(format!(
            "restricted_callback: `{name}` while starting or allocating"
        )));
    }
    *guest.usage.hostcalls.entry(name).or_default() += 1;
    let mut host = Host { caller, name, truncate: None, replace: None };
    let answer = host.strike(None).and_then(|()| body(&mut host));
    Ok(answer.err().unwrap_or(Status::OK).0)
}

macro_rules! hostcalls {
    ($($name:literal ($($argument:ident: $type:ty),*) => $body:expr;)*) => {
        /// Links one hostcall. Returns false if the host has none of this name.
        pub(super) fn define(
            linker: &mut Linker<Guest>,
            name: &str,
            signature: FuncType,
        ) -> Result<bool, Error> {
            let defined = match name {
                $($name => linker.func_wrap("env", $name, |caller: Caller<'_, Guest>, $($argument: $type),*| {
                    run(caller, $name, |host| $body(host, $($argument),*))
                }),)*
                _ => match UNIMPLEMENTED.iter().copied().find(|known| *known == name) {
                    Some(known) => linker.func_new("env", known, signature, unimplemented(known)),
                    None => return Ok(false),
                },
            };
            defined.map(|_| true).map_err(|error| Error::new(error.to_string()))
        }

        const IMPLEMENTED: &[&str] = &[$($name),*];
    };
}

hostcalls! {
    "proxy_log"(level: u32, start: u32, length: u32)
        => |host, level, start, length| control::log(host, level, span(start, length));
    "proxy_get_log_level"(level: u32) => control::get_log_level;
    "proxy_get_current_time_nanoseconds"(time: u32) => control::get_current_time;
    "proxy_set_tick_period_milliseconds"(period: u32) => control::set_tick_period;
    "proxy_set_effective_context"(context: u32) => control::set_effective_context;
    "proxy_done"() => control::done;
    "proxy_get_status"(code: u32, address: u32, length: u32)
        => |host, code, address, length| control::get_status(host, code, out(address, length));
    "proxy_call_foreign_function"(start: u32, length: u32, _a: u32, _b: u32, _c: u32, _d: u32)
        => |host, start, length, _, _, _, _| control::call_foreign_function(host, span(start, length));
    "proxy_continue_stream"(kind: u32) => control::continue_stream;
    "proxy_close_stream"(kind: u32) => control::close_stream;
    "proxy_send_local_response"(
        status: u32, details: u32, details_length: u32, body: u32, body_length: u32, headers: u32,
        headers_length: u32, grpc_status: u32
    ) => |host, status, details, details_length, body, body_length, headers, headers_length, grpc_status| {
        control::send_local_response(
            host,
            status,
            span(details, details_length),
            span(body, body_length),
            span(headers, headers_length),
            grpc_status,
        )
    };
    "proxy_http_call"(
        cluster: u32, cluster_length: u32, _headers: u32, _headers_length: u32, _body: u32, _body_length: u32,
        _trailers: u32, _trailers_length: u32, _timeout: u32, token: u32
    ) => |host, cluster, cluster_length, _, _, _, _, _, _, _, token| {
        control::http_call(host, span(cluster, cluster_length), token)
    };
    "proxy_get_property"(path: u32, path_length: u32, address: u32, length: u32)
        => |host, path, path_length, address, length| {
            properties::get(host, span(path, path_length), out(address, length))
        };
    "proxy_set_property"(path: u32, path_length: u32, value: u32, value_length: u32)
        => |host, path, path_length, value, value_length| {
            properties::set(host, span(path, path_length), span(value, value_length))
        };
    "proxy_get_header_map_value"(map: u32, name: u32, name_length: u32, address: u32, length: u32)
        => |host, map, name, name_length, address, length| {
            maps::get(host, map, span(name, name_length), out(address, length))
        };
    "proxy_get_header_map_pairs"(map: u32, address: u32, length: u32)
        => |host, map, address, length| maps::get_pairs(host, map, out(address, length));
    "proxy_get_header_map_size"(map: u32, size: u32) => maps::get_size;
    "proxy_set_header_map_pairs"(map: u32, start: u32, length: u32)
        => |host, map, start, length| maps::set_pairs(host, map, span(start, length));
    "proxy_add_header_map_value"(map: u32, name: u32, name_length: u32, value: u32, value_length: u32)
        => |host, map, name, name_length, value, value_length| {
            maps::add(host, map, span(name, name_length), span(value, value_length))
        };
    "proxy_replace_header_map_value"(map: u32, name: u32, name_length: u32, value: u32, value_length: u32)
        => |host, map, name, name_length, value, value_length| {
            maps::replace(host, map, span(name, name_length), span(value, value_length))
        };
    "proxy_remove_header_map_value"(map: u32, name: u32, name_length: u32)
        => |host, map, name, name_length| maps::remove(host, map, span(name, name_length));
    "proxy_get_buffer_bytes"(buffer: u32, start: u32, wanted: u32, address: u32, length: u32)
        => |host, buffer, start, wanted, address, length| {
            buffers::get(host, buffer, start, wanted, out(address, length))
        };
    "proxy_get_buffer_status"(buffer: u32, length: u32, flags: u32) => buffers::get_status;
    "proxy_set_buffer_bytes"(buffer: u32, start: u32, replaced: u32, data: u32, data_length: u32)
        => |host, buffer, start, replaced, data, data_length| {
            buffers::set(host, buffer, start, replaced, span(data, data_length))
        };
    "proxy_get_shared_data"(key: u32, key_length: u32, address: u32, length: u32, cas: u32)
        => |host, key, key_length, address, length, cas| {
            shared::get(host, span(key, key_length), out(address, length), cas)
        };
    "proxy_set_shared_data"(key: u32, key_length: u32, value: u32, value_length: u32, cas: u32)
        => |host, key, key_length, value, value_length, cas| {
            shared::set(host, span(key, key_length), span(value, value_length), cas)
        };
    "proxy_register_shared_queue"(name: u32, name_length: u32, token: u32)
        => |host, name, name_length, token| shared::register_queue(host, span(name, name_length), token);
    "proxy_resolve_shared_queue"(vm: u32, vm_length: u32, name: u32, name_length: u32, token: u32)
        => |host, vm, vm_length, name, name_length, token| {
            shared::resolve_queue(host, span(vm, vm_length), span(name, name_length), token)
        };
    "proxy_enqueue_shared_queue"(token: u32, start: u32, length: u32)
        => |host, token, start, length| shared::enqueue(host, token, span(start, length));
    "proxy_dequeue_shared_queue"(token: u32, address: u32, length: u32)
        => |host, token, address, length| shared::dequeue(host, token, out(address, length));
    "proxy_define_metric"(kind: u32, name: u32, name_length: u32, id: u32)
        => |host, kind, name, name_length, id| metrics::define(host, kind, span(name, name_length), id);
    "proxy_increment_metric"(id: u32, offset: i64) => metrics::increment;
    "proxy_record_metric"(id: u32, value: u64) => metrics::record;
    "proxy_get_metric"(id: u32, value: u32) => metrics::get;
}

/// Hostcalls that Envoy has and that are of no use to a filter that makes no calls of its own.
const UNIMPLEMENTED: &[&str] =
    &["proxy_grpc_call", "proxy_grpc_cancel", "proxy_grpc_close", "proxy_grpc_send", "proxy_grpc_stream"];

/// Every hostcall that a fault can be planned for.
pub(super) const NAMES: &[&str] = IMPLEMENTED;

fn unimplemented(
    name: &'static str,
) -> impl Fn(Caller<'_, Guest>, &[Val], &mut [Val]) -> wasmtime::Result<()> + Send + Sync + 'static {
    move |caller, _arguments, results| {
        let status = run(caller, name, |_host| Err(Status::UNIMPLEMENTED))?;
        if let Some(result) = results.first_mut() {
            *result = Val::I32(status.cast_signed());
        }
        Ok(())
    }
}
