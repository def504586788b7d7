//! The schema of the delivery document and what reads one agree: on every field, and on what may be in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::BTreeSet;

use ambit_istio::render::{Delivery, delivery_schema};
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(&delivery_schema()).unwrap()
}

fn document(spec: &str) -> String {
    format!("apiVersion: ambit.dev/v1alpha1\nkind: Delivery\nspec: {spec}\n")
}

/// A workload with more to it.
fn one(rest: &str) -> String {
    format!("{{workloads: [{{namespace: a, serviceAccount: b{rest}}}]}}")
}

/// The fields that the reader names when it meets another: in an object at some place of a specification.
fn fields(place: impl Fn(&str) -> String) -> BTreeSet<String> {
    let problem = Delivery::parse(&document(&place("nonsense: 1"))).unwrap_err();
    let (_, known) = problem.split_once("expected").unwrap_or_else(|| panic!("{problem}"));
    // The reader names fields between backticks or bare, with commas between.
    let known = known.split_once(" at line").map_or(known, |(known, _)| known);
    let words = known.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !matches!(*word, "" | "one" | "of" | "or")).map(str::to_owned).collect()
}

#[test]
fn every_field_has_its_schema() {
    let schema = schema();
    let described = |place: &str| -> BTreeSet<String> {
        let properties = schema.pointer(place).unwrap_or_else(|| panic!("{place}"));
        properties["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let in_spec = |field: &str| format!("{{{field}}}");
    let in_workload = |field: &str| one(&format!(", {field}"));
    assert_eq!(described("/properties/spec"), fields(in_spec));
    assert_eq!(described("/definitions/Workload"), fields(in_workload));
    assert_eq!(described("/definitions/Waypoint"), fields(|field| one(&format!(", waypoint: {{{field}}}"))));
    assert_eq!(described("/definitions/Lineage"), fields(|field| format!("{{lineage: {{{field}}}}}")));
    let in_egress = |rest: &str| format!("{{egress: {{{rest}}}}}");
    assert_eq!(described("/definitions/Egress"), fields(in_egress));
    assert_eq!(described("/definitions/Dns"), fields(|field| in_egress(&format!("dns: {{{field}}}"))));
    assert_eq!(
        described("/definitions/Gateway"),
        fields(|field| in_egress(&format!("gateway: {{{field}}}")))
    );
    assert_eq!(described("/definitions/AccessLogs"), fields(|field| format!("{{accessLogs: {{{field}}}}}")));
}

#[test]
fn both_take_and_refuse_the_same() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let long = "a".repeat(64);
    let fine = [
        "{}".to_owned(),
        "{selectorLabel: app}".to_owned(),
        "{selectorLabel: app.kubernetes.io/name, workloads: []}".to_owned(),
        "{lineage: {windowMs: 600000, strict: true, mesh: [svc, mesh.internal], hide: false}}".to_owned(),
        one(""),
        one(", pods: {}"),
        one(", pods: {app: orders, 'x/y_z.a': ''}, ports: [1, 65535], holdHeaders: true, skip: false"),
        one(", waypoint: {gateway: way, service: orders.v1}, holdHeaders: false"),
        one(", lineage: {windowMs: 0}"),
        "{egress: {controlPlane: mesh, namespaces: [a, b], plaintext: [a.example, '*.b.example']}}"
            .to_owned(),
        "{egress: {dns: {namespace: d, pods: {a: b}, addresses: [169.254.20.10, 'fd00::a']}}}".to_owned(),
        "{egress: {gateway: {namespace: a, service: b}}}".to_owned(),
        "{accessLogs: {}}".to_owned(),
        "{accessLogs: {providers: [otel, ambit-access-log]}}".to_owned(),
        "{egress: {gateway: {namespace: a, service: b, pods: {istio: c}}}}".to_owned(),
    ];
    let wrong = [
        "{selectorLabel: 'a b'}".to_owned(),
        "{selectorLabel: ''}".to_owned(),
        "{selectorLabel: /a}".to_owned(),
        "{selectorLabel: A/a}".to_owned(),
        format!("{{selectorLabel: {long}}}"),
        "{lineage: {windowMs: 600001}}".to_owned(),
        "{lineage: {windowMs: -1}}".to_owned(),
        "{lineage: {mesh: svc}}".to_owned(),
        "{lineage: {secret: x}}".to_owned(),
        "{workloads: [{namespace: a}]}".to_owned(),
        one(", pods: {app: '*'}"),
        one(", pods: {'': x}"),
        one(&format!(", pods: {{app: {long}}}")),
        one(", ports: []"),
        one(", ports: [0]"),
        one(", ports: [65536]"),
        one(", waypoint: {gateway: A}"),
        one(", waypoint: {service: s}"),
        one(", waypoint: {gateway: w}, holdHeaders: true"),
        one(", skip: 1"),
        one(", port: [1]"),
        "{egress: {controlPlane: A}}".to_owned(),
        "{egress: {namespaces: ['*']}}".to_owned(),
        "{egress: {plaintext: ['https://a.example']}}".to_owned(),
        "{egress: {dns: {pods: {}}}}".to_owned(),
        "{egress: {dns: {addresses: [cache]}}}".to_owned(),
        "{egress: {gateway: {namespace: a}}}".to_owned(),
        "{egress: {gateway: {namespace: a, service: b, pods: {}}}}".to_owned(),
        "{egress: {gateway: {namespace: a, service: b, pods: {c: '*'}}}}".to_owned(),
        "{egress: {gateways: []}}".to_owned(),
        "{accessLogs: {providers: []}}".to_owned(),
        "{accessLogs: {providers: ['']}}".to_owned(),
        "{accessLogs: {provider: otel}}".to_owned(),
    ];
    for (specs, taken) in [(&fine[..], true), (&wrong[..], false)] {
        for spec in specs {
            let text = document(spec);
            let read = Delivery::parse(&text);
            assert_eq!(read.is_ok(), taken, "{spec}: {read:?}");
            let value: Value = serde_saphyr::from_str(&text).unwrap();
            let valid = validator.is_valid(&value);
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert_eq!(valid, taken, "{spec}: {errors:?}");
        }
    }
    for kind in ["Agent", "delivery"] {
        let text = format!("apiVersion: ambit.dev/v1alpha1\nkind: {kind}\n");
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(!validator.is_valid(&value) && Delivery::parse(&text).is_err(), "{kind}");
    }
}
