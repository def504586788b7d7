//! What the filter must know to write decision records of a workload.
//!
//! It is no part of a blob: it decides nothing. It is the member `records` of the plugin configuration of the inbound role.

use serde_json::{Value, json};

use crate::model::{Loggable, Policy, Protocol, Workload};

/// The member `records` for a workload; `None` if everything is as the filter has it by default.
#[must_use]
pub fn settings(policy: &Policy, workload: &Workload) -> Option<Value> {
    let records = &policy.mesh.records;
    let services = policy.services.iter().filter(|service| service.workload == *workload);
    let mut protocols: Vec<Protocol> = services.map(|service| service.protocol).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let mut loggable: Vec<String> = records.loggable.iter().flat_map(|one| names(one, &protocols)).collect();
    loggable.sort_unstable();
    loggable.dedup();
    if loggable.is_empty() && records.allows == 0 {
        return None;
    }
    Some(json!({ "loggable": loggable, "allows": records.allows }))
}

/// What records call these fields, in requests of each of some protocols.
fn names(one: &Loggable, protocols: &[Protocol]) -> Vec<String> {
    match one {
        Loggable::Everything => vec![String::from("*")],
        Loggable::Header(name) => vec![format!("header/{}", escaped(name))],
        Loggable::Query(name) => vec![format!("query/{}", escaped(name))],
        Loggable::PeerAddress => vec![String::from("peer-address")],
        Loggable::Arguments(keys) => protocols
            .iter()
            .map(|protocol| {
                let outer = protocol.arguments().iter().map(|key| (*key).to_owned());
                let all = outer.chain(keys.iter().map(|key| escaped(key)));
                core::iter::once(String::from("body")).chain(all).collect::<Vec<_>>().join("/")
            })
            .collect(),
    }
}

/// A part of a name, as the filter writes it.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::source::Sources;

    #[test]
    fn fields_have_the_names_of_each_protocol() {
        let text = "\
apiVersion: ambit.dev/v1alpha1
kind: Mesh
metadata: {name: mesh}
spec:
  records: {loggable: [args.amount, args.a.b/c, request.headers.X-Tenant, request.query.page, source.ip], allows: 10}
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: tools}
spec:
  workload: {namespace: n, serviceAccount: a}
  protocol: mcp
  actions: [{tool: x}]
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  workload: {namespace: n, serviceAccount: a}
  protocol: http
  actions: [{name: x, methods: [POST], path: /x}]
";
        let policy = check(&Sources::single("policy.yaml", text)).policy.unwrap();
        let workload = &policy.services[0].workload;
        let expected = json!({
            "loggable": [
                "body/a/b~1c",
                "body/amount",
                "body/params/arguments/a/b~1c",
                "body/params/arguments/amount",
                "header/x-tenant",
                "peer-address",
                "query/page",
            ],
            "allows": 10,
        });
        assert_eq!(settings(&policy, workload), Some(expected));
        let other = Workload { namespace: String::from("n"), service_account: String::from("b") };
        assert_eq!(
            settings(&policy, &other).unwrap()["loggable"],
            json!(["header/x-tenant", "peer-address", "query/page"])
        );
    }
}
