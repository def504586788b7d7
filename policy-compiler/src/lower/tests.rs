use super::*;
use crate::generate::{self, Choices};
use crate::ir::{self, Expression, Value};
use crate::model::{AgentId, Field};
use crate::{optimize, slice};

fn lowered(condition: &Expression) -> Result<Code, CompileErrorKind> {
    code::lower(condition, &mut Tables::default())
}

#[track_caller]
fn lists(condition: &Expression, listing: &str) {
    assert_eq!(lowered(condition).unwrap().to_string(), listing);
}

fn has(agent: u32) -> Expression {
    Expression::ChainHas(AgentId(agent))
}

fn list() -> Field {
    Field::Body(vec!["l".into()])
}

#[test]
fn what_is_settled_is_skipped() {
    lists(
        &Expression::And(vec![has(0), has(1), has(2)]),
        "  0000 chain-has 0\n  0003 skip-if-false to 0010\n  0006 chain-has 1\n  0009 and\n  \
         0010 skip-if-false to 0017\n  0013 chain-has 2\n  0016 and\n",
    );
}

#[test]
fn quantifiers_hold_their_body() {
    lists(
        &Expression::All(list(), Box::new(Expression::Truth(Value::Element(list(), Vec::new())))),
        "  0000 all 0 to 0009\n  0005 element 1\n  0008 truth\n",
    );
}

#[test]
fn limits_are_told() {
    let mut deep = has(0);
    for _ in 0..20 {
        deep = Expression::And(vec![has(1), Expression::Or(vec![has(2), deep])]);
    }
    assert_eq!(lowered(&deep), Err(CompileErrorKind::ConditionTooDeep));
    assert_eq!(lowered(&Expression::And(vec![has(0); 3_000])), Err(CompileErrorKind::ConditionTooLong));
    let mut nested = has(0);
    for _ in 0..3 {
        nested = Expression::All(list(), Box::new(nested));
    }
    assert_eq!(lowered(&nested), Err(CompileErrorKind::QuantifiersTooDeep));
    let header = Field::Header("h".into());
    assert_eq!(
        lowered(&Expression::Exists(header, Box::new(has(0)))),
        Err(CompileErrorKind::ListOutsideBody)
    );
    let bad = Expression::Matches(Value::Field(Field::Path), "a.{16}$".into());
    assert!(matches!(lowered(&bad), Err(CompileErrorKind::Pattern { .. })));
}

/// Every stage of a compilation can be shown, and shows the same again.
#[test]
fn stages_are_printable() {
    for seed in 0..50 {
        let policy = generate::policy(&mut Choices::from_seed(seed));
        let workload = policy.services[0].workload.clone();
        let stages = || {
            let slice = slice::slice(&policy, &workload, 0);
            let ir = ir::build(&slice).unwrap();
            let optimized = optimize::optimize(ir.clone());
            let lowered = lower(&optimized).map(|lowered| lowered.to_string());
            [slice.to_string(), ir.to_string(), optimized.to_string(), lowered.unwrap_or_default()]
        };
        let first = stages();
        assert!(first[0].starts_with("workload w/") && first[1].starts_with("columns "), "{first:?}");
        assert_eq!(first, stages());
    }
}
