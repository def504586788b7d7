//! The host calls of Proxy-Wasm ABI 0.2.1, as far as they are used: each import once, with what makes the call sound.
//!
//! A status is a number here, never an enum: a host may return one that no list has (host facts, 8.3).

/// A status of the host other than success.
pub(super) type Status = u32;

pub(super) const HTTP_REQUEST_HEADERS: u32 = 0;
pub(super) const HTTP_REQUEST_BODY: u32 = 0;
pub(super) const HTTP_RESPONSE_HEADERS: u32 = 2;
pub(super) const HTTP_RESPONSE_BODY: u32 = 1;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;

/// The stream that is the connection from downstream.
pub(super) const DOWNSTREAM: u32 = 2;

#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const OK: Status = 0;
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const NOT_FOUND: Status = 1;
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const EMPTY: Status = 7;
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const COUNTER: u32 = 0;
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const GAUGE: u32 = 1;
/// Another VM was faster.
pub(super) const CAS_MISMATCH: Status = 8;
/// A pointer that leads nowhere.
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) const INVALID_MEMORY_ACCESS: Status = 6;
/// What a call on a machine without a host comes to.
#[cfg(not(target_arch = "wasm32"))]
const UNIMPLEMENTED: Status = 12;

pub(super) use calls::*;

#[cfg(target_arch = "wasm32")]
fn done(status: Status) -> Result<(), Status> {
    if status == OK { Ok(()) } else { Err(status) }
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "host calls pass pointers; each block says why they are valid")]
mod calls {
    use super::{COUNTER, EMPTY, GAUGE, INVALID_MEMORY_ACCESS, NOT_FOUND, OK, Status, done};
    use crate::host::memory;

    mod imports {
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            pub(super) fn proxy_log(level: u32, message: *const u8, length: usize) -> u32;
            pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
            pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
            pub(super) fn proxy_get_property(
                path: *const u8,
                path_length: usize,
                value: *mut *mut u8,
                value_length: *mut usize,
            ) -> u32;
            pub(super) fn proxy_set_property(
                path: *const u8,
                path_length: usize,
                value: *const u8,
                value_length: usize,
            ) -> u32;
            pub(super) fn proxy_get_header_map_pairs(
                map: u32,
                value: *mut *mut u8,
                length: *mut usize,
            ) -> u32;
            pub(super) fn proxy_get_buffer_bytes(
                buffer: u32,
                start: usize,
                max_length: usize,
                value: *mut *mut u8,
                length: *mut usize,
            ) -> u32;
            pub(super) fn proxy_set_buffer_bytes(
                buffer: u32,
                start: usize,
                length: usize,
                value: *const u8,
                value_length: usize,
            ) -> u32;
            pub(super) fn proxy_send_local_response(
                status: u32,
                details: *const u8,
                details_length: usize,
                body: *const u8,
                body_length: usize,
                headers: *const u8,
                headers_length: usize,
                grpc_status: i32,
            ) -> u32;
            pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, length: usize) -> u32;
            pub(super) fn proxy_add_header_map_value(
                map: u32,
                name: *const u8,
                name_length: usize,
                value: *const u8,
                value_length: usize,
            ) -> u32;
            pub(super) fn proxy_get_shared_data(
                key: *const u8,
                key_length: usize,
                value: *mut *mut u8,
                length: *mut usize,
                cas: *mut u32,
            ) -> u32;
            pub(super) fn proxy_set_shared_data(
                key: *const u8,
                key_length: usize,
                value: *const u8,
                length: usize,
                cas: u32,
            ) -> u32;
            pub(super) fn proxy_define_metric(kind: u32, name: *const u8, length: usize, id: *mut u32)
            -> u32;
            pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> u32;
            pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
            pub(super) fn proxy_close_stream(kind: u32) -> u32;
        }
    }

    /// Takes over what the host wrote to memory that it got from this module's allocator.
    fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> Status) -> Result<Option<Vec<u8>>, Status> {
        let mut data = core::ptr::null_mut();
        let mut length = 0_usize;
        match call(&raw mut data, &raw mut length) {
            OK if length == 0 => Ok(None),
            // What is not where it was lent is no value, and not none either.
            OK => memory::take(data, length).map(Some).ok_or(INVALID_MEMORY_ACCESS),
            NOT_FOUND | EMPTY => Ok(None),
            status => Err(status),
        }
    }

    pub(crate) fn log(level: u32, line: &[u8]) -> Result<(), Status> {
        // SAFETY: the slice is valid while the host reads it.
        done(unsafe { imports::proxy_log(level, line.as_ptr(), line.len()) })
    }

    pub(crate) fn current_time_ns() -> Result<u64, Status> {
        let mut time = 0;
        // SAFETY: the host writes one `u64` to a place that is valid for it.
        done(unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut time) }).map(|()| time)
    }

    pub(crate) fn set_tick_period(period_ms: u32) -> Result<(), Status> {
        // SAFETY: no pointer is passed.
        done(unsafe { imports::proxy_set_tick_period_milliseconds(period_ms) })
    }

    pub(crate) fn get_property(path: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        // SAFETY: the path is valid while the host reads it; the out-pointers are those of `returned`.
        returned(|data, length| unsafe {
            imports::proxy_get_property(path.as_ptr(), path.len(), data, length)
        })
    }

    pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Status> {
        // SAFETY: both slices are valid while the host reads them.
        done(unsafe { imports::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
    }

    pub(crate) fn get_header_map_pairs(map: u32) -> Result<Option<Vec<u8>>, Status> {
        // SAFETY: the out-pointers are those of `returned`.
        returned(|data, length| unsafe { imports::proxy_get_header_map_pairs(map, data, length) })
    }

    pub(crate) fn get_buffer(
        buffer: u32,
        start: usize,
        max_length: usize,
    ) -> Result<Option<Vec<u8>>, Status> {
        // SAFETY: the out-pointers are those of `returned`.
        returned(|data, length| unsafe {
            imports::proxy_get_buffer_bytes(buffer, start, max_length, data, length)
        })
    }

    /// Puts `value` in the place of the first `length` bytes.
    pub(crate) fn set_buffer(buffer: u32, length: usize, value: &[u8]) -> Result<(), Status> {
        // SAFETY: the value is valid while the host reads it.
        done(unsafe { imports::proxy_set_buffer_bytes(buffer, 0, length, value.as_ptr(), value.len()) })
    }

    pub(crate) fn send_local_response(
        status: u32,
        details: &[u8],
        body: &[u8],
        headers: &[u8],
        grpc_status: i32,
    ) -> Result<(), Status> {
        // SAFETY: all slices are valid while the host reads them.
        done(unsafe {
            imports::proxy_send_local_response(
                status,
                details.as_ptr(),
                details.len(),
                body.as_ptr(),
                body.len(),
                headers.as_ptr(),
                headers.len(),
                grpc_status,
            )
        })
    }

    pub(crate) fn remove_header(map: u32, name: &[u8]) -> Result<(), Status> {
        // SAFETY: the name is valid while the host reads it.
        done(unsafe { imports::proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
    }

    pub(crate) fn add_header(map: u32, name: &[u8], value: &[u8]) -> Result<(), Status> {
        // SAFETY: both slices are valid while the host reads them.
        done(unsafe {
            imports::proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    /// The value and its number. A value that was written empty comes without bytes.
    pub(crate) fn get_shared_data(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
        let mut cas = 0;
        let mut found = true;
        let value = returned(|data, length| {
            // SAFETY: the key is valid while the host reads it, the number is written to a place valid for it, and
            // the out-pointers are those of `returned`.
            let status = unsafe {
                imports::proxy_get_shared_data(key.as_ptr(), key.len(), data, length, &raw mut cas)
            };
            found = status == OK;
            status
        })?;
        Ok(found.then(|| (value.unwrap_or_default(), cas)))
    }

    pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        // SAFETY: both slices are valid while the host reads them.
        done(unsafe {
            imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
        })
    }

    pub(crate) fn define_metric(is_gauge: bool, name: &[u8]) -> Result<u32, Status> {
        let kind = if is_gauge { GAUGE } else { COUNTER };
        let mut id = 0;
        // SAFETY: the name is valid while the host reads it, and the host writes one `u32` to a place valid for it.
        done(unsafe { imports::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })
            .map(|()| id)
    }

    pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
        // SAFETY: no pointer is passed.
        done(unsafe { imports::proxy_increment_metric(id, offset) })
    }

    pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
        // SAFETY: no pointer is passed.
        done(unsafe { imports::proxy_record_metric(id, value) })
    }

    pub(crate) fn close_stream(kind: u32) -> Result<(), Status> {
        // SAFETY: no pointer is passed.
        done(unsafe { imports::proxy_close_stream(kind) })
    }
}

/// Where there is no host: the library form, for editors, lints and the native scenario runner.
#[cfg(not(target_arch = "wasm32"))]
mod calls {
    use super::{Status, UNIMPLEMENTED};

    pub(crate) fn log(_level: u32, _line: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn current_time_ns() -> Result<u64, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn set_tick_period(_period_ms: u32) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn get_property(_path: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn set_property(_path: &[u8], _value: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn get_header_map_pairs(_map: u32) -> Result<Option<Vec<u8>>, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn get_buffer(
        _buffer: u32,
        _start: usize,
        _max_length: usize,
    ) -> Result<Option<Vec<u8>>, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn set_buffer(_buffer: u32, _length: usize, _value: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn send_local_response(
        _status: u32,
        _details: &[u8],
        _body: &[u8],
        _headers: &[u8],
        _grpc_status: i32,
    ) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn remove_header(_map: u32, _name: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn add_header(_map: u32, _name: &[u8], _value: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn get_shared_data(_key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn set_shared_data(_key: &[u8], _value: &[u8], _cas: u32) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn define_metric(_is_gauge: bool, _name: &[u8]) -> Result<u32, Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn increment_metric(_id: u32, _offset: i64) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn record_metric(_id: u32, _value: u64) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    pub(crate) fn close_stream(_kind: u32) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }
}
