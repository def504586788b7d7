//! Istio's `AuthorizationPolicy` as the configuration of Envoy's RBAC filter, in the form in which istiod renders it:
//! what a mesh says of who may call whom, to compare with.
//!
//! Only what the sandbox needs is here: `ALLOW`, workloads chosen by namespace and by the label `app`, principals by
//! their full name, methods, and paths that are whole or end with `*`. Anything else is refused, not ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// The namespace whose policies without a selector are the whole mesh's.
const ROOT_NAMESPACE: &str = "istio-system";

/// Policies of one mesh.
#[derive(Debug, Clone)]
pub struct AuthorizationPolicies(Vec<Document>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    api_version: ApiVersion,
    kind: Kind,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
enum ApiVersion {
    #[serde(rename = "security.istio.io/v1")]
    V1,
}

#[derive(Debug, Clone, Deserialize)]
enum Kind {
    AuthorizationPolicy,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    selector: Option<Selector>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selector {
    match_labels: Labels,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    app: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    from: Vec<From>,
    to: Vec<To>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    source: Source,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    principals: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    operation: Operation,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    methods: Vec<String>,
    paths: Vec<String>,
}

impl AuthorizationPolicies {
    /// Reads YAML documents.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or not known here.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        serde_saphyr::from_multiple(yaml).map(Self).map_err(|error| error.to_string())
    }

    /// Configuration of the RBAC filter of the workload in `namespace` with the label `app`. Without a policy for it,
    /// Istio has no such filter and lets all pass: that is [`None`].
    #[must_use]
    pub fn rbac(&self, namespace: &str, app: &str) -> Option<Value> {
        let selected = |document: &&Document| {
            let Metadata { namespace: of, .. } = &document.metadata;
            match &document.spec.selector {
                Some(selector) => of == namespace && selector.match_labels.app == app,
                None => of == namespace || of == ROOT_NAMESPACE,
            }
        };
        let mut documents = self.0.iter().filter(selected).peekable();
        documents.peek()?;
        let policies: BTreeMap<String, Value> = documents.flat_map(Document::policies).collect();
        Some(json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": policies},
            "shadow_rules_stat_prefix": "istio_dry_run_allow_",
        }))
    }
}

impl Document {
    /// One of Envoy's policies for each rule, under istiod's name for it.
    fn policies(&self) -> impl Iterator<Item = (String, Value)> {
        // What the types alone hold: these are read, and are always the same.
        let Self { api_version: ApiVersion::V1, kind: Kind::AuthorizationPolicy, metadata, spec } = self;
        spec.rules.iter().enumerate().map(|(number, rule)| {
            let name = format!("ns[{}]-policy[{}]-rule[{number}]", metadata.namespace, metadata.name);
            (name, rule.policy())
        })
    }
}

impl Rule {
    fn policy(&self) -> Value {
        let permissions = self.to.iter().map(|to| {
            let methods = to
                .operation
                .methods
                .iter()
                .map(|method| json!({"header": {"name": ":method", "string_match": {"exact": method}}}));
            let paths = to.operation.paths.iter().map(|path| json!({"url_path": {"path": path_match(path)}}));
            json!({"and_rules": {"rules": [or_rules(methods), or_rules(paths)]}})
        });
        let principals = self.from.iter().map(|from| {
            let ids = from.source.principals.iter().map(|principal| {
                json!({"authenticated": {"principal_name": {"exact": format!("spiffe://{principal}")}}})
            });
            json!({"and_ids": {"ids": [{"or_ids": {"ids": ids.collect::<Vec<_>>()}}]}})
        });
        json!({"permissions": permissions.collect::<Vec<_>>(), "principals": principals.collect::<Vec<_>>()})
    }
}

fn or_rules(rules: impl Iterator<Item = Value>) -> Value {
    json!({"or_rules": {"rules": rules.collect::<Vec<_>>()}})
}

fn path_match(path: &str) -> Value {
    match path.strip_suffix('*') {
        Some(prefix) => json!({"prefix": prefix}),
        None => json!({"exact": path}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow-nothing, namespace: istio-system}
spec: {}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: data}
spec:
  selector: {matchLabels: {app: db}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/ops/sa/admin]}}]
      to: [{operation: {methods: [GET], paths: [/tables/*, /health]}}]
";

    #[test]
    fn it_is_what_istiod_renders() {
        let policies = AuthorizationPolicies::parse(POLICIES).unwrap();
        let rbac = policies.rbac("data", "db").unwrap();
        assert_eq!(
            rbac["rules"],
            json!({"action": "ALLOW", "policies": {"ns[data]-policy[db]-rule[0]": {
                "permissions": [{"and_rules": {"rules": [
                    {"or_rules": {"rules": [{"header": {"name": ":method", "string_match": {"exact": "GET"}}}]}},
                    {"or_rules": {"rules": [
                        {"url_path": {"path": {"prefix": "/tables/"}}},
                        {"url_path": {"path": {"exact": "/health"}}},
                    ]}},
                ]}}],
                "principals": [{"and_ids": {"ids": [{"or_ids": {"ids": [
                    {"authenticated": {"principal_name": {"exact": "spiffe://cluster.local/ns/ops/sa/admin"}}},
                ]}}]}}],
            }}})
        );
        for (namespace, app) in [("data", "other"), ("elsewhere", "db")] {
            let rbac = policies.rbac(namespace, app).unwrap();
            assert_eq!(rbac["rules"]["policies"], json!({}), "{namespace}/{app}: nothing is allowed");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (from, to) in [
            ("methods: [GET]", "notMethods: [GET]"),
            ("spec: {}", "spec: {action: DENY}"),
            ("app: db", "tier: db"),
            ("security.istio.io/v1", "security.istio.io/v9"),
        ] {
            assert!(AuthorizationPolicies::parse(&POLICIES.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn a_mesh_without_policies_lets_all_pass() {
        assert_eq!(AuthorizationPolicies(Vec::new()).rbac("data", "db"), None);
    }
}
