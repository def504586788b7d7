//! The list of what the module that ships is made of says what cargo says, in the form that it claims.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use ambit_harness::artifact::{self, FILTER, TARGET, Toolchain};
use ambit_harness::sbom;
use ambit_harness::wheel::Wheel;
use serde_json::{Value, json};

/// The schema, out of the library of those who keep it.
const SCHEMA: Wheel = Wheel {
    package: "cyclonedx-python-lib",
    version: "11.12.0",
    platform: "manylinux_2_17",
    hashes: [
        ("x86_64", "0e807521a921a5c3cb8ce1153f8a61d29eedfe76a46aac2796b7c6b573391a54"),
        ("aarch64", "0e807521a921a5c3cb8ce1153f8a61d29eedfe76a46aac2796b7c6b573391a54"),
    ],
    program: "cyclonedx/schema/_res/bom-1.6.SNAPSHOT.schema.json",
};

/// The document, the module that it is about, and what built that.
fn made() -> (Value, PathBuf, Toolchain) {
    let toolchain = Toolchain::find(&|_| {}).unwrap();
    let module = artifact::build(FILTER, &|line| eprintln!("{line}")).unwrap();
    (sbom::of(&module, &toolchain).unwrap(), module, toolchain)
}

fn named(component: &Value) -> String {
    format!("{} {}", component["name"].as_str().unwrap(), component["version"].as_str().unwrap())
}

/// Everything that cargo links is in it, nothing else is, and each says where it is from.
#[test]
fn it_lists_what_the_module_depends_on() {
    let (document, module, toolchain) = made();
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", FILTER, "--edges", "normal", "--target", TARGET])
        .args(["--prefix", "none", "--no-dedupe", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let mut expected: BTreeSet<String> = tree
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            format!("{name} {}", version.strip_prefix('v').unwrap())
        })
        .collect();
    let own = &document["metadata"]["component"];
    assert!(expected.remove(&named(own)), "{own}");
    expected.insert(format!("rust-std {}", toolchain.version().unwrap()));
    let components = document["components"].as_array().unwrap();
    assert_eq!(components.iter().map(named).collect::<BTreeSet<_>>(), expected);
    assert_eq!(components.len(), expected.len());
    for component in components {
        let is_ours = component["name"].as_str().unwrap().starts_with("ambit-");
        let is_of_registry = !is_ours && component["name"] != "rust-std";
        assert_eq!(component["hashes"].is_array(), is_of_registry, "{component}");
        assert!(!component["licenses"][0]["expression"].as_str().unwrap().is_empty(), "{component}");
    }
    let digest = Command::new("sha256sum").arg(&module).output().unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap();
    assert_eq!(Some(own["hashes"][0]["content"].as_str().unwrap()), digest.split(' ').next());
    // What something depends on is in the list itself.
    let known: Vec<&Value> = components.iter().chain([own]).map(|component| &component["bom-ref"]).collect();
    for dependency in document["dependencies"].as_array().unwrap() {
        assert!(known.contains(&&dependency["ref"]), "{dependency}");
        let used = dependency["dependsOn"].as_array().into_iter().flatten();
        assert!(used.clone().all(|used| known.contains(&used)), "{dependency}");
    }
    assert_eq!(document["dependencies"].as_array().unwrap().len(), known.len());
}

/// It is written beside the module, the same each time, and names no place of this machine.
#[test]
fn it_is_the_same_each_time() {
    let (document, module, toolchain) = made();
    let path = sbom::write(&module, &toolchain).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(path, module.with_file_name("ambit_filter.cdx.json"));
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), document);
    assert_eq!(written, fs::read_to_string(sbom::write(&module, &toolchain).unwrap()).unwrap());
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    for place in [root.to_str().unwrap(), artifact::cargo_home().unwrap().to_str().unwrap(), "file://"] {
        assert!(!written.contains(place), "{place}");
    }
}

/// The schema is fetched once; where it cannot be, the test says that it saw nothing.
#[test]
fn it_is_what_cyclonedx_says_it_is() {
    let schema = match SCHEMA
        .program("cyclonedx-schema", &|| eprintln!("fetching the schema of CycloneDX (once)"))
    {
        Ok(schema) => schema,
        Err(error) => {
            writeln!(std::io::stderr(), "*** NOT CHECKED: the schema of CycloneDX cannot be had: {error}")
                .unwrap();
            return;
        }
    };
    let schema: Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::options().with_retriever(Unused).build(&schema).unwrap();
    let (mut document, ..) = made();
    let problems: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
    document["components"][0]["type"] = json!("something");
    assert!(!validator.is_valid(&document), "or this test looks at nothing");
}

/// What the schema refers to, and the document has none of: signatures, and licences by their ids.
struct Unused;

impl jsonschema::Retrieve for Unused {
    fn retrieve(
        &self,
        _: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(json!({"definitions": {"signature": {}}}))
    }
}
