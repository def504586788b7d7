//! The seed story: an agent that serves the public, one that plans, one that may do nearly anything, and a database.

use serde_json::Value;

use super::agent;
use super::swarm::{Swarm, WORKLOADS};
use crate::client::{Request, Response};
use crate::envoy::process::wait_for;

/// One line of the story: what was asked, and what should come of it.
struct Step {
    who: &'static str,
    behalf: &'static str,
    what: &'static str,
    expected: Expected,
    ask: fn(&Swarm, &str) -> Result<Option<Response>, String>,
}

#[derive(Clone, Copy)]
enum Expected {
    Allow,
    /// Denied by the filter of a workload, with a code.
    Deny(&'static str),
    /// The transport itself refuses.
    NoConnection,
}

/// One line of what came of it.
pub(super) struct Line {
    pub(super) who: &'static str,
    pub(super) behalf: &'static str,
    pub(super) what: &'static str,
    pub(super) verdict: &'static str,
    pub(super) code: String,
    pub(super) limited_by: String,
    expected: (&'static str, &'static str),
}

impl Line {
    pub(super) fn is_expected(&self) -> bool {
        self.expected == (self.verdict, self.code.as_str())
    }

    /// What was expected, if something else came.
    pub(super) fn surprise(&self) -> Option<String> {
        (!self.is_expected()).then(|| format!("expected {} {}", self.expected.0, self.expected.1))
    }
}

const READ: (&str, &str) = ("GET", "/tables/orders/rows/7");
const DROP: (&str, &str) = ("DELETE", "/tables/orders");

const STEPS: [Step; 9] = [
    Step {
        who: "admin",
        behalf: "itself",
        what: "drop a table",
        expected: Expected::Allow,
        ask: |swarm, id| swarm.agent_calls(id, "admin", DROP),
    },
    Step {
        who: "admin",
        behalf: "support",
        what: "read a row",
        expected: Expected::Allow,
        ask: |swarm, id| swarm.agent_asks(id, "support", &["admin"], READ),
    },
    Step {
        who: "admin",
        behalf: "support",
        what: "drop a table",
        expected: Expected::Deny("not-granted"),
        ask: |swarm, id| swarm.agent_asks(id, "support", &["admin"], DROP),
    },
    Step {
        who: "admin",
        behalf: "support, planner",
        what: "drop a table",
        expected: Expected::Deny("not-granted"),
        ask: |swarm, id| swarm.agent_asks(id, "support", &["planner", "admin"], DROP),
    },
    Step {
        who: "support",
        behalf: "itself",
        what: "read a row, going around admin",
        expected: Expected::Deny("not-granted-this-way"),
        ask: |swarm, id| swarm.agent_calls(id, "support", READ),
    },
    Step {
        who: "support",
        behalf: "itself",
        what: "drop a table, with forged identity headers",
        expected: Expected::Deny("not-granted"),
        ask: |swarm, id| swarm.forged(id),
    },
    Step {
        who: "an unmapped workload",
        behalf: "itself",
        what: "read a row",
        expected: Expected::Deny("caller-unmapped"),
        ask: |swarm, id| swarm.unmapped(id),
    },
    Step {
        who: "support",
        behalf: "itself",
        what: "a path trick: /tables/orders/rows/..%2f..",
        expected: Expected::Deny("path-refused"),
        ask: |swarm, id| swarm.agent_calls(id, "support", ("DELETE", "/tables/orders/rows/..%2f..")),
    },
    Step {
        who: "someone without TLS",
        behalf: "no one",
        what: "read a row",
        expected: Expected::NoConnection,
        ask: |swarm, id| swarm.plaintext(id),
    },
];

/// Plays every step, and says what came of it.
pub(super) fn tell(swarm: &Swarm) -> Result<Vec<Line>, String> {
    STEPS.iter().enumerate().map(|(number, step)| swarm.play(number, step)).collect()
}

impl Swarm {
    fn play(&self, number: usize, step: &Step) -> Result<Line, String> {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let response =
            (step.ask)(self, &id).map_err(|error| format!("`{}` by {}: {error}", step.what, step.who))?;
        let (verdict, code, limited_by) = match &response {
            None => ("deny", "mtls-required".to_owned(), "the listener: mTLS is strict".to_owned()),
            Some(response) => match response.header("x-ambit-code") {
                Some(code) => ("deny", code.to_owned(), self.limited_by(&id, step)?),
                None if response.status == 200 => ("allow", "allowed".to_owned(), String::new()),
                None => ("error", response.status.to_string(), String::new()),
            },
        };
        let expected = match step.expected {
            Expected::Allow => ("allow", "allowed"),
            Expected::Deny(code) => ("deny", code),
            Expected::NoConnection => ("deny", "mtls-required"),
        };
        Ok(Line { who: step.who, behalf: step.behalf, what: step.what, verdict, code, limited_by, expected })
    }

    /// Who limited the request, as the record in the access log of the workload that denied it says.
    fn limited_by(&self, id: &str, step: &Step) -> Result<String, String> {
        let found = wait_for("the record of a deny", || {
            for (name, ..) in WORKLOADS {
                let log = self.mesh.workload(name).access_log()?;
                if let Some(entry) = log.into_iter().find(|entry| is_deny(entry, id)) {
                    return Ok(Some((name, entry)));
                }
            }
            Ok(None)
        });
        let (name, entry) = found.map_err(|error| error.to_string())?;
        let record = entry["ambit"].as_str().unwrap_or_default();
        let hop = record.split(' ').find_map(|pair| pair.strip_prefix("hop="));
        let chain: Vec<&str> =
            step.behalf.split(", ").filter(|member| *member != "itself").chain([step.who]).collect();
        let member = hop.and_then(|hop| chain.get(hop.parse::<usize>().ok()?)).unwrap_or(&"the request");
        Ok(format!("{member}, at {name}"))
    }

    /// An agent hands a task to another, and that perhaps to a third, which then does it.
    fn agent_asks(
        &self,
        id: &str,
        who: &str,
        through: &[&str],
        (method, path): (&str, &str),
    ) -> Result<Option<Response>, String> {
        let (first, rest) = through.split_first().ok_or("a task goes through someone")?;
        let task = agent::task(rest, method, path).to_string();
        let request = Request::post_json("/tasks", task).header("x-request-id", id);
        send(self.mesh.between(who, first).send(&request))
    }

    /// An agent calls the database itself.
    fn agent_calls(
        &self,
        id: &str,
        who: &str,
        (method, path): (&str, &str),
    ) -> Result<Option<Response>, String> {
        let request = Request::new(method, path).header("x-request-id", id);
        send(self.mesh.between(who, "orders-db").send(&request))
    }

    fn forged(&self, id: &str) -> Result<Option<Response>, String> {
        let admin = self.mesh.workload("admin").spiffe();
        let request = Request::new(DROP.0, DROP.1)
            .header("x-request-id", id)
            .header(
                "x-forwarded-client-cert",
                format!("By=spiffe://cluster.local/ns/data/sa/orders-db;URI={admin}"),
            )
            .header("x-ambit-principal", admin);
        send(self.mesh.between("support", "orders-db").send(&request))
    }

    fn unmapped(&self, id: &str) -> Result<Option<Response>, String> {
        let stranger = self.mesh.authority().issue(&["spiffe://cluster.local/ns/default/sa/stranger"]);
        let endpoint = self.mesh.direct(&stranger, "orders-db").map_err(|error| error.to_string())?;
        send(endpoint.send(&Request::new(READ.0, READ.1).header("x-request-id", id)))
    }

    fn plaintext(&self, id: &str) -> Result<Option<Response>, String> {
        let request = Request::new(READ.0, READ.1).header("x-request-id", id);
        Ok(self.mesh.plain("orders-db").send(&request).ok())
    }
}

/// Whether an entry of an access log is that of a request which the filter answered.
fn is_deny(entry: &Value, id: &str) -> bool {
    entry["request_id"] == id
        && entry["details"].as_str().is_some_and(|details| details.starts_with("ambit:"))
}

fn send(answer: std::io::Result<Response>) -> Result<Option<Response>, String> {
    answer.map(Some).map_err(|error| error.to_string())
}
