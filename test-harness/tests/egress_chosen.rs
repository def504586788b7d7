//! Where the proxy goes to the address that the application chose: what passes through, and hosts that are registered with
//! `resolution: NONE`. Then a name proves nothing, and only an entry with a range holds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ambit_harness::artifact;
use ambit_harness::egress::Configs;
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, Port, WorkloadSpec};
use ambit_harness::outside::{Answer, Chain, Leads, Outgoing, Route, Server, Speaks, captured, http_routes};
use ambit_harness::pki::Authority;
use ambit_harness::scenario::Destination;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: pinned.example\r\nconnection: close\r\n\r\n";

fn policy(ports: &[u16]) -> String {
    format!(
        "apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {{name: caller-api}}
spec:
  workload: {{namespace: mesh, serviceAccount: caller}}
  protocol: http
  actions: [{{name: work, methods: [POST], path: /}}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: caller}}
spec:
  identity: [{{namespace: mesh, serviceAccount: caller}}]
  originates: true
  egress:
    allow:
      - {{host: \"*.wild.example\", ports: {ports:?}}}
      - {{host: pinned.example, cidr: 127.0.0.1, ports: {ports:?}}}
      - {{cidr: 127.0.0.1, ports: {ports:?}, methods: [GET]}}
"
    )
}

#[test]
fn a_name_proves_nothing_of_an_address_that_the_application_chose() {
    let authority = Arc::new(Authority::new("egress-chosen"));
    let at = |last: u8| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let server = |name: &str, last, speaks| Server::start(name, at(last), speaks, &authority).unwrap();
    let (partner, attacker) = (server("partner", 1, Speaks::Https), server("attacker", 2, Speaks::Https));
    let (open, hidden) = (server("open", 1, Speaks::Http), server("hidden", 2, Speaks::Http));
    let ports = [&partner, &attacker, &open, &hidden].map(|server| server.address().port());

    let workload = Destination { namespace: "mesh".into(), service_account: "caller".into() };
    let configs = Configs::of(&policy(&ports), &workload, &[]).unwrap();
    let module = artifact::filter(&|_| {}).unwrap();
    let filter = |root_id: &str, config: String| Filter {
        module: module.clone(),
        root_id: root_id.to_owned(),
        config: Some(config),
    };
    let port = Port::reserve().unwrap();
    let listener = port.address();
    let network = filter("network", configs.network);
    let caller = WorkloadSpec::new("caller", &workload.spiffe())
        .workers(1)
        .filter(Direction::Outbound, filter("outbound", configs.outbound))
        .amend(move |bootstrap| {
            let passing = Route {
                cluster: "PassthroughCluster".to_owned(),
                domains: vec!["*".to_owned()],
                leads: Leads::Chosen,
            };
            http_routes(bootstrap, &[passing]);
            let chain = Chain {
                cluster: "outbound|443||*.wild.example".to_owned(),
                server_names: Vec::new(),
                address: None,
                leads: Leads::Chosen,
            };
            captured(bootstrap, "connections", listener, Some(&network), &[chain]);
        });
    let mesh =
        Mesh::builder("egress-chosen").authority(Arc::clone(&authority)).workload(caller).start().unwrap();

    let tls = |name: &str, server: &Server| {
        let answer = Outgoing { listener, original: server.address() }.send_tls(name, &authority, REQUEST);
        answer.unwrap_or(Answer::Closed) != Answer::Closed
    };
    // This is what a name alone does not prove.
    assert!(tls("api.wild.example", &partner) && tls("api.wild.example", &attacker));
    assert_eq!((partner.connections().len(), attacker.connections().len()), (1, 1));
    // A name with a range is held to the range.
    assert!(tls("pinned.example", &partner) && !tls("pinned.example", &attacker));
    assert_eq!((partner.connections().len(), attacker.connections().len()), (2, 1));

    let call = |server: &Server| {
        let listener = mesh.workload("caller").outbound();
        let answer = Outgoing { listener, original: server.address() }.send(REQUEST).unwrap();
        let Answer::Bytes(bytes) = answer else { return 0 };
        String::from_utf8_lossy(&bytes).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    };
    // What passes through is judged by where it goes, whatever host it says.
    assert_eq!((call(&open), call(&hidden)), (200, 403));
    assert_eq!((open.connections().len(), hidden.connections().len()), (1, 0));
}
