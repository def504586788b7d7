//! What verifying a blob and deciding by it cost: `cargo bench -p ambit-eval`.
//!
//! The blobs are compiled from a generated policy: one MCP service, agents with ten grants each, one of them with
//! a condition. Hops are agents: the caller, and those before it. Each figure is the median over many requests by
//! different agents, so that it is not that of one chain that lies in the cache.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench may panic"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::model::{
    Action, ActionId, Agent, AgentId, Comparison, Condition, Cycles, Decimal, Delegates, EffectSet, Field,
    Identity, Literal, Mesh, MeshEgress, Mode, Operand, Outbound, Policy, Protocol, Reach, Records, Rule,
    RuleId, Selector, Service, ServiceId, Through, Workload,
};
use ambit_compiler::source::Span;
use ambit_eval::{
    Arguments, Caller, Count, Facts, Key, Lineage, Number, Principal, Program, Request, Statement, Value,
    Verdict,
};

const AGENTS: [usize; 3] = [10, 1_000, 10_000];
const HOPS: [usize; 3] = [1, 4, 8];
const ACTIONS: usize = 40;
const GRANTS: usize = 10;
/// The action that everyone holds, and that is asked for.
const ASKED: usize = 7;

fn main() {
    // `cargo test --benches` runs this, too, and should not take long.
    let quick = std::env::args().any(|argument| argument == "--test");
    println!(
        "{:>8} {:>9} {:>11} {:>5} {:>12} {:>12} {:>7}",
        "agents", "bytes", "verify us", "hops", "plain ns", "condition ns", "steps"
    );
    for agents in AGENTS {
        let compiled = compile(&policy(agents), &workload(), &Options::default()).unwrap();
        let blob = compiled.blob;
        let program = Program::verify(blob.as_slice()).unwrap();
        let verify = median(if quick { 1 } else { 101 }, || {
            let start = Instant::now();
            black_box(Program::verify(black_box(blob.as_slice())).unwrap());
            start.elapsed()
        });
        for hops in HOPS {
            let chains = Chains::new(agents, hops);
            let (plain, _) = chains.measure(&program, "tools/call:tool-7", quick);
            let (condition, steps) = chains.measure(&program, "tools/call:tool-8", quick);
            println!(
                "{agents:>8} {:>9} {:>11.1} {hops:>5} {plain:>12.1} {condition:>12.1} {steps:>7}",
                blob.len(),
                verify.as_secs_f64() * 1e6,
            );
        }
    }
}

fn median(times: usize, mut once: impl FnMut() -> Duration) -> Duration {
    let mut taken: Vec<_> = (0..times).map(|_| once()).collect();
    taken.sort_unstable();
    taken[times / 2]
}

/// Chains of agents, drawn from all of them.
struct Chains {
    principals: Vec<(String, usize)>,
    hops: usize,
}

impl Chains {
    const COUNT: usize = 1_021;

    fn new(agents: usize, hops: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let principals = (0..Self::COUNT * hops).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (namespace, account) = names((state >> 33) as usize % agents);
            let trust_domain = "spiffe://cluster.local";
            (format!("{trust_domain}/ns/{namespace}/sa/{account}"), trust_domain.len())
        });
        Self { principals: principals.collect(), hops }
    }

    /// Median nanoseconds of a decision, and its steps.
    fn measure<B: AsRef<[u8]>>(&self, program: &Program<B>, key: &str, quick: bool) -> (f64, u32) {
        let principals = self.principals.iter().map(|(whole, path)| Principal {
            whole: whole.as_bytes(),
            trust_domain: &whole.as_bytes()[9..*path],
            path: &whole.as_bytes()[*path..],
        });
        let principals: Vec<Principal<'_>> = principals.collect();
        let mut steps = 0;
        let mut all = || {
            let start = Instant::now();
            for chain in principals.chunks(self.hops) {
                let verdict = decide(program, black_box(chain), key);
                assert!(verdict.allows(), "{verdict:?}");
                steps = verdict.steps;
            }
            start.elapsed()
        };
        let taken = median(if quick { 1 } else { 301 }, &mut all);
        (taken.as_secs_f64() * 1e9 / Self::COUNT as f64, steps)
    }
}

#[inline(never)]
fn decide<B: AsRef<[u8]>>(program: &Program<B>, chain: &[Principal<'_>], key: &str) -> Verdict {
    let (caller, members) = chain.split_last().unwrap();
    black_box(program.decide(&Request {
        caller: Caller::Proven(*caller),
        statement: Statement::Lineage(Lineage { members, missions: &[], merged: false }),
        protocol: ambit_eval::Protocol::Mcp,
        key: Key::Known(key.as_bytes()),
        facts: &Amount,
        now: 1_800_000_000,
    }))
}

/// Every field is 25.
struct Amount;

impl Facts for Amount {
    fn value(&self, _: u16) -> Value<'_> {
        Value::Number(Number { coefficient: 25, exponent: 0 })
    }

    fn count(&self, _: u16) -> Count {
        Count::NotAList
    }

    fn element(&self, _: u16, _: u32) -> Value<'_> {
        Value::Absent
    }

    fn arguments(&self, _: u16) -> Arguments {
        Arguments::Listed
    }
}

fn names(agent: usize) -> (String, String) {
    (format!("team-{}", agent % 50), format!("agent-{agent}"))
}

fn workload() -> Workload {
    Workload { namespace: "data".to_owned(), service_account: "orders".to_owned() }
}

fn policy(agents: usize) -> Policy {
    let mut rules = Vec::new();
    let agents = (0..agents).map(|agent| self::agent(agent, &mut rules)).collect();
    Policy {
        mesh: Mesh {
            trust_domains: vec!["cluster.local".to_owned()],
            max_depth: 17,
            cycles: Cycles::Tolerate,
            mode: Mode::Enforce,
            egress: MeshEgress::default(),
            records: Records::default(),
        },
        services: vec![Service {
            name: "orders".to_owned(),
            workload: workload(),
            protocol: Protocol::Mcp,
            actions: (0..ACTIONS).map(action).collect(),
            mode: None,
            max_body_bytes: None,
            span: Span::default(),
        }],
        agents,
        missions: Vec::new(),
        rules,
        effects: vec!["read".to_owned(), "write".to_owned()],
    }
}

fn action(number: usize) -> Action {
    Action {
        name: format!("tool-{number}"),
        selector: Selector::Key(format!("tools/call:tool-{number}")),
        effects: EffectSet(1),
        arguments: None,
        span: Span::default(),
    }
}

fn agent(number: usize, rules: &mut Vec<Rule>) -> Agent {
    let (namespace, account) = names(number);
    // Two that all hold, and others by which agents differ.
    let mut actions = vec![ASKED, ASKED + 1];
    actions.extend(
        (0..ACTIONS).cycle().skip(number * 3).filter(|action| !(7..9).contains(action)).take(GRANTS - 2),
    );
    let grants = actions.into_iter().map(|action| {
        let id = RuleId(u32::try_from(rules.len()).unwrap());
        rules.push(Rule {
            actions: vec![ActionId { service: ServiceId(0), index: u32::try_from(action).unwrap() }],
            when: (action == ASKED + 1).then(|| at_most(50 + i64::try_from(number % 7).unwrap())),
            reach: Reach { direct: true, through: Through::Anyone },
            span: Span::default(),
        });
        id
    });
    Agent {
        name: account.clone(),
        identities: vec![Identity::Path(format!("/ns/{namespace}/sa/{account}"))],
        originates: true,
        stamping: true,
        revoked: false,
        missions: None,
        mission_required: false,
        grants: grants.collect(),
        denies: Vec::new(),
        delegates: Delegates { to: None::<Vec<AgentId>>, max_depth: None },
        ceiling: Some(EffectSet(3)),
        mode: None,
        outbound: Outbound::default(),
        egress: None,
        span: Span::default(),
    }
}

fn at_most(amount: i64) -> Condition {
    let literal = Decimal { coefficient: amount, exponent: 0 };
    let literal = if amount % 10 == 0 { Decimal { coefficient: amount / 10, exponent: 1 } } else { literal };
    Condition::Compare {
        op: Comparison::LessOrEqual,
        left: Operand::Field(Field::Body(vec![
            "params".to_owned(),
            "arguments".to_owned(),
            "amount".to_owned(),
        ])),
        right: Operand::Literal(Literal::Number(literal)),
    }
}
