//! What is rendered of calls outside: that the API server takes it, that it leads where the list leads, and nowhere else.
//!
//! `tests/egress` has a policy and what is rendered for it, with and without an egress gateway. `BLESS=1` writes that anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]

mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ambit_compiler::check::check;
use ambit_compiler::compile;
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::model::{Mode, Policy, Workload};
use ambit_compiler::source::Sources;
use ambit_istio::render::{
    Api, Delivery, Gateway, ImageReference, Note, Options, Refusal, Rendering, Secrets, Way, blobs, render,
    yaml,
};
use schema::Schemas;
use serde_json::{Value, json};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/egress")
}

fn text(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap()
}

fn checked(text: &str) -> Policy {
    let checked = check(&Sources::single("policy.yaml", text));
    checked.policy.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn options() -> Options {
    let digest = "0123456789abcdef".repeat(4);
    Options {
        image: ImageReference::parse(&format!("registry.example/ambit@sha256:{digest}")).unwrap(),
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

fn with_gateway() -> Delivery {
    let mut delivery = by_label();
    delivery.egress.gateway = Some(Gateway::parse("istio-egress/egressgateway").unwrap());
    delivery
}

fn rendered(policy: &Policy, delivery: &Delivery) -> Rendering {
    render(policy, delivery, &options()).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

fn objects(rendering: &Rendering) -> Vec<&Value> {
    let of_namespaces = rendering.outside.iter().flat_map(|one| &one.objects);
    of_namespaces
        .chain(rendering.workloads.iter().flat_map(|one| &one.objects))
        .map(|object| &object.value)
        .collect()
}

/// The object of a kind in a rendering, by its name.
fn find<'a>(rendering: &'a Rendering, kind: &str, name: &str) -> Option<&'a Value> {
    let mut found = objects(rendering)
        .into_iter()
        // What is watched only is in a namespace of its own, and not asked for here.
        .filter(|object| object["metadata"]["namespace"] != "watch")
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let first = found.next();
    assert_eq!(found.next(), None, "{kind} {name} twice");
    first
}

#[test]
fn what_is_rendered_is_what_it_was() {
    let policy = checked(&text("policy.yaml"));
    for (name, delivery) in [
        ("rendered.yaml", by_label()),
        ("gateway.yaml", with_gateway()),
        ("delivery-rendered.yaml", Delivery::parse(&text("delivery.yaml")).unwrap()),
    ] {
        let rendering = rendered(&policy, &delivery);
        let about_egress = |object: &&Value| {
            let component = &object["metadata"]["labels"]["app.kubernetes.io/component"];
            ["outside", "egress", "network", "outbound"].contains(&component.as_str().unwrap())
        };
        let mut kept: Vec<Value> = objects(&rendering).into_iter().filter(about_egress).cloned().collect();
        for object in &mut kept {
            // What is in a blob is told elsewhere.
            if let Some(policy) = object.pointer_mut("/spec/pluginConfig/policy") {
                *policy = json!("...");
            }
        }
        let notes: String = rendering.notes.iter().map(|note| format!("# note: {note}\n")).collect();
        let actual = notes + &yaml::to_documents(&kept).unwrap();
        if std::env::var_os("BLESS").is_some() {
            fs::write(directory().join(name), &actual).unwrap();
        }
        assert!(text(name) == actual, "{name}: BLESS=1 writes what is actual, for review");
    }
}

#[test]
fn every_object_is_one_that_the_api_server_takes() {
    let schemas = Schemas::read();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut policies = vec![checked(&text("policy.yaml"))];
    // Lists of all sorts, in which no host is to be called at some addresses only, and elsewhere at any.
    let workload = Workload { namespace: "w".into(), service_account: "w1".into() };
    for seed in 0..60 {
        let mut policy = generate::egress::world(&mut Choices::from_seed(seed), &workload);
        if seed % 3 == 0 {
            policy.mesh.mode = Mode::Shadow;
        }
        policies.push(policy);
    }
    let deliveries = [by_label(), with_gateway(), Delivery::parse(&text("delivery.yaml")).unwrap()];
    let mut refused = BTreeSet::new();
    for policy in &policies {
        for (place, delivery) in deliveries.iter().enumerate() {
            let api = if place == 1 { Api::TrafficExtension } else { Api::WasmPlugin };
            let mut delivery = delivery.clone();
            delivery.selector_label = Some("app".into());
            if policy.agents[0].name == "agent0" {
                delivery.workloads.clear();
            }
            match render(policy, &delivery, &Options { api, ..options() }) {
                Ok(rendering) => {
                    let mut titles = BTreeSet::new();
                    for object in objects(&rendering) {
                        assert_eq!(schemas.problems(object), Vec::<String>::new(), "{object}");
                        let kind = object["kind"].as_str().unwrap().to_owned();
                        assert!(titles.insert((kind.clone(), object["metadata"].clone().to_string())));
                        *kinds.entry(kind).or_default() += 1;
                    }
                }
                Err(refusals) => refused.extend(refusals.iter().map(|refusal| match refusal {
                    Refusal::PortOfTwoKinds { .. } => "port of two kinds",
                    Refusal::HostTwice { .. } => "host twice",
                    Refusal::TwoKinds { .. } => "two kinds",
                    Refusal::Compile { .. } => "compile",
                    other => panic!("{other:?}"),
                })),
            }
        }
    }
    for kind in ["ServiceEntry", "Sidecar", "NetworkPolicy", "DestinationRule", "VirtualService", "Gateway"] {
        assert!(kinds.get(kind).copied().unwrap_or(0) > 15, "{kinds:?}");
    }
    assert!(refused.contains("port of two kinds") && refused.contains("host twice"), "{refused:?}");
}

/// That the checks of this test would notice.
#[test]
fn what_the_api_server_refuses_is_found() {
    let schemas = Schemas::read();
    let rendering = rendered(&checked(&text("policy.yaml")), &by_label());
    let wrong = |kind: &str, name: &str, pointer: &str, value: Value, expected: &str| {
        let mut object = find(&rendering, kind, name).unwrap().clone();
        let slot = object.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        *slot = value;
        let problems = schemas.problems(&object).join("; ");
        assert!(problems.contains(expected), "{pointer}: {problems}");
    };
    let policy = "ambit-support-egress";
    wrong("NetworkPolicy", policy, "/spec/policyTypes", json!(["Out"]), "Out");
    wrong("NetworkPolicy", policy, "/spec/egress", json!([{"form": []}]), "form");
    wrong("NetworkPolicy", policy, "/spec/egress", json!([{"to": []}]), "to");
    let block = |block: Value| json!([{"to": [{"ipBlock": block}]}]);
    wrong("NetworkPolicy", policy, "/spec/egress", block(json!({"cidr": "10.0.0.1/8"})), "no network");
    let except = json!({"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]});
    wrong("NetworkPolicy", policy, "/spec/egress", block(except), "is not within");
    let except = json!({"cidr": "0.0.0.0/0", "except": ["::/16"]});
    wrong("NetworkPolicy", policy, "/spec/egress", block(except), "is not within");
    wrong("NetworkPolicy", policy, "/spec/egress/0/ports/0/port", json!(0), "minimum");
    wrong("Sidecar", policy, "/spec/outboundTrafficPolicy/mode", json!("REGISTRY"), "REGISTRY");
    let entry = "ambit-to-api.zendesk.com";
    wrong("ServiceEntry", entry, "/spec/resolution", json!("DSN"), "DSN");
    wrong("ServiceEntry", entry, "/spec/hosts", json!([]), "hosts");
    wrong("DestinationRule", entry, "/spec/trafficPolicy/portLevelSettings/0/tls/mode", json!("TLS"), "TLS");
}

/// Whether a policy lets a connection out to an address. Peers by label are within the cluster, and let nothing out.
fn lets_out(policy: &Value, address: &str, port: u16) -> bool {
    let address: IpAddr = address.parse().unwrap();
    let within = |network: &Value| {
        let (start, prefix) = network.as_str().unwrap().split_once('/').unwrap();
        let prefix: u32 = prefix.parse().unwrap();
        match (start.parse().unwrap(), address) {
            (IpAddr::V4(start), IpAddr::V4(address)) => {
                (u64::from(start.to_bits()) << prefix) >> 32 == (u64::from(address.to_bits()) << prefix) >> 32
                    && start.to_bits().checked_shr(32 - prefix) == address.to_bits().checked_shr(32 - prefix)
            }
            (IpAddr::V6(start), IpAddr::V6(address)) => {
                start.to_bits().checked_shr(128 - prefix) == address.to_bits().checked_shr(128 - prefix)
            }
            _ => false,
        }
    };
    policy["spec"]["egress"].as_array().unwrap().iter().any(|rule| {
        let ports = rule["ports"].as_array();
        let of_port = ports.is_none_or(|ports| {
            ports.iter().any(|one| one["protocol"] == "TCP" && one["port"] == u64::from(port))
        });
        let blocks = rule["to"].as_array().unwrap().iter().filter_map(|peer| peer.get("ipBlock"));
        let mut blocks = blocks.filter(|block| {
            let except = block["except"].as_array().into_iter().flatten().any(&within);
            within(&block["cidr"]) && !except
        });
        of_port && blocks.next().is_some()
    })
}

#[test]
fn a_network_policy_lets_out_what_the_list_needs() {
    let policy = checked(&text("policy.yaml"));
    let check = |delivery: &Delivery, name: &str, expected: &[(&str, u16, bool)]| {
        let rendering = rendered(&policy, delivery);
        let object = find(&rendering, "NetworkPolicy", name).unwrap();
        for (address, port, is_out) in expected {
            assert_eq!(lets_out(object, address, *port), *is_out, "{name}: {address}:{port}\n{object:#}");
        }
    };
    // Hosts have no addresses here: their ports are open, but neither for metadata nor for the mesh itself.
    let hosts = [
        ("192.0.2.1", 443, true),
        ("2001:db8::1", 443, true),
        // HTTP becomes HTTPS.
        ("192.0.2.1", 80, false),
        ("192.0.2.1", 993, true),
        ("192.0.2.1", 8443, false),
        ("169.254.169.254", 443, false),
        ("169.254.169.253", 443, true),
        ("fd00:ec2::254", 443, false),
        ("10.1.2.3", 443, false),
        ("fd00::1", 443, false),
    ];
    check(&by_label(), "ambit-support-egress", &hosts);
    // Through a gateway, nothing leaves by another way but to a wildcard, which no gateway can lead.
    let through = [("192.0.2.1", 443, true), ("192.0.2.1", 993, false)];
    check(&with_gateway(), "ambit-support-egress", &through);
    let networks = [
        ("203.0.113.9", 5432, true),
        ("203.0.114.9", 5432, false),
        ("203.0.113.9", 5433, false),
        ("2001:db8:1::1", 5432, true),
        ("2001:db9::1", 5432, false),
        ("198.51.100.7", 6432, true),
        ("198.51.100.8", 6432, false),
    ];
    check(&by_label(), "ambit-shipper-egress", &networks);
    check(&with_gateway(), "ambit-shipper-egress", &networks);
    check(&with_gateway(), "ambit-shipper-egress", &[("192.0.2.1", 443, false)]);
    let nothing = [("192.0.2.1", 443, false), ("192.0.2.1", 53, false), ("2001:db8::1", 80, false)];
    check(&by_label(), "ambit-closed-egress", &nothing);
}

#[test]
fn a_sidecar_knows_the_list_and_the_mesh_and_nothing_else() {
    let rendering = rendered(&checked(&text("policy.yaml")), &by_label());
    let hosts = |name: &str| find(&rendering, "Sidecar", name).unwrap()["spec"]["egress"][0]["hosts"].clone();
    let mesh = ["care/*.svc.cluster.local", "data/*.svc.cluster.local", "istio-system/*.svc.cluster.local"];
    assert_eq!(hosts("ambit-closed-egress"), json!(mesh));
    let own = ["./*.shipping.example", "./api.zendesk.com", "./files.example.org", "./mail.example.org"];
    assert_eq!(hosts("ambit-support-egress"), json!([&own[..], &mesh[..]].concat()));
    // Each of them is registered, in the namespace and for it alone.
    let entries: BTreeSet<String> = objects(&rendering)
        .into_iter()
        .filter(|object| object["kind"] == "ServiceEntry" && object["metadata"]["namespace"] == "care")
        .map(|object| {
            assert_eq!(object["spec"]["exportTo"], json!(["."]));
            format!("./{}", object["spec"]["hosts"][0].as_str().unwrap())
        })
        .collect();
    let named: BTreeSet<String> = ["support", "shipper", "closed"]
        .into_iter()
        .flat_map(|account| {
            let hosts = hosts(&format!("ambit-{account}-egress"));
            hosts.as_array().unwrap().iter().map(|host| host.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .filter(|host| host.starts_with("./"))
        .collect();
    assert_eq!(entries, named);
}

/// The filter of connections runs on the ports of connections, and on no port of HTTP: there it would see no name.
#[test]
fn plugins_judge_what_the_list_leads_to() {
    let rendering = rendered(&checked(&text("policy.yaml")), &by_label());
    let plugin = |name: &str| find(&rendering, "WasmPlugin", name);
    let ports = |name: &str| plugin(name).unwrap()["spec"]["match"][0]["ports"].clone();
    assert_eq!(ports("ambit-support-network"), json!([{"number": 443}, {"number": 993}]));
    assert_eq!(ports("ambit-shipper-network"), json!([{"number": 443}, {"number": 5432}, {"number": 6432}]));
    assert!(plugin("ambit-closed-network").is_none() && plugin("ambit-free-network").is_none());
    let config = |name: &str| plugin(name).unwrap()["spec"]["pluginConfig"].clone();
    let (calls, connections) = (config("ambit-support-outbound"), config("ambit-support-network"));
    assert_eq!((&calls["role"], &connections["role"]), (&json!("outbound"), &json!("network")));
    for member in ["policy", "agent", "internal", "lineage"] {
        assert!(calls[member] == connections[member] && !calls[member].is_null(), "{member}");
    }
    assert_eq!(calls["agent"], "spiffe://cluster.local/ns/care/sa/support");
    assert_eq!(calls["internal"], json!(["10.0.0.0/8", "fd00::/8"]));
    assert_eq!(plugin("ambit-support-network").unwrap()["spec"]["type"], "NETWORK");
    assert_eq!(plugin("ambit-support-outbound").unwrap()["spec"]["type"], "HTTP");
    // Who has no list is judged by those of whom it calls for.
    for member in ["policy", "agent", "internal"] {
        assert!(!config("ambit-free-outbound")[member].is_null(), "{member}");
    }
    assert!(!config("ambit-closed-outbound")["policy"].is_null());
}

#[test]
fn in_shadow_nothing_is_closed_and_nothing_is_encrypted() {
    let mut policy = checked(&text("policy.yaml"));
    let count = |policy: &Policy, kind: &str| {
        let rendering = rendered(policy, &by_label());
        objects(&rendering).iter().filter(|object| object["kind"] == kind).count()
    };
    let closing = ["Sidecar", "NetworkPolicy", "DestinationRule"];
    assert!(closing.iter().all(|kind| count(&policy, kind) == 3), "one each of those that are held");
    policy.mesh.mode = Mode::Shadow;
    for kind in closing {
        assert_eq!(count(&policy, kind), 0, "{kind}");
    }
    assert!(count(&policy, "ServiceEntry") > 3);
    let notes = rendered(&policy, &by_label()).notes;
    assert!(notes.iter().any(|note| matches!(note, Note::EgressInShadow { .. })), "{notes:?}");
    assert!(!notes.contains(&Note::NoGateway), "{notes:?}");
}

#[test]
fn what_cannot_be_delivered_is_refused() {
    let with = |allow: &str| {
        let text = text("policy.yaml").replace("allow: []", &format!("allow: {allow}"));
        render(&checked(&text), &by_label(), &options()).map(|_| ()).unwrap_err()
    };
    let workload = || Workload { namespace: "care".into(), service_account: "closed".into() };
    assert_eq!(
        with("[_dmarc.example.org]"),
        [Refusal::Host { workload: workload(), host: "_dmarc.example.org".into() }]
    );
    assert_eq!(
        with("[a.example.org, {host: b.example.org, methods: [GET], ports: [443]}]"),
        [Refusal::PortOfTwoKinds { workload: workload(), port: 443 }]
    );
    assert_eq!(
        with("[a.example.org, {host: a.example.org, cidr: 192.0.2.0/24, ports: [5432]}]"),
        [Refusal::HostTwice { workload: workload(), host: "a.example.org".into() }]
    );
    // What another workload of the namespace speaks to it.
    assert_eq!(
        with("[{host: mail.example.org, methods: [GET], ports: [993]}]"),
        [Refusal::TwoKinds { namespace: "care".into(), host: "mail.example.org".into(), port: 993 }]
    );
}

#[test]
fn a_list_that_has_not_changed_keeps_its_bytes() {
    let policy = checked(&text("policy.yaml"));
    let first = rendered(&policy, &by_label());
    let values: Vec<Value> = objects(&first).into_iter().cloned().collect();
    let former = blobs(&yaml::to_documents(&values).unwrap());
    let egress = former.keys().filter(|(_, way)| *way == Way::Egress).count();
    assert_eq!((egress, former.len()), (5, 6));
    let later = Options {
        compile: compile::Options { generation: 9, source_digest: [3; 32], ..compile::Options::default() },
        former,
        ..options()
    };
    let second = render(&policy, &by_label(), &later).unwrap();
    assert_eq!(objects(&second), objects(&first));
}

/// The delivery document in the documents is one, and says what it says there.
#[test]
fn the_documented_delivery_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/egress.md");
    let document = fs::read_to_string(path).unwrap();
    let (_, rest) = document.split_once("```yaml delivery\n").unwrap();
    let delivery = Delivery::parse(rest.split_once("```").unwrap().0).unwrap();
    assert_eq!(delivery.egress.plaintext, ["legacy.example.com"]);
    assert!(!rendered(&checked(&text("policy.yaml")), &delivery).outside.is_empty());
}
