//! What the module that ships is made of, as a CycloneDX document: the crates that its build compiles for it, and the
//! compiler's standard library. The same module gives the same bytes: no time, no serial number, no place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::artifact::{self, FILTER, TARGET, Toolchain, workspace};

/// The standard library, which every crate uses.
const STANDARD: &str = "rust-std";

/// Writes the document beside the module, and returns its path.
///
/// # Errors
///
/// As [`of`]; or it cannot be written.
pub fn write(module: &Path, toolchain: &Toolchain) -> io::Result<PathBuf> {
    let path = module.with_extension("cdx.json");
    fs::write(&path, format!("{:#}\n", of(module, toolchain)?))?;
    Ok(path)
}

/// The document of a module that this toolchain has built of this workspace.
///
/// # Errors
///
/// When cargo does not say what it is made of.
pub fn of(module: &Path, toolchain: &Toolchain) -> io::Result<Value> {
    let compiled = compiled(toolchain)?;
    let metadata = metadata()?;
    let checksums = checksums(&fs::read_to_string(workspace().join("Cargo.lock"))?);
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"])
        .filter(|package| compiled.contains(text(&package["id"])))
        .map(|package| (text(&package["id"]), package))
        .collect();
    let named = |package: &&Value| text(&package["name"]) == FILTER;
    let own =
        packages.values().copied().find(named).ok_or_else(|| io::Error::other("no filter was built"))?;
    let standard = standard(toolchain)?;
    let mut components = vec![standard.clone()];
    let mut dependencies = Vec::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let Some(package) = packages.get(text(&node["id"])) else { continue };
        let used =
            list(&node["deps"]).filter(|used| list(&used["dep_kinds"]).any(|kind| kind["kind"].is_null()));
        let used = used.filter_map(|used| packages.get(text(&used["pkg"])));
        let mut used: BTreeSet<String> = used.map(|used| purl(used)).collect();
        used.insert(text(&standard["bom-ref"]).to_owned());
        dependencies.push(json!({"ref": purl(package), "dependsOn": used}));
        if text(&package["name"]) != FILTER {
            components.push(component(package, "library", checksums.get(&key(package)).cloned()));
        }
    }
    dependencies.push(json!({"ref": standard["bom-ref"]}));
    components.sort_by_key(|component| component["bom-ref"].to_string());
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    let bytes = fs::read(module)?;
    let digest = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": component(own, "application", Some(digest)),
            "lifecycles": [{"phase": "build"}],
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The packages that cargo compiled for the module, by id; what runs at build time only is none of them. It is asked for a
/// module that is there already, so that it compiles nothing.
fn compiled(toolchain: &Toolchain) -> io::Result<BTreeSet<String>> {
    let mut cargo = artifact::command(workspace(), &artifact::cargo_home()?, FILTER, toolchain);
    let messages = said(cargo.arg("--message-format=json"))?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let linked = messages.filter(|message| {
        let kinds = || list(&message["target"]["kind"]).map(text);
        let at_build_time = |kind| matches!(kind, "proc-macro" | "custom-build");
        message["reason"] == "compiler-artifact"
            && !kinds().any(at_build_time)
            && list(&message["filenames"]).any(|file| text(file).contains(TARGET))
    });
    Ok(linked.map(|message| text(&message["package_id"]).to_owned()).collect())
}

fn metadata() -> io::Result<Value> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo.args(["metadata", "--format-version=1", "--locked", "--filter-platform", TARGET]);
    serde_json::from_str(&said(&mut cargo)?).map_err(io::Error::other)
}

fn said(cargo: &mut Command) -> io::Result<String> {
    let output = cargo.output()?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(io::Error::other);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// The digests of crates from the registry, by name and version, as the lock file has them.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line =
            block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    let packages = lock.split("[[package]]").filter_map(|block| {
        Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    });
    packages.collect()
}

fn key(package: &Value) -> (String, String) {
    (text(&package["name"]).to_owned(), text(&package["version"]).to_owned())
}

fn component(package: &Value, kind: &str, sha256: Option<String>) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "required",
        "purl": purl(package),
        // As crates once wrote it, and SPDX does not.
        "licenses": [{"expression": text(&package["license"]).replace('/', " OR ")}],
    });
    if let Some(sha256) = sha256 {
        component["hashes"] = json!([{"alg": "SHA-256", "content": sha256}]);
    }
    component
}

/// The standard library of the compiler, with what it brings along.
fn standard(toolchain: &Toolchain) -> io::Result<Value> {
    let version = toolchain.version()?;
    let purl = format!("pkg:generic/{STANDARD}@{version}");
    Ok(json!({
        "type": "library",
        "bom-ref": purl,
        "name": STANDARD,
        "version": version,
        "scope": "required",
        "purl": purl,
        "description": "the standard library of Rust as far as it is used, with its allocator for this target",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }))
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
