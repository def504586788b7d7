//! `egress` of a mesh, an agent, or a mission.

use super::{Field, METHODS, MODE, Object, Shape, TEXT};

/// What the mesh says of calls outside.
pub(super) const OF_MESH: Object = Object {
    name: "MeshEgress",
    doc: "Calls outside, for everyone.",
    fields: &[
        Field::optional(
            "deny",
            Shape::List { item: &TEXT, may_be_empty: true },
            "Hosts and networks that are denied to everyone, whatever is allowed. Default: where clouds keep metadata.",
            "[169.254.169.254, metadata.google.internal]",
        )
        .mistaken(&["denies", "block", "blocked", "denylist"]),
        Field::optional(
            "internal",
            Shape::List { item: &TEXT, may_be_empty: false },
            "Networks of the mesh itself: a call there is not a call outside. Default: none.",
            "[10.0.0.0/8]",
        )
        .mistaken(&["mesh", "cluster", "private"]),
    ],
};

/// What an agent may call outside.
pub(super) const OF_AGENT: Object = Object {
    name: "AgentEgress",
    doc: "Where calls outside may go that an agent makes, or that are made on its behalf.",
    fields: &[
        ALLOW,
        Field::optional("mode", MODE, "Overrides that of the agent, for its own calls outside.", "shadow"),
    ],
};

/// What may be called outside under a mission.
pub(super) const OF_MISSION: Object =
    Object { name: "MissionEgress", doc: "Where calls outside may go under a mission.", fields: &[ALLOW] };

const ALLOW: Field = Field::required(
    "allow",
    Shape::List { item: &Shape::TextOr(&DESTINATION), may_be_empty: true },
    "The destinations. A host may stand for itself. Empty: nothing outside.",
    "[api.example.com]",
)
.mistaken(&["hosts", "destinations", "allowed", "allowlist", "to"]);

const DESTINATION: Object = Object {
    name: "Destination",
    doc: "Destinations outside. All that is said must hold; it says `host`, `cidr`, or both.",
    fields: &[
        Field::optional(
            "host",
            TEXT,
            "A host by name, or all below one: `*.example.com` is one label or more, and never `example.com`.",
            "api.example.com",
        )
        .mistaken(&["hosts", "name", "domain", "fqdn", "url"]),
        Field::optional(
            "cidr",
            TEXT,
            "A network, or an address. Holds only where the address is known.",
            "203.0.113.0/24",
        )
        .mistaken(&["ip", "ips", "network", "address", "ipBlock", "cidrs"]),
        Field::optional(
            "ports",
            Shape::List { item: &Shape::Integer { min: 1, max: 65_535 }, may_be_empty: false },
            "The ports. Default: 443, and 80 where the proxy sees HTTP.",
            "[443]",
        )
        .mistaken(&["port"]),
        Field::optional(
            "methods",
            METHODS,
            "HTTP methods. With these, only calls count of which the proxy sees the HTTP. Default: any.",
            "[GET]",
        )
        .mistaken(&["method", "verbs"]),
        Field::optional(
            "pathPrefix",
            TEXT,
            "How the path starts, by whole segments. With it, only calls count of which the proxy sees the HTTP. \
             Default: any.",
            "/v1/",
        )
        .mistaken(&["path", "paths", "prefix"]),
    ],
};
