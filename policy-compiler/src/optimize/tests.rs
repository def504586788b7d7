use super::*;
use crate::ir::Value;
use crate::model::{AgentId, Comparison, Decimal, Field, Literal};

fn chain_has() -> Expression {
    Expression::ChainHas(AgentId(0))
}

fn body() -> Expression {
    Expression::Truth(Value::Field(Field::Body(vec!["a".into()])))
}

fn matches() -> Expression {
    Expression::Matches(Value::Field(Field::Path), "a".into())
}

fn number(coefficient: i64) -> Value {
    Value::Literal(Literal::Number(Decimal { coefficient, exponent: 0 }))
}

fn not(inner: Expression) -> Expression {
    Expression::Not(Box::new(inner))
}

#[track_caller]
fn folds(from: &Expression, to: &Expression) {
    assert_eq!(&fold::folded(from), to);
}

#[test]
fn constants_are_folded() {
    let (yes, no) = (Expression::Constant(true), Expression::Constant(false));
    folds(&Expression::And(vec![yes.clone(), body()]), &body());
    folds(&Expression::And(vec![body(), no.clone()]), &no);
    folds(&Expression::Or(vec![body(), yes.clone()]), &yes);
    folds(&Expression::Or(vec![no.clone(), no.clone()]), &no);
    folds(&not(not(body())), &body());
    folds(&Expression::Compare(Comparison::Less, number(2), number(3)), &yes);
    folds(
        &Expression::InSet(number(2), vec![Literal::Text("2".into())]),
        &Expression::InSet(number(2), vec![Literal::Text("2".into())]),
    );
}

#[test]
fn nests_are_flattened_and_repetitions_dropped() {
    let nested = Expression::And(vec![body(), Expression::And(vec![chain_has(), body()])]);
    folds(&nested, &Expression::And(vec![body(), chain_has()]));
    folds(&Expression::Or(vec![body(), body()]), &body());
}

#[test]
fn what_may_be_unknown_is_kept() {
    let excluded_middle = Expression::Or(vec![body(), not(body())]);
    folds(&excluded_middle, &excluded_middle);
    let unlike = Expression::Compare(Comparison::Equal, number(1), Value::Literal(Literal::Null));
    folds(&unlike, &unlike);
    let all = Expression::All(Field::Body(vec!["l".into()]), Box::new(Expression::Constant(true)));
    folds(&all, &all);
}

#[test]
fn comparisons_have_contraries() {
    let compare = |op| Expression::Compare(op, Value::Field(Field::Path), number(1));
    folds(&not(compare(Comparison::Less)), &compare(Comparison::GreaterOrEqual));
    folds(&not(compare(Comparison::Equal)), &compare(Comparison::NotEqual));
}

#[test]
fn what_is_cheap_comes_first() {
    let mixed = Expression::And(vec![matches(), body(), chain_has()]);
    assert_eq!(cost::cheap_first(mixed), Expression::And(vec![chain_has(), body(), matches()]));
}
