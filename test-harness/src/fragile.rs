//! The module that ships with a way to die: its bytes, with one function put in front of the callback for the headers of a
//! request. So a test sees what becomes of a proxy when the very filter that ships traps, and nothing that ships knows of it.
//!
//! How many headers a request has says how the VM dies ([`Death`]).

use std::io;
use std::path::PathBuf;

use crate::artifact;

/// The callback that the function is put in front of, of type `(i32, i32, i32) -> i32`; the second is the number of headers.
const CALLBACK: &str = "proxy_on_request_headers";
/// What takes memory and never gives it back, unless the host does.
const ALLOCATOR: &str = "proxy_on_memory_allocate";

/// How the VM dies of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It traps before the filter has seen the request.
    Before,
    /// It traps when the filter has decided, and has written down what it keeps of the request.
    After,
    /// All memory is taken before the filter sees the request, which then has none.
    Memory,
}

impl Death {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Memory];

    /// So many headers and up to nineteen more bring it about. Envoy takes a hundred, and adds a few of its own.
    const fn from(self) -> u8 {
        match self {
            Self::Before => 40,
            Self::After => 60,
            Self::Memory => 80,
        }
    }

    /// Headers that a request needs beside its own, and those that Envoy adds.
    #[must_use]
    pub const fn headers(self) -> usize {
        self.from() as usize
    }
}

/// The path of the module that dies of such requests.
///
/// # Errors
///
/// When the module that ships cannot be had, or is not as expected.
pub fn module(say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    let shipped = artifact::filter(say)?;
    let bytes = fragile(&std::fs::read(&shipped)?)
        .ok_or_else(|| io::Error::other(format!("`{}` is not as expected", shipped.display())))?;
    let directory = artifact::workspace().join("target/fragile");
    std::fs::create_dir_all(&directory)?;
    // Another test may be reading the file, so it is put there in one step.
    let name = format!("{}-{:?}", std::process::id(), std::thread::current().id());
    let (draft, file) = (directory.join(name), directory.join("ambit_filter.wasm"));
    std::fs::write(&draft, bytes)?;
    std::fs::rename(draft, &file)?;
    Ok(file)
}

/// The module with the function in front. None if it is no module with these exports.
#[must_use]
pub fn fragile(module: &[u8]) -> Option<Vec<u8>> {
    let (magic, rest) = module.split_at_checked(8)?;
    let mut sections = Vec::new();
    let mut reader = Reader(rest);
    while !reader.0.is_empty() {
        let id = reader.byte()?;
        sections.push((id, reader.prefixed()?.to_vec()));
    }
    let body = |id: u8| sections.iter().find(|(of, _)| *of == id).map(|(_, body)| body.as_slice());
    let imported = imported(body(section::IMPORT)?)?;
    let functions = numbers(body(section::FUNCTION)?)?;
    let exports = body(section::EXPORT)?;
    let (callback, allocator) = (exported(exports, CALLBACK)?, exported(exports, ALLOCATOR)?);
    let kind = *functions.get(usize::try_from(callback.checked_sub(imported)?).ok()?)?;
    let front = imported + u32::try_from(functions.len()).ok()?;
    let function = front_of(callback, allocator);
    let mut fragile = magic.to_vec();
    for (id, body) in &sections {
        let body = match *id {
            section::FUNCTION => with_one_more(body, &unsigned(kind))?,
            section::CODE => with_one_more(body, &prefixed(&function))?,
            section::EXPORT => redirected(body, front)?,
            _ => body.clone(),
        };
        fragile.push(*id);
        fragile.extend(prefixed(&body));
    }
    Some(fragile)
}

mod section {
    pub(super) const IMPORT: u8 = 2;
    pub(super) const FUNCTION: u8 = 3;
    pub(super) const EXPORT: u8 = 7;
    pub(super) const CODE: u8 = 10;
}

/// Locals and instructions of the function, from the numbers of the callback and the allocator.
fn front_of(callback: u32, allocator: u32) -> Vec<u8> {
    const IF: [u8; 2] = [0x04, 0x40];
    const LOOP: [u8; 2] = [0x03, 0x40];
    const END: u8 = 0x0b;
    const UNREACHABLE: u8 = 0x00;
    const BR_IF_0: [u8; 2] = [0x0d, 0];
    let get = |local: u8| [0x20, local];
    let set = |local: u8| [0x21, local];
    let tee = |local: u8| [0x22, local];
    // As a signed number: two bytes hold any that is small.
    let constant = |value: u8| [0x41, value | 0x80, 0];
    let call = |function: u32| [vec![0x10], unsigned(function)].concat();
    // Whether the number of headers is this or up to nineteen more.
    let is = |death: Death| {
        let less = [&get(1)[..], &constant(death.from()), &[0x6b]].concat();
        [&less[..], &constant(20), &[0x49]].concat()
    };
    let traps = |death: Death| [&is(death)[..], &IF, &[UNREACHABLE, END]].concat();
    // Pieces of 16 MiB while there are any, then of half that size, and so on.
    let hoard = [
        &is(Death::Memory)[..],
        &IF,
        &constant(1),
        &constant(24),
        &[0x74], // i32.shl
        &set(3),
        &LOOP,
        &get(3),
        &call(allocator),
        &BR_IF_0,
        &get(3),
        &constant(1),
        &[0x76], // i32.shr_u
        &tee(3),
        &BR_IF_0,
        &[END, END],
    ]
    .concat();
    let asked = [&get(0)[..], &get(1), &get(2), &call(callback), &set(3)].concat();
    let one_local = [1, 1, 0x7f];
    [&one_local[..], &hoard, &traps(Death::Before), &asked, &traps(Death::After), &get(3), &[END]].concat()
}

/// How many functions are imported. None if anything else is.
fn imported(section: &[u8]) -> Option<u32> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    for _ in 0..count {
        reader.prefixed()?;
        reader.prefixed()?;
        (reader.byte()? == 0).then_some(())?;
        reader.number()?;
    }
    Some(count)
}

fn numbers(section: &[u8]) -> Option<Vec<u32>> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    (0..count).map(|_| reader.number()).collect()
}

/// An export: its name, its kind, its number.
fn export<'m>(reader: &mut Reader<'m>) -> Option<(&'m [u8], u8, u32)> {
    Some((reader.prefixed()?, reader.byte()?, reader.number()?))
}

/// The number of an exported function.
fn exported(section: &[u8], wanted: &str) -> Option<u32> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    (0..count)
        .map_while(|_| export(&mut reader))
        .find_map(|(name, kind, number)| (name == wanted.as_bytes() && kind == 0).then_some(number))
}

/// The exports, of which the callback leads to another function.
fn redirected(section: &[u8], to: u32) -> Option<Vec<u8>> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    let mut exports = unsigned(count);
    for _ in 0..count {
        let (name, kind, number) = export(&mut reader)?;
        exports.extend(prefixed(name));
        exports.push(kind);
        exports.extend(unsigned(if name == CALLBACK.as_bytes() { to } else { number }));
    }
    Some(exports)
}

/// A section of entries with one more at its end.
fn with_one_more(section: &[u8], entry: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(section);
    let count = reader.number()?;
    Some([&unsigned(count + 1), reader.0, entry].concat())
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a module below 4 GiB");
    [&unsigned(length), bytes].concat()
}

/// LEB128.
fn unsigned(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn prefixed(&mut self) -> Option<&'m [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
