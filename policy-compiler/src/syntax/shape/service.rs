//! `kind: Service`.

use super::{EFFECTS, Field, METHODS, MODE, Object, Shape, TEXT};

/// `spec` of a service.
pub(super) const SPEC: Object = Object {
    name: "ServiceSpec",
    doc: "A destination.",
    fields: &[
        Field::required(
            "workload",
            Shape::Object(&WORKLOAD),
            "The workload that serves it.",
            "{namespace: data, serviceAccount: orders-db}",
        ),
        Field::required("protocol", PROTOCOL, "What it speaks.", "http"),
        Field::optional(
            "actions",
            Shape::List { item: &Shape::Object(&ACTION), may_be_empty: true },
            "The catalog: what can be asked of it. What no action covers is denied.",
            "[{name: row.read, methods: [GET], path: \"/rows/{id}\", effects: [read]}]",
        )
        .mistaken(&["tools", "routes", "methods", "endpoints"]),
        Field::optional("limits", Shape::Object(&LIMITS), "How large its requests may be.", "{body: 256Ki}")
            .mistaken(&["limit", "maxBody", "bodyLimit"]),
        Field::optional("mode", MODE, "Overrides the mesh's.", "shadow"),
    ],
};

const LIMITS: Object = Object {
    name: "Limits",
    doc: "How large requests may be.",
    fields: &[Field::optional(
        "body",
        Shape::Text { pattern: Some("^[1-9][0-9]{0,2}Ki$") },
        "The largest body, in whole KiB from `1Ki` to `960Ki`. Default: any, but 960 KiB where policy reads it.",
        "256Ki",
    )
    .mistaken(&["bytes", "size", "bodyBytes", "maxBodyBytes"])],
};

const WORKLOAD: Object = Object {
    name: "Workload",
    doc: "A workload by its Kubernetes service account.",
    fields: &[
        Field::required("namespace", TEXT, "Kubernetes namespace.", "data"),
        Field::required("serviceAccount", TEXT, "Kubernetes service account.", "orders-db")
            .mistaken(&["sa", "serviceAccountName"]),
    ],
};

const PROTOCOL: Shape = Shape::Choice(&[
    ("http", "Actions are methods and paths."),
    ("mcp", "Actions are tools, resources, prompts and other methods of the Model Context Protocol."),
    ("a2a", "Actions are methods of the Agent2Agent protocol."),
    ("grpc", "Actions are gRPC methods."),
]);

const ACTION: Object = Object {
    name: "Action",
    doc: "Something that can be asked of a service. Which fields it takes depends on the service's protocol.",
    fields: &[
        Field::optional(
            "name",
            TEXT,
            "Its name within the service. Needed for `http` and for wildcards; else the tool, resource, prompt or method gives it, with `.` for `/`.",
            "row.read",
        ),
        Field::optional("methods", METHODS, "`http`: the methods. Default: any.", "[GET]")
            .mistaken(&["verbs"]),
        Field::optional("path", TEXT, "`http`: the path pattern.", "\"/tables/{table}/rows/{id}\"")
            .mistaken(&["paths", "route", "uri"]),
        Field::optional("tool", TEXT, "`mcp`: a tool's name; `*` stands for any run of characters.", "query")
            .mistaken(&["tools"]),
        Field::optional(
            "resource",
            TEXT,
            "`mcp`: a resource's URI; `*` stands for any run of characters.",
            "\"file:///docs/*\"",
        )
        .mistaken(&["resources", "uri"]),
        Field::optional(
            "prompt",
            TEXT,
            "`mcp`: a prompt's name; `*` stands for any run of characters.",
            "summarize",
        )
        .mistaken(&["prompts"]),
        Field::optional(
            "method",
            TEXT,
            "`mcp`, `a2a`, `grpc`: a method; `*` stands for any run of characters.",
            "tools/list",
        ),
        Field::optional("effects", EFFECTS, "What it does to the world.", "[read]")
            .mistaken(&["effect", "labels"]),
        Field::optional(
            "arguments",
            Shape::List { item: &TEXT, may_be_empty: true },
            "The arguments that its requests may have: one that has others is denied. Default: any.",
            "[table, limit, filter.from]",
        )
        .mistaken(&["args", "closed", "parameters", "params", "inputSchema"]),
    ],
};
