//! Counterexamples of the past, written out so that they outlive changes of the generator.

use std::collections::BTreeMap;

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::generate::{Choices, policy};
use ambit_compiler::model::{
    Action, ActionId, Agent, Condition, Cycles, Delegates, EffectSet, Field, Identity, Literal, Mesh,
    MeshEgress, Mode, Operand, Outbound, Policy, Protocol, Reach, Records, Rule, RuleId, Selector, Service,
    ServiceId, TextTest, Through, Workload,
};
use ambit_compiler::reference::{Case, Code, FieldValue, Key, Lineage, Terms, judge};
use ambit_compiler::source::Span;
use ambit_eval::Program;

use crate::facts;

fn workload() -> Workload {
    Workload { namespace: "n".into(), service_account: "s".into() }
}

/// An agent that may do everything, and that is denied it under a condition.
fn denied_when(condition: Condition) -> Policy {
    let rule = |when| Rule {
        actions: vec![ActionId { service: ServiceId(0), index: 0 }],
        when,
        reach: Reach { direct: true, through: Through::Anyone },
        span: Span::default(),
    };
    Policy {
        mesh: Mesh {
            trust_domains: vec!["mesh.example".into()],
            max_depth: 17,
            cycles: Cycles::Tolerate,
            mode: Mode::Enforce,
            egress: MeshEgress::default(),
            records: Records::default(),
        },
        services: vec![Service {
            name: "service".into(),
            workload: workload(),
            protocol: Protocol::Mcp,
            actions: vec![Action {
                name: "action".into(),
                selector: Selector::Key("a".into()),
                effects: EffectSet(0),
                arguments: None,
                span: Span::default(),
            }],
            mode: None,
            max_body_bytes: None,
            span: Span::default(),
        }],
        agents: vec![Agent {
            name: "agent".into(),
            identities: vec![Identity::Path("/ns/n/sa/a".into())],
            originates: true,
            stamping: true,
            revoked: false,
            missions: None,
            mission_required: false,
            grants: vec![RuleId(0)],
            denies: vec![RuleId(1)],
            delegates: Delegates { to: None, max_depth: None },
            ceiling: None,
            mode: None,
            outbound: Outbound::default(),
            egress: None,
            span: Span::default(),
        }],
        missions: Vec::new(),
        rules: vec![rule(None), rule(Some(condition))],
        effects: Vec::new(),
    }
}

/// The reference and the blob both find this of a condition: a deny matches unless it is false.
#[track_caller]
fn check(condition: Condition, fields: &[(Field, FieldValue)], is_false: bool) {
    let policy = denied_when(condition);
    let case = Case {
        peer: Some("spiffe://mesh.example/ns/n/sa/a".into()),
        lineage: Lineage::Absent,
        protocol: Protocol::Mcp,
        key: Key::Known(b"a".to_vec()),
        fields: fields.iter().cloned().collect(),
        arguments: None,
        now: 0,
    };
    let expected = if is_false { Code::Allowed } else { Code::ExplicitlyDenied };
    assert_eq!(judge(&policy, &workload(), &case, Terms::default()).code, expected);
    let blob = compile(&policy, &workload(), &Options::default()).unwrap().blob;
    assert_eq!(facts::decide(&Program::verify(blob).unwrap(), &case).code, expected);
}

fn query() -> Field {
    Field::Query("q".into())
}

/// An object equals nothing and is unequal to nothing, which an empty list does not settle either.
#[test]
fn an_object_is_not_looked_for_in_an_empty_list() {
    let list = Field::Body(vec!["l".into()]);
    let condition = Condition::InList { needle: Operand::Field(query()), list: list.clone() };
    let empty = (list, FieldValue::List(Vec::new()));
    check(condition.clone(), &[(query(), FieldValue::Object(BTreeMap::new())), empty.clone()], false);
    check(condition, &[(query(), FieldValue::Null), empty], true);
}

/// What is not UTF-8 is contained in nothing that can be told, though it may start it.
#[test]
fn other_bytes_than_utf8_are_not_searched_for() {
    let text = |test| Condition::Text {
        test,
        subject: Operand::Literal(Literal::Text("a".into())),
        needle: Operand::Field(query()),
    };
    let bytes = [(query(), FieldValue::Text(vec![0xff]))];
    check(text(TextTest::Contains), &bytes, false);
    check(text(TextTest::StartsWith), &bytes, true);
    check(text(TextTest::Contains), &[(query(), FieldValue::Text(b"b".to_vec()))], true);
}

/// An agent that holds nothing here, dropped, handed its principal to one that is kept for its mode.
#[test]
fn a_bystander_keeps_its_principals() {
    let mut policy = denied_when(Condition::Constant(false));
    let holder = policy.agents[0].clone();
    let bystander = Agent { grants: Vec::new(), denies: Vec::new(), ..holder.clone() };
    policy.agents = vec![bystander.clone(), Agent { mode: Some(Mode::Shadow), ..bystander }, holder];
    let compiled =
        compile(&policy, &workload(), &Options { max_bystanders: 0, ..Options::default() }).unwrap();
    assert_eq!(compiled.stats.agents, 3);
}

/// The generator's simplest policy compiles, so that shrinking can get there.
#[test]
fn the_simplest_policy_compiles() {
    let policy = policy(&mut Choices::from_tape(Vec::new()));
    assert!(compile(&policy, &policy.services[0].workload, &Options::default()).is_ok());
}
