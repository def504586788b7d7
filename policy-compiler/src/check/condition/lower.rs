//! From the CEL tree to the model.

mod operand;

use core::ops::Range;

use cel_core::types::{BinaryOp, Expr, SpannedExpr, UnaryOp};

use super::cel::Parsed;
use super::name::chain;
use super::{Scene, Type};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Comparison, Condition, Field, Literal, Operand};
use crate::syntax::limits::{MAX_CONDITION_DEPTH, MAX_SET};

/// A condition being lowered.
pub(super) struct Lower<'a> {
    pub(super) parsed: &'a Parsed<'a>,
    pub(super) scene: &'a Scene<'a>,
    out: &'a mut Diagnostics,
    /// The names of the elements of the quantifiers that we are inside of, innermost last.
    pub(super) elements: Vec<String>,
    depth: usize,
}

/// Lowers a whole condition.
pub(super) fn condition(parsed: &Parsed<'_>, scene: &Scene<'_>, out: &mut Diagnostics) -> Option<Condition> {
    Lower { parsed, scene, out, elements: Vec::new(), depth: 0 }.condition(&parsed.tree)
}

impl Lower<'_> {
    /// Says what is wrong at a place.
    pub(super) fn refuse(
        &mut self,
        code: Code,
        at: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = self.parsed.span(at);
        let help = help.into();
        let help = (!help.is_empty()).then_some(help);
        self.out.push(Diagnostic::new(code, span, message).maybe_help(help));
    }

    /// Looks up names of the policy, saying what is wrong at a place.
    pub(super) fn lookup<T>(
        &mut self,
        at: &Range<usize>,
        find: impl FnOnce(&super::Names<'_>, crate::source::Span, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let span = self.parsed.span(at);
        find(self.scene.names, span, self.out)
    }

    /// Lowers something that must be a truth value.
    pub(super) fn condition(&mut self, expr: &SpannedExpr) -> Option<Condition> {
        if self.depth >= MAX_CONDITION_DEPTH {
            self.refuse(
                Code::TooMuch,
                &expr.span,
                format!("nested more than {MAX_CONDITION_DEPTH} deep"),
                "",
            );
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let condition = self.truth(expr);
        self.depth = self.depth.saturating_sub(1);
        condition
    }

    fn truth(&mut self, expr: &SpannedExpr) -> Option<Condition> {
        match &expr.node {
            Expr::Bool(truth) => Some(Condition::Constant(*truth)),
            Expr::Unary { op: UnaryOp::Not, expr } => Some(Condition::Not(Box::new(self.condition(expr)?))),
            Expr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => self.junction(*op, expr),
            Expr::Binary { op: BinaryOp::In, left, right } => self.membership(left, right),
            Expr::Binary { op, left, right } => match comparison(*op) {
                Some(op) => self.compare(op, left, right),
                None => self.not_a_truth(expr),
            },
            Expr::Call { expr: callee, args } => self.call(expr, callee, args),
            Expr::Ident(_) | Expr::Member { .. } | Expr::Index { .. } => self.field_as_truth(expr),
            Expr::Ternary { .. } => {
                let help = "write `(a && b) || (!a && c)` for `a ? b : c`";
                self.refuse(Code::OutsideSubset, &expr.span, "`?:` is not part of conditions", help);
                None
            }
            _ => self.not_a_truth(expr),
        }
    }

    /// `a && b && c`, which the parser nests to the left, as one.
    fn junction(&mut self, op: BinaryOp, expr: &SpannedExpr) -> Option<Condition> {
        let mut parts = Vec::new();
        let mut at = expr;
        while let Expr::Binary { op: same, left, right } = &at.node
            && *same == op
        {
            parts.push(&**right);
            at = left;
        }
        parts.push(at);
        let mut good = true;
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts.into_iter().rev() {
            match (self.condition(part), op) {
                (Some(Condition::And(inner)), BinaryOp::And) | (Some(Condition::Or(inner)), BinaryOp::Or) => {
                    lowered.extend(inner);
                }
                (Some(condition), _) => lowered.push(condition),
                (None, _) => good = false,
            }
        }
        let all = if op == BinaryOp::And { Condition::And } else { Condition::Or };
        good.then(|| all(lowered))
    }

    fn field_as_truth(&mut self, expr: &SpannedExpr) -> Option<Condition> {
        let (operand, kind) = self.operand(expr)?;
        if kind.meets(Type::Bool) {
            return Some(Condition::Truth(operand));
        }
        let what = self.parsed.source(&expr.span).to_owned();
        let help = format!("compare it, as in `{what} == ...`");
        self.refuse(Code::ConditionType, &expr.span, format!("`{what}` is {kind}, not a truth value"), help);
        None
    }

    fn not_a_truth(&mut self, expr: &SpannedExpr) -> Option<Condition> {
        let (_, kind) = self.operand(expr)?;
        self.refuse(
            Code::ConditionType,
            &expr.span,
            format!("{kind} is no truth value"),
            "a condition is a comparison, as in `args.amount <= 50`",
        );
        None
    }

    fn compare(&mut self, op: Comparison, left: &SpannedExpr, right: &SpannedExpr) -> Option<Condition> {
        if let Some(special) = chain(left).and_then(|chain| super::special::of(&chain)) {
            return self.compare_special(special, op, left, right);
        }
        if let Some(special) = chain(right).and_then(|chain| super::special::of(&chain)) {
            return self.compare_special(special, flipped(op), right, left);
        }
        let (lowered_left, lowered_right) = (self.operand(left), self.operand(right));
        let ((left_operand, left_type), (right_operand, right_type)) = lowered_left.zip(lowered_right)?;
        let whole = left.span.start..right.span.end;
        if !left_type.meets(right_type) {
            let help = match (left_type, right_type) {
                (Type::Number, Type::Text) | (Type::Text, Type::Number) => {
                    "headers, query parameters and parts of the path are text; compare with text, or use `matches`"
                }
                _ => "",
            };
            let message =
                format!("{left_type} is compared with {right_type}, which is unknown for every request");
            self.refuse(Code::ConditionType, &whole, message, help);
            return None;
        }
        let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
        for (kind, part) in [(left_type, left), (right_type, right)] {
            if ordered && matches!(kind, Type::Bool | Type::Null) {
                self.refuse(
                    Code::ConditionType,
                    &part.span,
                    format!("{kind} has no order"),
                    "compare with `==` or `!=`",
                );
                return None;
            }
        }
        Some(Condition::Compare { op, left: left_operand, right: right_operand })
    }

    /// `x in y`
    fn membership(&mut self, needle: &SpannedExpr, set: &SpannedExpr) -> Option<Condition> {
        if let Expr::List(items) = &set.node {
            let items: Vec<&SpannedExpr> = items.iter().map(|item| &item.expr).collect();
            if items.is_empty() || items.len() > MAX_SET {
                let message =
                    if items.is_empty() { "nothing is in an empty list" } else { "the list is too long" };
                self.refuse(Code::EmptyValue, &set.span, message, "");
                return None;
            }
            if let Some(special) = chain(needle).and_then(|chain| super::special::of(&chain)) {
                return self.one_of(special, &items);
            }
            return self.in_literals(needle, &items);
        }
        if let Some(super::name::Chain { root: "chain", .. }) = chain(set) {
            self.refuse(
                Code::OutsideSubset,
                &set.span,
                "the chain is not a list here",
                "write `chain.has(\"agent\")`",
            );
            return None;
        }
        let (needle_operand, needle_type) = self.operand(needle)?;
        let (list, list_type) = self.operand(set)?;
        match list {
            Operand::Field(list @ Field::Body(_)) => Some(Condition::InList { needle: needle_operand, list }),
            Operand::Element(_) => {
                let help = "only lists that are arguments can be looked through";
                self.refuse(Code::OutsideSubset, &set.span, "a list within a list", help);
                None
            }
            _ => {
                let help = if list_type == Type::Text && needle_type.meets(Type::Text) {
                    "to look for a part of a text write `x.contains(\"part\")`"
                } else {
                    "as in `args.table in [\"orders\", \"shipments\"]`"
                };
                self.refuse(Code::ConditionType, &set.span, format!("{list_type} is not a list"), help);
                None
            }
        }
    }

    fn in_literals(&mut self, needle: &SpannedExpr, items: &[&SpannedExpr]) -> Option<Condition> {
        let found = self.operand(needle);
        let mut set = Vec::with_capacity(items.len());
        let mut good = true;
        for item in items {
            match self.operand(item) {
                Some((Operand::Literal(literal), kind)) => {
                    if let Some((_, needle_type)) = &found
                        && !kind.meets(*needle_type)
                    {
                        let message = format!("{needle_type} is compared with {kind}");
                        self.refuse(Code::ConditionType, &item.span, message, "");
                        good = false;
                    }
                    if !set.contains(&literal) {
                        set.push(literal);
                    }
                }
                Some(_) => {
                    let help = "write `a == b || a == c` to compare with other fields";
                    self.refuse(Code::OutsideSubset, &item.span, "a list holds literals only", help);
                    good = false;
                }
                None => good = false,
            }
        }
        let (needle, _) = found?;
        good.then_some(Condition::In { needle, set })
    }

    /// A text literal; says what should be there if it is something else.
    pub(super) fn text_literal(&mut self, expr: &SpannedExpr, what: &str) -> Option<String> {
        if let Expr::String(text) = &expr.node {
            return Some(text.clone());
        }
        self.refuse(Code::ConditionType, &expr.span, format!("{what} must be text in quotes"), "");
        None
    }
}

/// The comparison of an operator, if it is one.
const fn comparison(op: BinaryOp) -> Option<Comparison> {
    Some(match op {
        BinaryOp::Eq => Comparison::Equal,
        BinaryOp::Ne => Comparison::NotEqual,
        BinaryOp::Lt => Comparison::Less,
        BinaryOp::Le => Comparison::LessOrEqual,
        BinaryOp::Gt => Comparison::Greater,
        BinaryOp::Ge => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// The same comparison with its sides exchanged.
const fn flipped(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// The type of a literal.
pub(super) const fn type_of(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Number(_) => Type::Number,
        Literal::Text(_) => Type::Text,
    }
}
