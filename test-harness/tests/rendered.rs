//! What `ambit render` writes is what the filter takes: its configurations in the filter's own words, and headers that
//! wait for the body on a real Envoy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeMap;

use ambit_compiler::check::check;
use ambit_compiler::compile;
use ambit_compiler::model::Workload;
use ambit_compiler::source::Sources;
use ambit_filter::destination::Range;
use ambit_filter::settings::{Identity, Role, Settings};
use ambit_harness::artifact;
use ambit_harness::client::Request;
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, WorkloadSpec};
use ambit_istio::render::secret::Key;
use ambit_istio::render::{
    Component, Delivery, Entry, ImageReference, Labels, Options, Rendered, Secrets, Waypoint, render,
};
use serde_json::{Value, json};

const POLICY: &str = r#"
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: billing-api}
spec:
  workload: {namespace: billing, serviceAccount: billing}
  protocol: mcp
  actions: [{tool: refund.create}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: support}
spec:
  identity: [{namespace: support, serviceAccount: support}]
  originates: true
  grants: [{actions: [billing-api/refund.create], when: args.amount <= 50}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: billing}
spec:
  identity: [{namespace: billing, serviceAccount: billing}]
  grants: []
"#;

fn rendered(entry: Entry, secrets: Secrets) -> Vec<Rendered> {
    rendered_of(POLICY, entry, secrets)
}

fn rendered_of(policy: &str, entry: Entry, secrets: Secrets) -> Vec<Rendered> {
    let policy = check(&Sources::single("policy.yaml", policy)).policy.unwrap();
    let options = Options {
        image: ImageReference::parse(&format!("r.example/ambit@sha256:{}", "0".repeat(64))).unwrap(),
        api: Default::default(),
        image_pull_secret: None,
        secrets,
        trusted_keys: Vec::new(),
        compile: compile::Options::default(),
        former: BTreeMap::new(),
    };
    let billing = Workload { namespace: "billing".into(), service_account: "billing".into() };
    let delivery = Delivery {
        selector_label: Some("app".into()),
        workloads: BTreeMap::from([(billing, entry)]),
        ..Delivery::default()
    };
    render(&policy, &delivery, &options).unwrap().workloads
}

/// The configuration of a role, as istiod hands it to the proxy: the members in order, without blanks.
fn config(rendered: &[Rendered], account: &str, component: Component) -> Option<String> {
    let one = rendered.iter().find(|one| one.governed.workload.service_account == account)?;
    let object = one.objects.iter().find(|object| object.component == component)?;
    match object.value.pointer("/spec/pluginConfig") {
        Some(config) => Some(config.to_string()),
        None => {
            let path = "/spec/configPatches/1/patch/value/typed_config/config/configuration/value";
            Some(object.value.pointer(path)?.as_str()?.to_owned())
        }
    }
}

fn derived() -> Secrets {
    Secrets::Derived(Key::new(&[1; 32]).unwrap())
}

#[test]
fn the_filter_takes_every_configuration() {
    let pods = || Some(Labels::from([("app".to_owned(), "billing".to_owned())]));
    let sidecar = Entry { pods: pods(), ..Entry::default() };
    let holding = Entry { hold_headers: true, ..sidecar.clone() };
    let waypoint =
        Entry { waypoint: Some(Waypoint { gateway: "way".into(), service: None }), ..sidecar.clone() };
    for (entry, holds, identity, stamps) in [
        (sidecar, false, Identity::Connection, true),
        (holding, true, Identity::Connection, true),
        (waypoint, false, Identity::Waypoint, false),
    ] {
        let rendered = rendered(entry, derived());
        let inbound = config(&rendered, "billing", Component::Inbound).unwrap();
        let inbound = Settings::parse(inbound.as_bytes()).unwrap();
        assert!(inbound.policy.is_some());
        assert_eq!((inbound.role, inbound.identity, inbound.hold_headers), (Role::Inbound, identity, holds));
        let outbound = config(&rendered, "billing", Component::Outbound);
        assert_eq!(outbound.is_some(), stamps);
        if let Some(outbound) = outbound {
            let outbound = Settings::parse(outbound.as_bytes()).unwrap();
            assert_eq!((outbound.role, outbound.live), (Role::Outbound, inbound.live));
        }
    }
}

/// What judges calls and connections to the outside knows who calls, and what is of the mesh.
#[test]
fn the_filter_takes_what_bounds_calls_outside() {
    let bounded = "  grants: []
  egress: {allow: [api.partner.example, {cidr: 203.0.113.0/24, ports: [5432]}]}
---
apiVersion: ambit.dev/v1alpha1
kind: Mesh
metadata: {name: mesh}
spec: {egress: {internal: [10.0.0.0/8]}}
";
    let policy = POLICY.replace("  grants: []\n", bounded);
    let pods = Some(Labels::from([("app".to_owned(), "billing".to_owned())]));
    let rendered = rendered_of(&policy, Entry { pods, ..Entry::default() }, derived());
    for (component, role) in [(Component::Outbound, Role::Outbound), (Component::Network, Role::Network)] {
        let config = config(&rendered, "billing", component).unwrap();
        let settings = Settings::parse(config.as_bytes()).unwrap();
        let (_, egress) = settings.egress().unwrap();
        assert_eq!(settings.role, role);
        assert_eq!(egress.agent, "spiffe://cluster.local/ns/billing/sa/billing");
        assert_eq!(egress.internal, [Range::parse("10.0.0.0/8").unwrap()]);
    }
}

#[test]
fn a_placeholder_that_nobody_replaced_is_refused() {
    let rendered = rendered(Entry::default(), Secrets::Placeholders);
    for component in [Component::Inbound, Component::Outbound] {
        let config = config(&rendered, "billing", component).unwrap();
        let refused = Settings::parse(config.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused, "code=secret-not-16-bytes-in-base64");
    }
}

fn call(amount: u32) -> Request {
    let body: Value = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "refund.create", "arguments": {"amount": amount}},
    });
    Request::post_json(&format!("/mcp/{amount}"), body.to_string())
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18")
}

/// Headers of a request whose body is denied reach the application without `holdHeaders`, and not with it.
#[test]
fn headers_wait_for_the_body_if_they_are_told_to() {
    let module = artifact::filter(&|line| eprintln!("{line}")).unwrap();
    let mesh = [("passing", false), ("holding", true)]
        .into_iter()
        .fold(Mesh::builder("holding"), |mesh, (name, hold_headers)| {
            let rendered = rendered(Entry { hold_headers, ..Entry::default() }, derived());
            let config = config(&rendered, "billing", Component::Inbound);
            let filter = Filter { module: module.clone(), root_id: "ambit-inbound".to_owned(), config };
            let spiffe = "spiffe://cluster.local/ns/billing/sa/billing";
            mesh.workload(WorkloadSpec::new(name, spiffe).filter(Direction::Inbound, filter))
        })
        .start()
        .unwrap();
    let support = mesh.authority().issue(&["spiffe://cluster.local/ns/support/sa/support"]);
    for name in ["passing", "holding"] {
        let send = |amount| {
            let caller = mesh.direct(&support, name).unwrap();
            let mut connection = caller.raw().unwrap();
            let bytes = call(amount).host("billing.local").to_bytes();
            // The headers alone, and the body when they have had time to go on.
            let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
            let (head, body) = bytes.split_at(end.checked_add(4).unwrap());
            connection.write(head).unwrap();
            if name == "passing" {
                while !mesh.workload(name).received().iter().any(|one| one.target == format!("/mcp/{amount}"))
                {
                    std::thread::yield_now();
                }
            }
            connection.write(body).unwrap();
            connection.read_response().unwrap()
        };
        let denied = send(51);
        assert!(denied.text().contains("condition-not-met"), "{name}: {} {}", denied.status, denied.text());
        // The whole of an allowed one comes through, behind the denied one.
        assert_eq!(send(50).status, 200, "{name}");
        let received: Vec<(String, bool)> = mesh
            .workload(name)
            .received()
            .into_iter()
            .map(|received| (received.target, received.complete))
            .collect();
        let seen =
            |target: &str| received.iter().find(|(seen, _)| seen == target).map(|(_, complete)| *complete);
        assert_eq!(seen("/mcp/50"), Some(true), "{name}: {received:?}");
        let expected = (name == "passing").then_some(false);
        assert_eq!(seen("/mcp/51"), expected, "{name}: {received:?}");
    }
}
