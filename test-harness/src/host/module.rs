use std::path::Path;

use wasmtime::{Config, Engine, ExternType, Instance, InstancePre, Linker, OptLevel, Store};

use super::callback;
use super::error::Error;
use super::guest::Guest;
use super::hostcalls;

/// A module, compiled and linked once; instances are cheap. Clones share the code.
#[derive(Clone)]
pub struct Module {
    instance: InstancePre<Guest>,
    size_bytes: usize,
}

/// The marker of ABI 0.2.1.
const ABI_MARKER: &str = "proxy_abi_version_0_2_1";

impl Module {
    /// Reads and compiles a module.
    ///
    /// # Errors
    ///
    /// See [`Module::from_bytes`]; or the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|error| Error::new(format!("cannot read module `{}`: {error}", path.display())))?;
        Self::from_bytes(&bytes).map_err(|error| Error::new(format!("module `{}`: {error}", path.display())))
    }

    /// Compiles a module.
    ///
    /// # Errors
    ///
    /// The bytes are no valid module, lack the ABI marker, an allocator or a memory, import what the host does not have
    /// (the error names it), or export a callback with a signature that the host cannot call.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut config = Config::new();
        config.consume_fuel(true).cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config).map_err(|error| Error::new(error.to_string()))?;
        let module = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| Error::new(format!("not a valid module: {:#}", error.root_cause())))?;
        check_exports(&module)?;

        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(signature) = import.ty() else {
                return Err(unknown_import(&import));
            };
            if import.module() != "env" || !hostcalls::define(&mut linker, import.name(), signature)? {
                return Err(unknown_import(&import));
            }
        }
        let instance =
            linker.instantiate_pre(&module).map_err(|error| Error::new(format!("cannot link: {error:#}")))?;
        Ok(Self { instance, size_bytes: bytes.len() })
    }

    pub(super) fn engine(&self) -> &Engine {
        self.instance.module().engine()
    }

    pub(super) fn compiled(&self) -> &wasmtime::Module {
        self.instance.module()
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub(super) fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
        let instance = self.instance.instantiate(&mut *store)?;
        store.data_mut().memory = instance.get_memory(&mut *store, "memory");
        for allocator in ALLOCATORS {
            if let Ok(malloc) = instance.get_typed_func(&mut *store, allocator) {
                store.data_mut().malloc = Some(malloc);
                break;
            }
        }
        Ok(instance)
    }
}

/// The guest's allocator, in the order in which the host looks for it.
const ALLOCATORS: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];

fn unknown_import(import: &wasmtime::ImportType<'_>) -> Error {
    Error::new(format!("unknown import `{}.{}`: no such hostcall", import.module(), import.name()))
}

fn check_exports(module: &wasmtime::Module) -> Result<(), Error> {
    if module.get_export(ABI_MARKER).is_none() {
        return Err(Error::new(format!("missing or unknown ABI version: no export `{ABI_MARKER}`")));
    }
    if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
        return Err(Error::new("no export `memory`"));
    }
    if !ALLOCATORS.iter().any(|allocator| module.get_export(allocator).is_some()) {
        return Err(Error::new("no allocator: neither `malloc` nor `proxy_on_memory_allocate` is exported"));
    }
    for (name, params, results) in callback::ALL {
        if let Some(ExternType::Func(signature)) = module.get_export(name) {
            let is_i32 = |ty: wasmtime::ValType| matches!(ty, wasmtime::ValType::I32);
            let fits = signature.params().len() == params
                && signature.results().len() == results
                && signature.params().chain(signature.results()).all(is_i32);
            if !fits {
                return Err(Error::new(format!("export `{name}` has the wrong signature")));
            }
        }
    }
    Ok(())
}
