//! A small world: at least one of everything that a blob can hold, so that every rule of the format has something to
//! be broken on.

use ambit_bytecode::{NONE, Source};

use super::{
    Action, Agent, Argument, Automaton, Draft, Exact, Field, Literal, Mission, Profile, Row, Selector,
};

/// The world, with one condition: the grant of the caller for the one action that matters, `GET /orders`.
pub fn world(condition: &str) -> Draft {
    Draft {
        generation: 42,
        not_before: 0,
        not_after: 0,
        max_depth: 5,
        flags: 1,
        trust_domains: vec!["mesh.example", "old.example"],
        effects: vec!["read", "write"],
        effect_sets: vec![1, 3],
        profiles: profiles(),
        agents: agents(),
        exact: vec![
            Exact { agent: 0, trust_domain: NONE, namespace: Some("default"), name: "caller" },
            Exact { agent: 1, trust_domain: 0, namespace: Some("default"), name: "first" },
            Exact { agent: 2, trust_domain: NONE, namespace: None, name: "/plain/second" },
        ],
        namespaces: vec![(3, "spare")],
        identity_patterns: Some(1),
        missions: vec![mission("refund"), mission("report")],
        services: vec![("orders", 1, 0), ("tools", 2, 1)],
        actions: vec![
            Action { name: "list", service: 0, effects: 0, column: 0 },
            Action { name: "write", service: 1, effects: 1, column: 1 },
        ],
        listings: vec![],
        columns: 2,
        selectors: vec![
            Selector { protocol: 1, automaton: NONE, keys: vec![("GET /orders", 0)] },
            Selector { protocol: 2, automaton: 0, keys: vec![("tools/call:write", 1), ("tools/list", 0)] },
        ],
        limits: vec![(2, 1 << 18)],
        arms: vec![vec![(0, 0, NONE)], vec![(0, NONE, 1), (1, 0, 0)]],
        reaches: vec![(3, NONE), (1, 0)],
        sets: vec![vec![1, 2], vec![0, 1], vec![]],
        fields: fields(),
        literals: literals(),
        literal_sets: vec![vec![6, 4, 9], vec![0, 1, 3, 10], vec![8, 9]],
        networks: vec![vec![("::ffff:10.0.0.0", 104), ("2001:db8::", 32)], vec![]],
        automata: vec![words_with_t(), below_x(), digits()],
        conditions: vec![condition.to_owned()],
    }
}

/// The world with its condition as a deny of the caller, whose grant then is plain.
pub fn denying(condition: &str) -> Draft {
    let mut draft = world(condition);
    draft.agents[0].row = Some(Row { grants: vec![(0, NONE)], denies: vec![(0, 0)] });
    draft
}

fn profiles() -> Vec<Profile> {
    vec![Profile::default(), Profile { flags: 2, ceiling: 1, delegates: 0, missions: 1, followers: 2 }]
}

fn agents() -> Vec<Agent> {
    let plain = Some(Row { grants: vec![(0, NONE)], denies: vec![] });
    vec![
        Agent { name: "caller", row: Some(Row { grants: vec![(0, 0)], denies: vec![] }), ..Agent::default() },
        Agent { name: "first", first_rule: 10, row: plain.clone(), ..Agent::default() },
        Agent { name: "second", first_rule: 20, row: plain, ..Agent::default() },
        Agent {
            name: "spare",
            profile: 1,
            first_rule: 30,
            row: Some(Row { grants: vec![(0, NONE), (1, 1)], denies: vec![(1, 0)] }),
        },
        Agent { name: "idle", ..Agent::default() },
    ]
}

fn mission(name: &'static str) -> Mission {
    let row = Some(Row { grants: vec![(0, NONE)], denies: vec![] });
    Mission { name, ceiling: NONE, first_rule: 40, not_after: 0, row }
}

/// 0 to 3 scalars of each kind of argument, 4 a list with 5 and 6 in its elements, 7 another with 8, then the caller's.
fn fields() -> Vec<Field> {
    let field = |source, argument| Field { source, list: NONE, argument, keys: vec![] };
    let body = |list, keys: &[&'static str]| Field {
        source: Source::Body,
        list,
        argument: Argument::None,
        keys: keys.to_vec(),
    };
    vec![
        field(Source::Header, Argument::Name("x-zero")),
        field(Source::Query, Argument::Name("one")),
        field(Source::PathSegment, Argument::Number(2)),
        body(NONE, &["args", "three"]),
        body(NONE, &["args", "items"]),
        body(4, &["sku"]),
        body(4, &[]),
        body(NONE, &["args", "tags"]),
        body(7, &[]),
        field(Source::CallerPrincipal, Argument::None),
        field(Source::CallerNamespace, Argument::None),
        field(Source::CallerServiceAccount, Argument::None),
    ]
}

fn literals() -> Vec<Literal> {
    vec![
        Literal::Null,
        Literal::Bool(false),
        Literal::Bool(true),
        Literal::Number(5, 0),
        Literal::Number(5, 1),
        Literal::Number(25, -1),
        Literal::Number(-7, 0),
        Literal::Number(0, 0),
        Literal::Text("order"),
        Literal::Text("orders"),
        Literal::Text(""),
        Literal::Text("rd"),
        Literal::Text("\u{fc}ber"),
    ]
}

/// Keys that begin with `t` are action 0.
fn words_with_t() -> Automaton {
    Automaton { states: vec![(NONE, vec![(b't', b't', 1)]), (0, vec![(0, u8::MAX, 1)])] }
}

/// Paths below `/x/` are agent 3, and `/y` is agent 4.
fn below_x() -> Automaton {
    let states = vec![
        (NONE, vec![(b'/', b'/', 1)]),
        (NONE, vec![(b'x', b'x', 2), (b'y', b'y', 3)]),
        (NONE, vec![(b'/', b'/', 4)]),
        (4, vec![]),
        (3, vec![(0, u8::MAX, 4)]),
    ];
    Automaton { states }
}

/// At least one digit.
fn digits() -> Automaton {
    Automaton { states: vec![(NONE, vec![(b'0', b'9', 1)]), (1, vec![(b'0', b'4', 1), (b'5', b'9', 1)])] }
}
