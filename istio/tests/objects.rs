//! Every object that is rendered is one that the API server takes, whatever the policy, the delivery and the options.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]

mod schema;

use std::collections::BTreeMap;

use ambit_compiler::check::check;
use ambit_compiler::compile;
use ambit_compiler::generate::large::{Size, large};
use ambit_compiler::generate::{Choices, policy as generated};
use ambit_compiler::model::{Mode, Policy, Workload};
use ambit_compiler::source::Sources;
use ambit_istio::limits::MAX_PRINCIPALS;
use ambit_istio::render::access_log;
use ambit_istio::render::secret::Key;
use ambit_istio::render::{
    AccessLogs, Api, Component, Delivery, Entry, ImageReference, Labels, Note, Options, Refusal, Rendered,
    Rendering, Secrets, Waypoint, blobs, render, yaml,
};
use schema::Schemas;
use serde_json::{Value, json};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn options() -> Options {
    Options {
        image: ImageReference::parse(&format!("registry.example/ambit@sha256:{DIGEST}")).unwrap(),
        api: Api::WasmPlugin,
        image_pull_secret: None,
        secrets: Secrets::Placeholders,
        trusted_keys: Vec::new(),
        compile: compile::Options { generation: 7, ..compile::Options::default() },
        former: BTreeMap::new(),
    }
}

fn by_label() -> Delivery {
    Delivery { selector_label: Some("app".into()), ..Delivery::default() }
}

fn checked(text: &str) -> Policy {
    let sources = Sources::single("policy.yaml", text);
    let checked = check(&sources);
    checked.policy.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

/// Two services and three agents, one of which serves nothing.
fn shop() -> Policy {
    checked(
        r#"
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: orders-db}
spec:
  workload: {namespace: data, serviceAccount: orders-db}
  protocol: http
  actions: [{name: row.read, methods: [GET], path: "/rows/{id}"}]
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: billing-api}
spec:
  workload: {namespace: billing, serviceAccount: billing.v2}
  protocol: mcp
  actions: [{name: refund, tool: refund.create}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: support}
spec:
  identity: [{namespace: support, serviceAccount: support-agent}]
  originates: true
  delegates: {to: [billing]}
  grants: [{actions: [billing-api/refund]}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: billing}
spec:
  identity: [{namespace: billing, serviceAccount: billing.v2}]
  grants: [{actions: [orders-db/row.read], when: args.id == 1}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: night}
spec:
  identity: [{namespace: night}, {spiffePattern: "/ns/*/sa/night-*"}]
  stamping: false
  originates: true
  grants: [{actions: ["*/*"]}]
"#,
    )
}

fn workload(namespace: &str, service_account: &str) -> Workload {
    Workload { namespace: namespace.into(), service_account: service_account.into() }
}

fn rendered(policy: &Policy, delivery: &Delivery, options: &Options) -> Vec<Rendered> {
    render(policy, delivery, options).unwrap_or_else(|refusals| panic!("{refusals:?}")).workloads
}

fn find<'a>(rendered: &'a [Rendered], account: &str, component: Component) -> Option<&'a Value> {
    let one = rendered.iter().find(|one| one.governed.workload.service_account == account)?;
    one.objects.iter().find(|object| object.component == component).map(|object| &object.value)
}

/// The same with access logs that say what was decided.
fn logged(delivery: Delivery) -> Delivery {
    Delivery { access_logs: Some(AccessLogs::default()), ..delivery }
}

/// Deliveries that use everything there is.
fn deliveries() -> Vec<Delivery> {
    let labels = |value: &str| Labels::from([("example.com/app".to_owned(), value.to_owned())]);
    let entry = |entry: Entry| Delivery {
        workloads: BTreeMap::from([
            (workload("data", "orders-db"), entry.clone()),
            (workload("billing", "billing.v2"), Entry { pods: Some(labels("b")), ..Entry::default() }),
            (workload("support", "support-agent"), Entry { pods: Some(Labels::new()), ..Entry::default() }),
        ]),
        ..Delivery::default()
    };
    let waypoint = |service: Option<&str>, pods| Entry {
        waypoint: Some(Waypoint { gateway: "way".into(), service: service.map(str::to_owned) }),
        pods,
        ..Entry::default()
    };
    vec![
        by_label(),
        entry(Entry { pods: Some(labels("o")), ports: Some(vec![80, 8443]), ..Entry::default() }),
        entry(Entry { pods: Some(labels("o")), hold_headers: true, ..Entry::default() }),
        entry(Entry { pods: Some(Labels::new()), hold_headers: true, ..Entry::default() }),
        entry(waypoint(Some("orders"), Some(labels("o")))),
        entry(waypoint(None, None)),
        logged(by_label()),
        logged(entry(Entry { pods: Some(Labels::new()), ..Entry::default() })),
        logged(entry(waypoint(Some("orders"), Some(labels("o"))))),
        logged(entry(waypoint(None, None))),
    ]
}

#[test]
fn every_object_is_one_that_the_api_server_takes() {
    let schemas = Schemas::read();
    let mut checked = 0;
    let mut policies = vec![shop()];
    for mode in [Mode::Shadow, Mode::Enforce] {
        let mut policy = shop();
        policy.mesh.mode = mode;
        policy.services[0].mode = Some(Mode::Shadow);
        policies.push(policy);
    }
    for policy in &policies {
        for delivery in deliveries() {
            for api in [Api::WasmPlugin, Api::TrafficExtension] {
                let pull_secret = (!delivery.workloads.values().any(|entry| entry.hold_headers))
                    .then(|| "credentials".to_owned());
                for secrets in [Secrets::Placeholders, Secrets::Derived(Key::new(&[1; 32]).unwrap())] {
                    let options =
                        Options { api, image_pull_secret: pull_secret.clone(), secrets, ..options() };
                    for one in rendered(policy, &delivery, &options) {
                        for object in &one.objects {
                            assert_eq!(
                                schemas.problems(&object.value),
                                Vec::<String>::new(),
                                "{}",
                                object.value
                            );
                            checked += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn access_logs_are_turned_on_where_that_is_asked_for() {
    let telemetries = |delivery: &Delivery| -> Vec<Value> {
        let rendered = rendered(&shop(), delivery, &options());
        let objects = rendered.iter().flat_map(|one| &one.objects);
        let found: Vec<Value> = objects
            .filter(|object| object.component == Component::AccessLog)
            .map(|object| object.value["spec"].clone())
            .collect();
        assert!(found.is_empty() || found.len() == rendered.len(), "{found:?}");
        found
    };
    assert_eq!(telemetries(&by_label()), Vec::<Value>::new());
    let provider = json!([{"providers": [{"name": "ambit-access-log"}]}]);
    let expected = json!({"selector": {"matchLabels": {"app": "billing.v2"}}, "accessLogging": provider});
    assert_eq!(telemetries(&logged(by_label()))[0], expected);
    let others = AccessLogs { providers: vec!["otel".into(), "ambit-access-log".into()] };
    let others = Delivery { access_logs: Some(others), ..by_label() };
    let expected = json!([{"providers": [{"name": "otel"}, {"name": "ambit-access-log"}]}]);
    assert!(telemetries(&others).iter().all(|spec| spec["accessLogging"] == expected));

    // What is written beside them defines that provider, and what stands ready for a whole mesh turns it on.
    let values: Value = serde_saphyr::from_str(access_log::MESH_CONFIG).unwrap();
    let defined = &values["meshConfig"]["extensionProviders"][0];
    assert_eq!(defined["name"], access_log::PROVIDER);
    let format = &defined["envoyFileAccessLog"]["logFormat"]["labels"];
    assert_eq!(format["ambit"], "%FILTER_STATE(wasm.ambit:PLAIN)%");
    let ready = concat!(env!("CARGO_MANIFEST_DIR"), "/observability/access-log.yaml");
    let ready: Value = serde_saphyr::from_str(&std::fs::read_to_string(ready).unwrap()).unwrap();
    assert_eq!(Schemas::read().problems(&ready), Vec::<String>::new());
    assert_eq!(ready["spec"], json!({"accessLogging": provider}));
}

#[test]
fn generated_policies_render_too() {
    let schemas = Schemas::read();
    let mut with_objects = 0;
    for seed in 0..60 {
        let policy = generated(&mut Choices::from_seed(seed));
        match render(&policy, &by_label(), &options()) {
            Ok(rendering) => {
                for object in rendering.workloads.iter().flat_map(|one| &one.objects) {
                    assert_eq!(schemas.problems(&object.value), Vec::<String>::new(), "{}", object.value);
                    with_objects += 1;
                }
            }
            Err(refusals) => {
                assert!(
                    refusals
                        .iter()
                        .all(|refusal| matches!(refusal, Refusal::Compile { .. } | Refusal::SamePods { .. })),
                    "{refusals:?}"
                );
            }
        }
    }
    assert!(with_objects > 100, "{with_objects}");
}

/// That the checks of this test would notice.
#[test]
fn what_the_api_server_refuses_is_found() {
    let schemas = Schemas::read();
    let rendered = rendered(&shop(), &by_label(), &options());
    let plugin = find(&rendered, "orders-db", Component::Inbound).unwrap();
    let wrong = |pointer: &str, value: Value, expected: &str| {
        let mut object = plugin.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        let problems = schemas.problems(&object).join("; ");
        assert!(problems.contains(expected), "{pointer}: {problems}");
    };
    wrong("/spec/failStrategy", json!("FAIL_RELAOD"), "FAIL_RELAOD");
    wrong("/spec/failPolicy", json!("x"), "failPolicy");
    wrong("/spec/sha256", json!("ABC"), "does not match");
    wrong("/spec/url", json!("ftp://x/y"), "url must have schema");
    wrong(
        "/spec/targetRefs",
        json!([{"kind": "Service", "name": "x"}]),
        "only one of targetRefs or selector",
    );
    wrong("/spec/targetRefs", json!([{"kind": "Service", "name": "x", "namespace": "y"}]), "cross namespace");
    wrong("/spec/selector", json!({"matchLabels": {"app": "*"}}), "wildcard not allowed");
    wrong("/spec/match", json!([{"mode": "SERVER", "ports": [{"number": 0}]}]), "minimum");
    wrong("/spec/match", json!([{"ports": [{"number": 1}, {"number": 1}]}]), "two elements");
    wrong("/metadata/labels", json!({"a b": "c"}), "a b");
}

#[test]
fn yaml_says_what_the_object_is() {
    for delivery in deliveries() {
        for one in rendered(&shop(), &delivery, &options()) {
            let values: Vec<Value> = one.objects.iter().map(|object| object.value.clone()).collect();
            let text = yaml::to_documents(&values).unwrap();
            let read: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            assert_eq!(read, values);
        }
    }
    // What readers of YAML 1.1 take for something else is quoted.
    let nasty = [
        "on",
        "y",
        "1_000",
        "0o7",
        "12:30:45",
        "2026-01-31",
        "~",
        "=",
        "<<",
        "-",
        "a: b",
        "a #b",
        "1e3",
        "*",
        "",
    ];
    let text = yaml::to_yaml(&json!(nasty)).unwrap();
    for (line, word) in text.lines().zip(nasty) {
        assert!(line.starts_with("- \"") || line.starts_with("- '"), "{word}: {line}");
    }
}

#[test]
fn each_workload_gets_what_it_needs() {
    let rendered = rendered(&shop(), &by_label(), &options());
    let components = |account: &str| -> Vec<Component> {
        let one = rendered.iter().find(|one| one.governed.workload.service_account == account).unwrap();
        one.objects.iter().map(|object| object.component).collect()
    };
    use Component::{Baseline, Inbound, Mtls, Outbound};
    assert_eq!(components("orders-db"), [Mtls, Baseline, Inbound]);
    assert_eq!(components("billing.v2"), [Mtls, Baseline, Outbound, Inbound]);
    assert_eq!(components("support-agent"), [Mtls, Baseline, Outbound]);

    let both = |component| find(&rendered, "billing.v2", component).unwrap();
    let lineage = |object: &Value| object["spec"]["pluginConfig"]["lineage"].clone();
    assert_eq!(lineage(both(Inbound)), lineage(both(Outbound)));
    for (component, mode) in [(Inbound, "SERVER"), (Outbound, "CLIENT")] {
        let spec = &both(component)["spec"];
        assert_eq!(spec["match"], json!([{"mode": mode}]));
        assert_eq!(spec["phase"], "AUTHZ");
        assert_eq!(spec["failStrategy"], "FAIL_RELOAD");
        assert_eq!(spec["url"], format!("oci://registry.example/ambit@sha256:{DIGEST}"));
        assert_eq!(spec["sha256"], DIGEST);
    }
    // Nothing of a tool's calls is stamped, so that it keeps no lineage and holds no secret.
    let tool = find(&rendered, "orders-db", Inbound).unwrap();
    assert_eq!(tool["spec"]["pluginConfig"].get("lineage"), None);
    assert_eq!(find(&rendered, "orders-db", Mtls).unwrap()["spec"]["mtls"]["mode"], "STRICT");
}

#[test]
fn the_baseline_names_who_holds_a_grant_and_speaks_http() {
    let rendered = rendered(&shop(), &by_label(), &options());
    let spec = &find(&rendered, "orders-db", Component::Baseline).unwrap()["spec"];
    assert_eq!(spec["action"], "ALLOW");
    assert_eq!(
        spec["rules"],
        json!([{
            "from": [{"source": {"principals": [
                // Of a pattern, what comes before its first star.
                "cluster.local/ns/*",
                "cluster.local/ns/billing/sa/billing.v2",
                "cluster.local/ns/night/*",
            ]}}],
            "to": [{"operation": {"methods": ["*"]}}],
        }])
    );
    let spec = &find(&rendered, "support-agent", Component::Baseline).unwrap()["spec"];
    assert_eq!(spec["action"], "DENY");
    assert!(spec["rules"][0]["from"][0]["source"]["principals"].to_string().contains("sa/support-agent"));
}

#[test]
fn many_callers_are_named_by_their_trust_domains() {
    let agents = u32::try_from(MAX_PRINCIPALS).unwrap() + 1;
    let policy = large(Size { agents, grants: 1, services: 1, actions: 8, conditions: 0 });
    let rendered = rendered(&policy, &by_label(), &options());
    let serving = rendered.iter().find(|one| one.policy.is_some()).unwrap();
    let baseline = serving.objects.iter().find(|object| object.component == Component::Baseline).unwrap();
    let principals = &baseline.value["spec"]["rules"][0]["from"][0]["source"]["principals"];
    let expected: Vec<String> =
        policy.mesh.trust_domains.iter().map(|domain| format!("{domain}/*")).collect();
    assert_eq!(*principals, json!(expected));
}

#[test]
fn in_shadow_nothing_may_fail() {
    let dry_run = |object: &Value| object["metadata"]["annotations"].get("istio.io/dry-run").is_some();
    let check = |change: &dyn Fn(&mut Policy), strict: bool, dry: bool| {
        let mut policy = shop();
        change(&mut policy);
        let rendered = rendered(&policy, &by_label(), &options());
        assert_eq!(find(&rendered, "orders-db", Component::Mtls).is_some(), strict);
        assert_eq!(dry_run(find(&rendered, "orders-db", Component::Baseline).unwrap()), dry);
    };
    let orders = |policy: &mut Policy, mode| {
        policy.services.iter_mut().for_each(|service| {
            if service.name == "orders-db" {
                service.mode = Some(mode);
            }
        })
    };
    check(&|_| {}, true, false);
    check(&|policy| policy.mesh.mode = Mode::Shadow, false, true);
    check(&|policy| orders(policy, Mode::Shadow), false, true);
    check(
        &|policy| {
            policy.mesh.mode = Mode::Shadow;
            orders(policy, Mode::Enforce);
        },
        true,
        false,
    );
    // One agent is enforced: mTLS must hold for it, and the others' denies must pass.
    check(
        &|policy| {
            policy.mesh.mode = Mode::Shadow;
            policy.agents[0].mode = Some(Mode::Enforce);
        },
        true,
        true,
    );
    // One agent is in shadow: it may reach what it holds no grant of.
    let mut policy = shop();
    policy.agents[0].mode = Some(Mode::Shadow);
    let rendered = rendered(&policy, &by_label(), &options());
    let baseline = find(&rendered, "orders-db", Component::Baseline).unwrap();
    assert!(baseline.to_string().contains("sa/support-agent"), "{baseline}");
}

#[test]
fn a_workload_without_known_pods_is_refused() {
    let refused = render(&shop(), &Delivery::default(), &options()).unwrap_err();
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|refusal| matches!(refusal, Refusal::NoPods { .. })), "{refused:?}");

    let mut delivery = by_label();
    delivery.workloads.insert(workload("data", "misspelt"), Entry::default());
    let refused = render(&shop(), &delivery, &options()).unwrap_err();
    assert_eq!(refused, [Refusal::NobodysWorkload { workload: workload("data", "misspelt") }]);

    // One selector finds a part of what the other finds.
    let mut policy = shop();
    policy.services[1].workload = workload("data", "other");
    let mut delivery = by_label();
    delivery
        .workloads
        .insert(workload("data", "other"), Entry { pods: Some(Labels::new()), ..Entry::default() });
    let refused = render(&policy, &delivery, &options()).unwrap_err();
    assert!(matches!(refused.as_slice(), [Refusal::SamePods { .. }]), "{refused:?}");
}

#[test]
fn who_is_not_stamped_is_said() {
    let mut policy = shop();
    policy.agents.iter_mut().for_each(|agent| agent.stamping = true);
    let notes = render(&policy, &by_label(), &options()).unwrap().notes;
    assert!(notes.contains(&Note::Unstamped { agent: "night".into() }), "{notes:?}");
    // Once it is listed, its calls are stamped.
    let mut delivery = by_label();
    delivery.workloads.insert(workload("night", "anyone"), Entry::default());
    let Rendering { workloads: rendered, notes, .. } = render(&policy, &delivery, &options()).unwrap();
    assert!(!notes.contains(&Note::Unstamped { agent: "night".into() }), "{notes:?}");
    assert!(find(&rendered, "anyone", Component::Outbound).is_some());
}

#[test]
fn what_has_not_changed_keeps_its_bytes() {
    let delivery = &deliveries()[2];
    let of = |policy: &Policy, options: &Options| -> BTreeMap<Workload, String> {
        rendered(policy, delivery, options)
            .into_iter()
            .map(|one| {
                let values: Vec<Value> = one.objects.into_iter().map(|object| object.value).collect();
                (one.governed.workload, yaml::to_documents(&values).unwrap())
            })
            .collect()
    };
    let first = of(&shop(), &options());
    let former: BTreeMap<_, _> = first.values().flat_map(|text| blobs(text)).collect();
    assert_eq!(former.len(), 2, "the blobs of both services are found, the one in the `EnvoyFilter` too");
    let later = Options {
        compile: compile::Options { generation: 9, source_digest: [3; 32], ..compile::Options::default() },
        former,
        ..options()
    };
    assert_eq!(of(&shop(), &later), first);

    // A change shows where it matters, and its number grows even if the clock does not.
    let mut changed = shop();
    let billing = changed.services.iter_mut().find(|service| service.name == "billing-api").unwrap();
    billing.mode = Some(Mode::Shadow);
    let stale = Options { compile: compile::Options { generation: 2, ..later.compile.clone() }, ..later };
    let second = of(&changed, &stale);
    let differ: Vec<&str> = first
        .iter()
        .filter(|(workload, text)| second[*workload] != **text)
        .map(|(workload, _)| workload.service_account.as_str())
        .collect();
    assert_eq!(differ, ["billing.v2"]);
    assert!(second[&workload("billing", "billing.v2")].contains("ambit.dev/generation: \"8\""));
}

#[test]
fn what_kubectl_cannot_apply_by_itself_is_said_and_what_no_server_takes_is_refused() {
    let size = Size { agents: 2500, grants: 40, services: 1, actions: 64, conditions: 0 };
    let Rendering { workloads: rendered, notes, .. } = render(&large(size), &by_label(), &options()).unwrap();
    let large_ones: Vec<_> = rendered
        .iter()
        .flat_map(|one| &one.objects)
        .filter(|object| object.needs_server_side_apply())
        .collect();
    assert!(!large_ones.is_empty(), "make it larger");
    for object in large_ones {
        let said = Note::ServerSide { object: object.title(), bytes: object.bytes() };
        assert!(notes.contains(&said), "{said}");
        let annotation = &object.value["metadata"]["annotations"]["argocd.argoproj.io/sync-options"];
        assert_eq!(*annotation, "ServerSideApply=true");
    }
}
