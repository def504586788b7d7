use std::path::Path;

use wasmtime::Engine;

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

/// Reads the size, imports and exports of any WebAssembly module, whether or not this host could run it.
///
/// # Errors
///
/// The file cannot be read, or is no valid module.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection, Error> {
    let path = path.as_ref();
    let of_path = |error: String| Error::new(format!("module `{}`: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| of_path(error.to_string()))?;
    let module = wasmtime::Module::from_binary(&Engine::default(), &bytes);
    let module = module.map_err(|error| of_path(format!("{:#}", error.root_cause())))?;
    Ok(inspection(&module, bytes.len()))
}

impl Module {
    /// The module's size, imports and exports.
    pub fn inspect(&self) -> Inspection {
        inspection(self.compiled(), self.size_bytes())
    }
}

fn inspection(module: &wasmtime::Module, size_bytes: usize) -> Inspection {
    let mut imports: Vec<Import> = module
        .imports()
        .map(|import| Import { module: import.module().into(), name: import.name().into() })
        .collect();
    imports.sort();
    let mut exports: Vec<String> = module.exports().map(|export| export.name().into()).collect();
    exports.sort();
    Inspection { size_bytes, imports, exports }
}
