//! What the unruly host configures, and what it asks: few, so that what is to come of each is known.

use std::sync::OnceLock;

use crate::egress::Configs;
use crate::scenario::Destination;

/// The first agent that calls: some conditions, some calls outside.
pub(super) const READER: &str = "spiffe://cluster.local/ns/mesh/sa/reader";
/// The second, on whose behalf nothing may leave the mesh.
pub(super) const CONFINED: &str = "spiffe://cluster.local/ns/mesh/sa/confined";
/// Someone whom policy does not know.
const STRANGER: &str = "spiffe://cluster.local/ns/mesh/sa/stranger";

/// The only tool of the list that the reader may use, and the one that a reply must not show.
pub(super) const HIDDEN: &[u8] = b"\"drop\"";

/// The reply to everything: a list, of which the second half has the hidden tool.
pub(super) const REPLY: &[u8] =
    br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"query","d":"......"},{"name":"drop"}]}}"#;

/// What a root context can be configured to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Http,
    Mcp,
    Outbound,
    Network,
    /// No JSON.
    Garbage,
    /// A configuration of size 0: everything is denied.
    Nothing,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Http, Self::Mcp, Self::Outbound, Self::Network, Self::Garbage, Self::Nothing];

    /// The plugin configuration.
    pub(super) fn config(self) -> &'static [u8] {
        static CONFIGS: OnceLock<[String; 6]> = OnceLock::new();
        let configs = CONFIGS.get_or_init(|| {
            let workload = Destination { namespace: "mesh".to_owned(), service_account: "caller".to_owned() };
            let [http, mcp] = [HTTP, MCP].map(|service| {
                Configs::of(&format!("{service}{AGENTS}"), &workload, &[]).expect("the policy compiles")
            });
            [http.inbound, mcp.inbound, http.outbound, http.network, "{\"policy\":".to_owned(), String::new()]
        });
        let place = Self::ALL.iter().position(|kind| *kind == self).expect("one of all");
        configs[place].as_bytes()
    }

    pub(super) fn is_inbound(self) -> bool {
        matches!(self, Self::Http | Self::Mcp)
    }
}

/// A request, a call and a connection at once: which it is depends on the context that asks.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) peer: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) authority: &'static str,
    pub(super) body: &'static [u8],
    /// Where the proxy leads a call to.
    pub(super) cluster: &'static str,
    /// Where the application connects to.
    pub(super) address: &'static str,
}

const fn asked(peer: &'static str, method: &'static str, path: &'static str, body: &'static str) -> Asked {
    let (authority, cluster) = ("tool.local", "outbound|80||tool.local");
    Asked { peer, method, path, authority, body: body.as_bytes(), cluster, address: "198.51.100.7:443" }
}

const fn call(authority: &'static str, cluster: &'static str) -> Asked {
    Asked { authority, cluster, ..asked(READER, "GET", "/", "") }
}

/// Every prefix of a body is worse than the whole.
pub(super) const ASKED: [Asked; 14] = [
    asked(READER, "GET", "/open", ""),
    asked(READER, "GET", "/closed", ""),
    asked(READER, "POST", "/pay", r#"{"amount": 10}"#),
    asked(READER, "POST", "/pay", r#"{"amount": 500}"#),
    asked(CONFINED, "GET", "/open", ""),
    asked(STRANGER, "GET", "/open", ""),
    asked(READER, "POST", "/mcp", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#),
    asked(
        READER,
        "POST",
        "/mcp",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop"}}"#,
    ),
    asked(
        READER,
        "POST",
        "/mcp",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query"}}"#,
    ),
    call("tool.local", "outbound|80||tool.local"),
    call("api.partner.example", "outbound|80||api.partner.example"),
    call("evil.example", "outbound|80||evil.example"),
    // An approved name for an address that is someone else's.
    call("api.partner.example", "PassthroughCluster"),
    asked(CONFINED, "POST", "/pay", r#"{"amount": 10}"#),
];

impl Asked {
    pub(super) fn headers(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pairs = [
            (":method", self.method),
            (":path", self.path),
            (":authority", self.authority),
            (":scheme", "http"),
            ("content-type", "application/json"),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec()
    }

    /// Whether a call stays in the mesh.
    pub(super) fn stays(&self) -> bool {
        self.authority == "tool.local"
    }
}

const HTTP: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: caller-api}
spec:
  workload: {namespace: mesh, serviceAccount: caller}
  protocol: http
  actions:
    - {name: open, methods: [GET], path: /open}
    - {name: closed, methods: [GET], path: /closed}
    - {name: pay, methods: [POST], path: /pay}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: reader}
spec:
  identity: [{namespace: mesh, serviceAccount: reader}]
  originates: true
  delegates: {to: [caller]}
  egress: {allow: [api.partner.example]}
  grants:
    - {actions: [caller-api/open]}
    - {actions: [caller-api/pay], when: args.amount <= 50}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: confined}
spec:
  identity: [{namespace: mesh, serviceAccount: confined}]
  originates: true
  delegates: {to: [caller]}
  egress: {allow: []}
  grants:
    - {actions: [caller-api/open]}
    - {actions: [caller-api/pay], when: args.amount <= 50}
";

const MCP: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: caller-api}
spec:
  workload: {namespace: mesh, serviceAccount: caller}
  protocol: mcp
  actions: [{tool: query}, {tool: drop}, {method: tools/list}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: reader}
spec:
  identity: [{namespace: mesh, serviceAccount: reader}]
  originates: true
  delegates: {to: [caller]}
  egress: {allow: [api.partner.example]}
  grants: [{actions: [caller-api/query, caller-api/tools.list]}]
";

const AGENTS: &str = "
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: caller}
spec:
  identity: [{namespace: mesh, serviceAccount: caller}]
  originates: true
  egress: {allow: [api.partner.example]}
";
