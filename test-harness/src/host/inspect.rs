use std::path::Path;

use super::error::Error;
use super::module::Module;

/// What a module asks of its host and offers to it, for tests of size and surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub size_bytes: usize,
    /// Sorted.
    pub imports: Vec<Import>,
    /// Names, sorted.
    pub exports: Vec<String>,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub module: String,
    pub name: String,
}

/// Reads a module's size, imports and exports.
///
/// # Errors
///
/// See [`Module::from_file`].
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection, Error> {
    Module::from_file(path).map(|module| module.inspect())
}

impl Module {
    /// The module's size, imports and exports.
    pub fn inspect(&self) -> Inspection {
        let module = self.compiled();
        let mut imports: Vec<Import> = module
            .imports()
            .map(|import| Import { module: import.module().into(), name: import.name().into() })
            .collect();
        imports.sort();
        let mut exports: Vec<String> = module.exports().map(|export| export.name().into()).collect();
        exports.sort();
        Inspection { size_bytes: self.size_bytes(), imports, exports }
    }
}
