//! The stories: seven ways to have others do what one may not do, and the task beside each that must go on working.
//!
//! `stories.txt` of the sample policy tells the same, for whoever reads policy.

use std::borrow::Cow;

use super::agent::Deed;

/// One story.
pub(super) struct Story {
    pub(super) title: &'static str,
    /// Who hands it to whom, as far as it is of interest.
    pub(super) way: &'static str,
    /// What happens, in lines that fit.
    pub(super) plot: &'static [&'static str],
    /// What comes before.
    pub(super) before: Before,
    /// What passes with RBAC.
    pub(super) attack: Attempt,
    /// What becomes of it with Ambit.
    pub(super) denied: Denied,
    /// What must pass on both lanes.
    pub(super) task: Attempt,
    /// What that is.
    pub(super) task_is: &'static str,
}

/// What comes before the attempt of a story.
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// The agent tries it by itself, and both lanes refuse: the filter with this code.
    Direct(Attempt, &'static str),
    /// The pods come to rest, so that a lost lineage can be only that of the attempt.
    Quiet,
}

/// How the filter should refuse.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) code: &'static str,
    /// The agent that limits the request, if one does.
    pub(super) limited_by: Option<&'static str>,
    /// The workload whose filter refuses.
    pub(super) at: &'static str,
    /// How often it is done before that.
    pub(super) after: u32,
}

/// Something that an agent causes.
pub(super) struct Attempt {
    /// Who begins it.
    pub(super) who: &'static str,
    /// Whom the task is handed to, in order.
    pub(super) through: &'static [&'static str],
    /// What the last of them does.
    pub(super) deed: Deed,
    /// How often.
    pub(super) times: u32,
    /// Headers that the application of `who` writes besides.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Whose application hands on no headers.
    pub(super) forgetful: &'static [&'static str],
}

const fn attempt(who: &'static str, through: &'static [&'static str], deed: Deed) -> Attempt {
    Attempt { who, through, deed, times: 1, headers: &[], forgetful: &[] }
}

const fn http(to: &'static str, method: &'static str, path: &'static str) -> Deed {
    Deed::Http { to: Cow::Borrowed(to), method: Cow::Borrowed(method), path: Cow::Borrowed(path) }
}

const fn answer(answer: &'static str) -> Deed {
    Deed::Answer { answer: Cow::Borrowed(answer) }
}

const fn tool(name: &'static str, amount: Option<u32>) -> Deed {
    Deed::Tool { to: Cow::Borrowed("payments"), tool: Cow::Borrowed(name), amount }
}

const fn denied(code: &'static str, limited_by: Option<&'static str>, at: &'static str) -> Denied {
    Denied { code, limited_by, at, after: 0 }
}

/// What an application could write in order to pass for another: the header of the sidecars, and who is said to be the
/// peer. Here, that support began it.
const FORGED: &[(&str, &str)] = &[
    ("x-ambit-lineage", "v=1, root=\"t-1\", via=(\"spiffe://cluster.local/ns/support/sa/support-agent\")"),
    ("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/support/sa/support-agent"),
];

/// The stories, in the order in which they are told.
pub(super) fn stories() -> Vec<Story> {
    vec![
        Story {
            title: "Direct escalation",
            way: "support > admin > orders-db",
            plot: &["A customer's message talks support into having admin drop a table."],
            before: Before::Nothing,
            attack: attempt("support", &["admin"], http("orders-db", "DELETE", "/tables/orders")),
            denied: denied("not-granted", Some("support"), "orders-db"),
            task: attempt("support", &["admin"], http("orders-db", "GET", "/tables/orders/rows/7")),
            task_is: "admin reads the customer's order",
        },
        Story {
            title: "Confused deputy two hops away",
            way: "support > planner > billing > payments",
            plot: &[
                "A customer wants 5000 back. Planner passes it on, and billing, which has no",
                "limit of its own, pays.",
            ],
            before: Before::Nothing,
            attack: attempt("support", &["planner", "billing"], tool("refund.create", Some(5000))),
            denied: denied("condition-not-met", Some("support"), "payments"),
            task: attempt("support", &["planner", "billing"], tool("refund.create", Some(40))),
            task_is: "billing refunds 40",
        },
        Story {
            title: "Laundering through a third agent",
            way: "research > planner > billing",
            plot: &[
                "Billing's door is closed to research, which wants a customer's statement. So",
                "it asks planner, to whom the door is open.",
            ],
            before: Before::Direct(
                attempt("research", &[], http("billing", "GET", "/statements/17")),
                "not-granted",
            ),
            attack: attempt("research", &["planner"], http("billing", "GET", "/statements/17")),
            denied: denied("not-granted", Some("research"), "billing"),
            task: attempt("support", &["planner"], http("billing", "GET", "/statements/17")),
            task_is: "planner reads it for support",
        },
        Story {
            title: "Dropping the lineage",
            way: "research > planner > billing > payments",
            plot: &[
                "A web page tells research to have money refunded. Planner's code hands on",
                "none of the headers that could tell for whom.",
            ],
            before: Before::Quiet,
            attack: Attempt {
                forgetful: &["planner"],
                ..attempt("research", &["planner", "billing"], tool("refund.create", Some(40)))
            },
            denied: denied("not-granted", Some("research"), "payments"),
            task: lost_on_the_way(),
            task_is: "billing looks up rates, headers dropped as well",
        },
        Story {
            title: "Forging a stronger origin",
            way: "research > planner > billing > payments",
            plot: &[
                "Research writes headers which say that support began it, and wants to see a",
                "customer's card.",
            ],
            before: Before::Nothing,
            attack: Attempt {
                headers: FORGED,
                ..attempt("research", &["planner", "billing"], tool("card.read", None))
            },
            denied: denied("not-granted", Some("research"), "payments"),
            task: attempt("support", &["planner", "billing"], tool("card.read", None)),
            task_is: "billing looks it up for support itself",
        },
        Story {
            title: "Cycling to reset depth",
            way: "support > planner <> research > billing > payments",
            plot: &["Planner and research pass a task to and fro, so that each hop looks new."],
            before: Before::Nothing,
            attack: attempt(
                "support",
                &["planner", "research", "planner", "research", "planner", "research", "planner", "billing"],
                tool("rates.read", None),
            ),
            denied: denied("cycle", Some("planner"), "research"),
            task: attempt("support", &["planner", "research", "planner"], answer("by Friday")),
            task_is: "research asks planner back, who answers",
        },
        Story {
            title: "Fan-out flood",
            way: "support > admin > orders-db, 40 times",
            plot: &[
                "A customer's message has admin read orders 1 to 40, one by one. Each of them",
                "is allowed; all of them are a leak.",
            ],
            before: Before::Nothing,
            attack: Attempt {
                times: 40,
                ..attempt("support", &["admin"], http("orders-db", "GET", "/tables/orders/rows/#"))
            },
            denied: Denied { code: "budget-exhausted", limited_by: None, at: "admin", after: BUDGET },
            task: attempt("support", &["admin"], http("orders-db", "GET", "/tables/orders/rows/8")),
            task_is: "admin reads the next customer's order",
        },
    ]
}

/// How many calls admin may make for one root, as the sample has it.
const BUDGET: u32 = 10;

/// A task whose lineage planner loses, so that it passes only if nothing else is live in planner's pod.
pub(super) fn lost_on_the_way() -> Attempt {
    Attempt {
        forgetful: &["planner"],
        ..attempt("research", &["planner", "billing"], tool("rates.read", None))
    }
}

/// Who is refused on both lanes, and the filter's code if it is the filter that refuses.
pub(super) struct Outsider {
    pub(super) what: &'static str,
    pub(super) as_whom: AsWhom,
    pub(super) code: Option<&'static str>,
}

/// How an outsider comes.
#[derive(Clone, Copy)]
pub(super) enum AsWhom {
    /// With a certificate of the mesh, for a service account that nobody knows.
    Stranger,
    /// Without TLS.
    Plaintext,
}

/// They show that the lane with RBAC is guarded.
pub(super) const OUTSIDERS: [Outsider; 2] = [
    Outsider {
        what: "a stranger of the same mesh",
        as_whom: AsWhom::Stranger,
        code: Some("caller-unmapped"),
    },
    Outsider { what: "someone without TLS", as_whom: AsWhom::Plaintext, code: None },
];

/// What outsiders want.
pub(super) const WANTED: (&str, &str, &str) = ("orders-db", "GET", "/tables/orders/rows/7");
