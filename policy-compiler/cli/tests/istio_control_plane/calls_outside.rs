//! What istiod makes of an agent's list of destinations: a proxy that is set up for capture, as in a cluster, is looked
//! into. Nothing captures here, so that no call gets through it.

use std::fs;

use ambit_harness::istio::pod::Running;
use ambit_harness::upstream::Reply;
use serde_json::{Value, json};

use crate::mesh::{Mesh, pod};
use crate::{Programs, SELECTED, dumped};

const POLICY: &str = r#"
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: caller}
spec:
  identity: [{namespace: care, serviceAccount: caller}]
  originates: true
  egress:
    allow:
      - api.desk.example
      - {host: files.desk.example, methods: [GET]}
      - "*.ship.example"
      - {cidr: 203.0.113.0/24, ports: [5432]}
"#;

/// The plugin of connections, as istiod names what it makes of a `WasmPlugin`.
const CONNECTIONS: &str =
    "extensions.istio.io/trafficextension/care.ambit-caller-network~istio-translated-wasmplugin";
const REQUESTS: &str =
    "extensions.istio.io/trafficextension/care.ambit-caller-outbound~istio-translated-wasmplugin";

/// The filter chains of the active listener of this name; none if there is no such listener.
fn chains(pod: &Running, name: &str) -> Vec<Value> {
    let listeners = dumped(pod, "dynamic_listeners");
    let mut active = listeners.iter().filter(|listener| listener["name"] == name);
    let listener = active.find_map(|listener| listener.pointer("/active_state/listener"));
    let Some(listener) = listener else { return Vec::new() };
    let chains = listener["filter_chains"].as_array().into_iter().flatten();
    chains.chain(listener.get("default_filter_chain")).cloned().collect()
}

/// A chain in a few words: whom it takes, its filters, and where it leads.
fn told(chain: &Value) -> (String, Vec<String>, String) {
    let ranges = chain.pointer("/filter_chain_match/prefix_ranges/0");
    let names = chain.pointer("/filter_chain_match/server_names/0").and_then(Value::as_str);
    let taken = match (names, ranges) {
        (Some(name), _) => name.to_owned(),
        (None, Some(range)) => range["address_prefix"].as_str().unwrap().to_owned(),
        (None, None) => String::from("rest"),
    };
    let filters = chain["filters"].as_array().unwrap();
    let name = |filter: &Value| filter["name"].as_str().unwrap().to_owned();
    let last = filters.last().unwrap();
    let to = last.pointer("/typed_config/cluster").and_then(Value::as_str).unwrap_or("requests");
    (taken, filters.iter().map(name).collect(), to.to_owned())
}

/// Where the proxy sends requests to a host on port 80.
fn route(pod: &Running, host: &str) -> Option<String> {
    let tables = dumped(pod, "dynamic_route_configs");
    let of_port = tables.iter().map(|table| &table["route_config"]).find(|table| table["name"] == "80")?;
    let hosts = of_port["virtual_hosts"].as_array()?;
    let of_host = hosts.iter().find(|one| one["domains"].as_array().unwrap().contains(&json!(host)))?;
    of_host.pointer("/routes/0/route/cluster").and_then(Value::as_str).map(str::to_owned)
}

fn cluster(pod: &Running, name: &str) -> Value {
    let clusters = dumped(pod, "dynamic_active_clusters");
    let mut found = clusters.into_iter().map(|one| one["cluster"].clone()).filter(|one| one["name"] == name);
    found.next().unwrap_or_else(|| panic!("no cluster {name}"))
}

pub(super) fn have_no_other_way(programs: &Programs) {
    let mut mesh = Mesh::start(programs, "istio-outside", None);
    fs::write(mesh.directory.join("policy/outside.yaml"), POLICY).unwrap();
    let mut caller = pod("care", "caller");
    caller.is_captured = true;
    let caller = caller.place(|_| Reply::new(200, "nothing")).unwrap();
    for object in caller.objects() {
        mesh.api_server.apply(&object).unwrap();
    }
    mesh.deliver(&SELECTED);
    let Programs { istio, envoy, .. } = mesh.programs;
    let address = mesh.image.split('/').next().unwrap().parse().unwrap();
    let files = mesh.directory.join("caller");
    let mut caller =
        caller.start(istio, envoy, &mesh.control_plane, &mesh.authority, address, &files).unwrap();
    caller.wait_ready().unwrap();
    mesh.until("listeners of the list", |_| {
        ["0.0.0.0_80", "0.0.0.0_443", "0.0.0.0_5432"].iter().all(|name| !chains(&caller, name).is_empty())
    });

    // Connections: by the names of the list, each before anything else judged by the plugin. What only HTTP rules allow
    // has no way here, and the rest has none at all.
    let connections: Vec<_> = chains(&caller, "0.0.0.0_443").iter().map(told).collect();
    let [(wild, wild_filters, _), (name, filters, to), rest] = connections.as_slice() else {
        panic!("{connections:?}");
    };
    assert_eq!((wild.as_str(), name.as_str()), ("*.ship.example", "api.desk.example"));
    assert_eq!((filters[0].as_str(), wild_filters[0].as_str()), (CONNECTIONS, CONNECTIONS));
    assert_eq!(to, "outbound|443||api.desk.example");
    assert_eq!((rest.0.as_str(), rest.2.as_str()), ("rest", "BlackHoleCluster"));
    let networks: Vec<_> = chains(&caller, "0.0.0.0_5432").iter().map(told).collect();
    assert_eq!((networks[0].0.as_str(), networks[0].1[0].as_str()), ("203.0.113.0", CONNECTIONS));
    assert_eq!((networks.len(), networks[1].2.as_str()), (2, "BlackHoleCluster"));
    assert!(chains(&caller, "virtualOutbound").iter().all(|chain| told(chain).2 == "BlackHoleCluster"));

    // Requests: the plugin of requests judges them, and the one of connections does not run before it.
    let http = chains(&caller, "0.0.0.0_80");
    assert_eq!(told(&http[0]).1, ["envoy.filters.network.http_connection_manager"]);
    let filters = http[0].pointer("/filters/0/typed_config/http_filters").unwrap();
    assert_eq!(filters[0]["name"], REQUESTS);
    for host in ["api.desk.example", "files.desk.example"] {
        let to = format!("outbound|80||{host}");
        assert_eq!(route(&caller, host).as_ref(), Some(&to));
        // What the application says in the clear, the proxy says to that host alone, and encrypted.
        let cluster = cluster(&caller, &to);
        assert_eq!(cluster["type"], "STRICT_DNS");
        let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        assert_eq!(cluster.pointer(address).unwrap(), &json!({"address": host, "port_value": 443}));
        let tls = &cluster["transport_socket"]["typed_config"];
        assert_eq!(tls["sni"], *host);
        assert!(
            tls.to_string().contains(&format!("\"match_subject_alt_names\":[{{\"exact\":\"{host}\"}}]")),
            "{tls}"
        );
    }
    assert_eq!(route(&caller, "*.ship.example").as_deref(), Some("outbound|80||*.ship.example"));
    assert_eq!(route(&caller, "*"), None, "what is not on the list is answered by the proxy");
    let log = caller.log().unwrap();
    for role in ["ambit-outbound", "ambit-network"] {
        assert!(log.contains(&format!("wasm log {role}: ambit: policy loaded")), "{log}");
    }

    // Through a gateway, whose `Service` is one of the mesh.
    let service = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": {"namespace": "way-out", "name": "egress"},
        "spec": {
            "hosts": ["egress.way-out.svc.cluster.local"],
            "ports": [
                {"number": 80, "name": "http", "protocol": "HTTP"},
                {"number": 443, "name": "tls", "protocol": "TLS"},
            ],
            "location": "MESH_INTERNAL", "resolution": "STATIC", "endpoints": [{"address": "127.0.0.9"}],
        },
    });
    mesh.api_server.apply(&service).unwrap();
    mesh.deliver(&[&SELECTED[..], &["--egress-gateway", "way-out/egress"]].concat());
    let leads = |to: &str, port: u16| {
        to.starts_with(&format!("outbound|{port}|ambit-"))
            && to.ends_with("|egress.way-out.svc.cluster.local")
    };
    mesh.until("a way through the gateway", |_| {
        route(&caller, "api.desk.example").is_some_and(|to| leads(&to, 80))
            && chains(&caller, "0.0.0.0_443").iter().map(told).any(|(name, filters, to)| {
                name == "api.desk.example" && filters[0] == CONNECTIONS && leads(&to, 443)
            })
    });
    let inside = cluster(&caller, &route(&caller, "api.desk.example").unwrap());
    assert!(inside.to_string().contains("\"sni\":\"api.desk.example\""), "{inside}");

    let log = mesh.control_plane.log().unwrap();
    assert!(!log.contains("ACK ERROR"), "{log}");
}
