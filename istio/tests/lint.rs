//! What is found in a cluster. Each case of `tests/lint` is a file of objects that stand in for those of the same kind
//! and name in a cluster where all is well: what `ambit render` writes for `policy.yaml`, and `apps.yaml`. Its first
//! lines may say what is missing, and that the policy is not given:
//!
//! ```text
//! # without: PeerAuthentication/ambit-orders-db
//! # without policy
//! ```
//!
//! Beside it is what is found, a line each. `BLESS=1` writes what is found into those files, for review.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::check::check;
use ambit_compiler::compile;
use ambit_compiler::diagnostics::render::{Format, render as show};
use ambit_compiler::model::Policy;
use ambit_compiler::source::Sources;
use ambit_istio::lint::{Code, Lint, Settings, lint};
use ambit_istio::render::secret::Key;
use ambit_istio::render::{AccessLogs, Api, Delivery, ImageReference, Options, Secrets, render, yaml};
use serde_json::Value;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

fn policy() -> Policy {
    let text = fs::read_to_string(directory().join("policy.yaml")).unwrap();
    check(&Sources::single("policy.yaml", text)).policy.unwrap()
}

/// What is rendered for the policy: documents, by what they are.
fn rendered(api: Api) -> Vec<(String, String)> {
    let options = Options {
        image: ImageReference::parse(&format!("r.example/ambit@sha256:{}", "0".repeat(64))).unwrap(),
        api,
        image_pull_secret: None,
        secrets: Secrets::Derived(Key::new(&[1; 32]).unwrap()),
        trusted_keys: Vec::new(),
        compile: compile::Options::default(),
        former: BTreeMap::new(),
    };
    let access_logs = Some(AccessLogs::default());
    let delivery = Delivery { selector_label: Some("app".into()), access_logs, ..Delivery::default() };
    let rendering = render(&policy(), &delivery, &options).unwrap();
    let of_namespaces = rendering.outside.iter().flat_map(|one| &one.objects);
    let objects = of_namespaces.chain(rendering.workloads.iter().flat_map(|one| &one.objects));
    objects.map(|object| (title(&object.value), yaml::to_yaml(&object.value).unwrap())).collect()
}

/// `Kind/name`
fn title(value: &Value) -> String {
    format!("{}/{}", value["kind"].as_str().unwrap_or("?"), value["metadata"]["name"].as_str().unwrap_or("?"))
}

fn documents(text: &str) -> Vec<(String, String)> {
    let split = text.split("\n---\n").map(str::to_owned);
    split.map(|text| (title(&serde_saphyr::from_str(&text).unwrap()), text)).collect()
}

fn found(case: &str, api: Api) -> Lint {
    let own: BTreeSet<String> = documents(case).into_iter().map(|(title, _)| title).collect();
    let without: BTreeSet<String> =
        case.lines().filter_map(|line| Some(line.strip_prefix("# without: ")?.to_owned())).collect();
    let apps = fs::read_to_string(directory().join("apps.yaml")).unwrap();
    let mut sources = Sources::new();
    sources.add("case.yaml", case);
    for (name, documents) in [("rendered.yaml", rendered(api)), ("apps.yaml", documents(&apps))] {
        let rest =
            documents.into_iter().filter(|(title, _)| !own.contains(title) && !without.contains(title));
        let rest: Vec<String> = rest.map(|(_, text)| text).collect();
        sources.add(name, rest.join("\n---\n"));
    }
    let policy = policy();
    let policy = (!case.contains("# without policy\n")).then_some(&policy);
    let lint = lint(&sources, &Settings { root_namespace: "istio-system", policy });
    assert!(lint.unread.is_empty(), "{}", show(&lint.unread, &sources, Format::Short));
    lint
}

fn lines(lint: &Lint, case: &str) -> String {
    // Places in other files than the case are not part of what is expected: only which file.
    let mut sources = Sources::new();
    for name in ["case.yaml", "rendered.yaml", "apps.yaml"] {
        sources.add(name, if name == "case.yaml" { case } else { "" });
    }
    let shown = show(&lint.findings, &sources, Format::Short);
    let cut = |line: &str| {
        let (place, rest) = line.split_once(": ").unwrap();
        let place = if place.starts_with("case") { place } else { place.split(':').next().unwrap() };
        format!("{place}: {rest}\n")
    };
    shown.lines().map(cut).collect()
}

#[test]
fn what_is_rendered_is_found_right() {
    for api in [Api::WasmPlugin, Api::TrafficExtension] {
        for case in ["# all is well\n{}\n", "# without policy\n{}\n"] {
            let lint = found(case, api);
            assert_eq!(lines(&lint, case), "");
            assert_eq!(lint.governed, 3);
        }
    }
}

#[test]
fn cases_are_found() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".yaml") || ["apps.yaml", "policy.yaml"].contains(&name) {
            continue;
        }
        let case = fs::read_to_string(&path).unwrap();
        let lint = found(&case, Api::WasmPlugin);
        seen.extend(lint.findings.iter().map(|finding| finding.code));
        let actual = lines(&lint, &case);
        let beside = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(beside, actual).unwrap();
        } else if fs::read_to_string(beside).unwrap_or_default() != actual {
            wrong.push(format!("{name}:\n{actual}"));
        }
    }
    assert!(wrong.is_empty(), "BLESS=1 writes what is actual\n\n{}", wrong.join("\n"));
    let unseen: Vec<&Code> = Code::ALL.iter().filter(|code| !seen.contains(code)).collect();
    assert!(unseen.is_empty(), "no case finds {unseen:?}");
}

#[test]
fn lists_and_json_are_read_as_documents_are() {
    let json = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"kind": "Deployment", "metadata": {"name": "orders-db", "namespace": "data"},
         "spec": {"template": {"metadata": {"labels": {"app": "orders-db"}},
                  "spec": {"serviceAccountName": "orders-db", "hostNetwork": true}}}}]}"#;
    // What it stands in for is told by documents, and a list is one.
    let case = format!("# without: Deployment/orders-db\n{json}\n");
    let codes: Vec<Code> =
        found(&case, Api::WasmPlugin).findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::HostNetwork]);
}

#[test]
fn numbers_are_told_apart() {
    let numbers: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::parse(&code.to_string()), Some(*code));
    }
}
