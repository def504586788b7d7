//! What the filter relies on of the mesh: strict mTLS, and a baseline that closes what no HTTP filter sees.

use serde_json::{Value, json};

use super::object::{Component, Object, Scope};
use super::plan::Governed;

const SECURITY: &str = "security.istio.io/v1";

/// Strict mTLS, if something is enforced and the pods are known. In shadow nothing may fail that went well before, and
/// plaintext did.
pub(super) fn peer_authentication(governed: &Governed, scope: &Scope<'_>) -> Option<Object> {
    let mut spec = scope.pods().filter(|_| governed.enforces)?;
    spec.insert(String::from("mtls"), json!({ "mode": "STRICT" }));
    Some(Object::new((SECURITY, "PeerAuthentication"), Component::Mtls, scope, "", Value::from(spec)))
}

/// The layers behind the filter.
pub(super) fn baseline(governed: &Governed, scope: &Scope<'_>) -> Vec<Object> {
    let principals = &*governed.baseline.principals;
    if !governed.serves {
        return ungoverned(governed, scope).into_iter().collect();
    }
    let mut spec = scope.spec();
    spec.insert(String::from("action"), Value::from("ALLOW"));
    // Without any rule nothing is allowed, which is right where no one holds a grant.
    if !principals.is_empty() {
        let mut operation = json!({ "methods": ["*"] });
        if let (Some(ports), Some(operation)) = (&governed.ports, operation.as_object_mut()) {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            operation.insert(String::from("ports"), Value::from(ports));
        }
        // A method is a thing of HTTP: on a chain that is not HTTP, where no HTTP filter runs, istiod makes of this rule
        // one that allows nothing. So what goes around the filter by not speaking HTTP is closed.
        let rule = json!({ "from": [{ "source": { "principals": principals } }], "to": [{ "operation": operation }] });
        spec.insert(String::from("rules"), json!([rule]));
    }
    let mut objects = vec![policy(governed, scope, "", Value::from(spec))];
    objects.extend(only_through_the_waypoint(governed, scope));
    objects
}

/// Of an agent that serves nothing: no agent may ask it anything, since nothing would judge what is asked, and what it
/// did then would have no lineage.
fn ungoverned(governed: &Governed, scope: &Scope<'_>) -> Option<Object> {
    if governed.baseline.principals.is_empty() {
        return None;
    }
    let mut spec = scope.spec();
    spec.insert(String::from("action"), Value::from("DENY"));
    let source = json!({ "principals": &*governed.baseline.principals });
    spec.insert(String::from("rules"), json!([{ "from": [{ "source": source }] }]));
    Some(policy(governed, scope, "", Value::from(spec)))
}

/// Behind a waypoint: what reaches the pods by another way is closed, if the pods are known.
fn only_through_the_waypoint(governed: &Governed, scope: &Scope<'_>) -> Option<Object> {
    let gateways = &governed.baseline.gateways;
    if gateways.is_empty() {
        return None;
    }
    let mut spec = scope.pods()?;
    spec.insert(String::from("action"), Value::from("ALLOW"));
    spec.insert(String::from("rules"), json!([{ "from": [{ "source": { "principals": gateways } }] }]));
    Some(policy(governed, scope, "-waypoint", Value::from(spec)))
}

fn policy(governed: &Governed, scope: &Scope<'_>, suffix: &str, spec: Value) -> Object {
    let object = Object::new((SECURITY, "AuthorizationPolicy"), Component::Baseline, scope, suffix, spec);
    if governed.baseline.is_dry_run { object.annotate("istio.io/dry-run", "true") } else { object }
}
