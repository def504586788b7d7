//! A module that may go into an image.

use std::fmt;

use wasmparser::{Parser, Payload};

use super::digest::Digest;
use super::limits::MAX_MODULE_BYTES;

/// The export by which a proxy knows which ABI a module speaks.
const ABI: &str = "proxy_abi_version_0_2_1";

/// The bytes of a Proxy-Wasm module that asks nothing of its host but `env.proxy_*`.
///
/// What this proves: the bytes are framed as a WebAssembly module of version 1, it names the ABI of Proxy-Wasm 0.2.1,
/// and every import is of that ABI. It does not prove that the code validates: the proxy does that.
#[derive(Clone, PartialEq, Eq)]
pub struct Module(Vec<u8>);

/// Why bytes are no [`Module`]: a fragment in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoModule {
    /// Longer than [`MAX_MODULE_BYTES`].
    TooLong,
    /// Not WebAssembly at all.
    NotWasm,
    /// WebAssembly's component format, which no proxy loads.
    Component,
    /// Cut off or damaged, at this offset.
    Damaged {
        /// The offset of what cannot be read.
        offset: u64,
    },
    /// It does not say that it speaks Proxy-Wasm 0.2.1.
    OtherAbi,
    /// It imports what is not of Proxy-Wasm.
    Import {
        /// The import, as `module.name`.
        name: String,
    },
}

impl Module {
    /// Checks the bytes of a module.
    ///
    /// # Errors
    ///
    /// Says why they cannot be the filter.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, NoModule> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_MODULE_BYTES) {
            return Err(NoModule::TooLong);
        }
        match bytes.get(..8) {
            Some(b"\0asm\x01\0\0\0") => {}
            Some([0, b'a', b's', b'm', _, _, 1, 0]) => return Err(NoModule::Component),
            _ => return Err(NoModule::NotWasm),
        }
        let mut speaks = false;
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.map_err(|error| damaged(&error))? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(|error| damaged(&error))?;
                        if import.module != "env" || !import.name.starts_with("proxy_") {
                            return Err(NoModule::Import {
                                name: format!("{}.{}", import.module, import.name),
                            });
                        }
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        speaks |= export.map_err(|error| damaged(&error))?.name == ABI;
                    }
                }
                _ => {}
            }
        }
        if speaks { Ok(Self(bytes)) } else { Err(NoModule::OtherAbi) }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digest of the bytes, which is not that of an image of them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

fn damaged(error: &wasmparser::BinaryReaderError) -> NoModule {
    NoModule::Damaged { offset: error.offset() }
}

impl fmt::Debug for Module {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Module({}, {} bytes)", self.digest(), self.0.len())
    }
}

impl fmt::Display for NoModule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(formatter, "longer than {MAX_MODULE_BYTES} bytes"),
            Self::NotWasm => formatter.write_str("not WebAssembly"),
            Self::Component => {
                formatter.write_str("a WebAssembly component, and proxies load core modules only")
            }
            Self::Damaged { offset } => write!(formatter, "damaged or cut off, at byte {offset}"),
            Self::OtherAbi => write!(formatter, "not a Proxy-Wasm module: it does not export `{ABI}`"),
            Self::Import { name } => {
                write!(
                    formatter,
                    "not the filter: it imports `{name}`, and the filter imports `env.proxy_*` alone"
                )
            }
        }
    }
}

impl std::error::Error for NoModule {}
