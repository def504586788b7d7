//! Functions of conditions.

use core::ops::Range;

use cel_core::types::{BinaryOp, Expr, SpannedExpr};

use super::lower::Lower;
use super::name::{Chain, chain, roots};
use super::{Type, network, regex};
use crate::diagnostics::Code;
use crate::model::{Condition, Field, Operand, TextTest};
use crate::syntax::limits::MAX_QUANTIFIERS;
use crate::syntax::suggest::did_you_mean;

/// Every function, as it is called, with what it is.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("has(args.x)", "whether the field is there, whatever its value"),
    ("size(x)", "bytes of a text, or elements of a list"),
    ("x.startsWith(y)", "whether the text starts with another"),
    ("x.endsWith(y)", "whether the text ends with another"),
    ("x.contains(y)", "whether the text holds another"),
    ("x.matches(\"regex\")", "whether the regular expression matches somewhere in the text"),
    (
        "inNetwork(source.ip, \"10.0.0.0/8\")",
        "whether the address is in the network, or in one of a list of networks",
    ),
    ("args.list.all(i, c)", "whether the condition `c` holds for each element `i`"),
    ("args.list.exists(i, c)", "whether the condition `c` holds for some element `i`"),
    ("chain.has(\"agent\")", "whether the agent is in the lineage, the caller included"),
    ("chain.under(\"mission\")", "whether the lineage is under the mission"),
];

/// The bare names of [`FUNCTIONS`].
fn names() -> impl Iterator<Item = &'static str> {
    const NAMES: &[&str] = &[
        "has",
        "size",
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "inNetwork",
        "all",
        "exists",
        "chain.has",
        "chain.under",
    ];
    NAMES.iter().copied()
}

/// What CEL has and conditions do not, with what to write instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("map", "use `all` or `exists`"),
    ("filter", "use `exists` with a condition"),
    ("exists_one", "use `exists`"),
    ("existsOne", "use `exists`"),
    ("int", "numbers compare exactly whatever their type; text is never turned into numbers"),
    ("uint", "numbers compare exactly whatever their type; text is never turned into numbers"),
    ("double", "numbers compare exactly whatever their type; text is never turned into numbers"),
    ("string", "compare with a literal of the field's own type"),
    ("bool", "compare with `true` or `false`"),
    ("bytes", "compare text"),
    ("timestamp", "use `time.hour`, `time.minuteOfDay`, `time.weekday`, or a mission's `notAfter`"),
    ("duration", "use `time.minuteOfDay`"),
    ("getHours", "use `time.hour`"),
    ("getDayOfWeek", "use `time.weekday`"),
    ("type", "a comparison with another type is unknown, so no type test is needed"),
    ("dyn", "leave it out"),
    ("now", "use `time.hour`, `time.minuteOfDay` and `time.weekday`"),
    ("lowerAscii", "use `matches(\"(?i)...\")`"),
    ("upperAscii", "use `matches(\"(?i)...\")`"),
    ("split", "use `startsWith`, `endsWith`, `contains` or `matches`"),
    ("replace", "use `matches`"),
    ("substring", "use `startsWith`, `endsWith` or `matches`"),
    ("ip", "use `inNetwork(source.ip, \"10.0.0.0/8\")`"),
    ("cidr", "use `inNetwork(source.ip, \"10.0.0.0/8\")`"),
    ("length", "use `size(x)`"),
    ("len", "use `size(x)`"),
];

pub(super) const fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod)
}

/// A call taken apart: `function(args)` or `target.function(args)`.
struct Call<'e> {
    target: Option<&'e SpannedExpr>,
    name: &'e str,
    args: &'e [SpannedExpr],
    whole: &'e Range<usize>,
}

impl<'e> Call<'e> {
    fn of(whole: &'e SpannedExpr, callee: &'e SpannedExpr, args: &'e [SpannedExpr]) -> Option<Self> {
        let (target, name) = match &callee.node {
            Expr::Ident(name) => (None, name.as_str()),
            Expr::Member { expr, field, optional: false } => (Some(&**expr), field.as_str()),
            _ => return None,
        };
        Some(Self { target, name, args, whole: &whole.span })
    }
}

impl Lower<'_> {
    /// A call that is a condition.
    pub(super) fn call(
        &mut self,
        whole: &SpannedExpr,
        callee: &SpannedExpr,
        args: &[SpannedExpr],
    ) -> Option<Condition> {
        let Some(call) = Call::of(whole, callee, args) else { return self.no_function(whole) };
        match (call.target, call.name, call.args) {
            (None, "has", [field]) => self.has(field),
            (None, "inNetwork", [subject, ranges]) => self.in_network(subject, ranges),
            (Some(target), "has", [agent]) if is_chain(target) => {
                self.agent_named(agent).map(Condition::ChainHas)
            }
            (Some(target), "under", [mission]) if is_chain(target) => self.mission_named(mission),
            (Some(subject), "startsWith", [needle]) => self.text_test(TextTest::StartsWith, subject, needle),
            (Some(subject), "endsWith", [needle]) => self.text_test(TextTest::EndsWith, subject, needle),
            (Some(subject), "contains", [needle]) => self.text_test(TextTest::Contains, subject, needle),
            (Some(subject), "matches", [pattern]) => self.matches(subject, pattern),
            (Some(list), "all" | "exists", [element, body]) => self.quantifier(&call, list, element, body),
            (None, "size", [_]) | (Some(_), "size", []) => {
                let help = "compare it, as in `size(args.items) <= 10`";
                self.refuse(Code::ConditionType, call.whole, "a size is a number, not a truth value", help);
                None
            }
            _ => self.unknown_call(&call),
        }
    }

    /// A call that has a value: only `size`.
    pub(super) fn call_operand(
        &mut self,
        whole: &SpannedExpr,
        callee: &SpannedExpr,
        args: &[SpannedExpr],
    ) -> Option<(Operand, Type)> {
        let Some(call) = Call::of(whole, callee, args) else {
            self.no_function(whole);
            return None;
        };
        match (call.target, call.name, call.args) {
            (None, "size", [subject]) | (Some(subject), "size", []) => {
                let (operand, kind) = self.operand(subject)?;
                if !kind.meets(Type::Text) {
                    self.refuse(Code::ConditionType, &subject.span, format!("{kind} has no size"), "");
                    return None;
                }
                if matches!(operand, Operand::Literal(_)) {
                    let help = "write the number";
                    self.refuse(Code::OutsideSubset, &subject.span, "the size of a literal is known", help);
                    return None;
                }
                Some((Operand::Size(Box::new(operand)), Type::Number))
            }
            _ if FUNCTIONS_THAT_DECIDE.contains(&call.name) => {
                let message = format!("`{}` is a condition, not a value", call.name);
                self.refuse(
                    Code::ConditionType,
                    call.whole,
                    message,
                    "write it alone, or with `!` before it",
                );
                None
            }
            _ => {
                self.unknown_call(&call);
                None
            }
        }
    }

    fn no_function(&mut self, whole: &SpannedExpr) -> Option<Condition> {
        self.refuse(Code::UnknownFunction, &whole.span, "this is not a function", "");
        None
    }

    /// A function that does not exist, or not with these arguments.
    fn unknown_call(&mut self, call: &Call<'_>) -> Option<Condition> {
        let spelled = match call.target.and_then(chain) {
            Some(Chain { root: "chain", keys }) if keys.is_empty() => format!("chain.{}", call.name),
            _ => call.name.to_owned(),
        };
        let usage = FUNCTIONS.iter().find(|(usage, _)| {
            let bare = usage.split('(').next().unwrap_or("");
            bare == spelled
                || (!bare.starts_with("chain.") && bare.rsplit('.').next() == Some(spelled.as_str()))
        });
        if let Some((usage, _)) = usage {
            self.refuse(
                Code::UnknownFunction,
                call.whole,
                format!("`{spelled}` is not called like this"),
                format!("as in `{usage}`"),
            );
        } else if let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| *name == call.name) {
            self.refuse(
                Code::OutsideSubset,
                call.whole,
                format!("`{spelled}` is not part of conditions"),
                *instead,
            );
        } else {
            let help = did_you_mean(&spelled, names()).unwrap_or_else(|| {
                let all: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                format!("the functions are {}", all.join(", "))
            });
            self.refuse(Code::UnknownFunction, call.whole, format!("unknown function `{spelled}`"), help);
        }
        None
    }

    fn has(&mut self, field: &SpannedExpr) -> Option<Condition> {
        let (operand, _) = self.operand(field)?;
        let below_element = matches!(&operand, Operand::Element(keys) if !keys.is_empty());
        let optional = matches!(
            operand,
            Operand::Field(
                Field::Body(_)
                    | Field::Header(_)
                    | Field::Query(_)
                    | Field::CallerNamespace
                    | Field::CallerServiceAccount
            )
        );
        if below_element || optional {
            return Some(Condition::Has(operand));
        }
        let what = self.parsed.source(&field.span).to_owned();
        let help = "ask for an argument, a header or a query parameter, as in `has(args.limit)`";
        self.refuse(Code::OutsideSubset, &field.span, format!("`{what}` is always there"), help);
        None
    }

    /// A part that must be text.
    fn text(&mut self, expr: &SpannedExpr) -> Option<Operand> {
        let (operand, kind) = self.operand(expr)?;
        if kind.meets(Type::Text) {
            return Some(operand);
        }
        self.refuse(Code::ConditionType, &expr.span, format!("{kind} where text is needed"), "");
        None
    }

    fn text_test(
        &mut self,
        test: TextTest,
        subject: &SpannedExpr,
        needle: &SpannedExpr,
    ) -> Option<Condition> {
        let (subject, needle) = (self.text(subject), self.text(needle));
        let (subject, needle) = subject.zip(needle)?;
        Some(Condition::Text { test, subject, needle })
    }

    fn matches(&mut self, subject: &SpannedExpr, pattern: &SpannedExpr) -> Option<Condition> {
        let (subject, regex) = (self.text(subject), self.text_literal(pattern, "a regular expression"));
        let (subject, regex) = subject.zip(regex)?;
        if let Err(why) = regex::check(&regex) {
            let message = format!("malformed regular expression: {why}");
            self.refuse(
                Code::BadRegex,
                &pattern.span,
                message,
                "write `r\"...\"` to keep backslashes as they are",
            );
            return None;
        }
        Some(Condition::Matches { subject, regex })
    }

    fn in_network(&mut self, subject: &SpannedExpr, ranges: &SpannedExpr) -> Option<Condition> {
        let subject = self.text(subject);
        let items: Vec<&SpannedExpr> = match &ranges.node {
            Expr::List(items) => items.iter().map(|item| &item.expr).collect(),
            _ => vec![ranges],
        };
        if items.is_empty() {
            self.refuse(Code::EmptyValue, &ranges.span, "nothing is in an empty list", "");
            return None;
        }
        let mut found = Vec::new();
        let mut good = true;
        for item in items {
            let Some(text) = self.text_literal(item, "a network") else {
                good = false;
                continue;
            };
            match network::parse(&text) {
                Ok(range) if !found.contains(&range) => found.push(range),
                Ok(_) => {}
                Err(why) => {
                    self.refuse(Code::BadNetwork, &item.span, why, "as in `10.0.0.0/8` or `2001:db8::/32`");
                    good = false;
                }
            }
        }
        let subject = subject?;
        good.then_some(Condition::InNetwork { subject, ranges: found })
    }

    fn quantifier(
        &mut self,
        call: &Call<'_>,
        list: &SpannedExpr,
        element: &SpannedExpr,
        body: &SpannedExpr,
    ) -> Option<Condition> {
        let Expr::Ident(name) = &element.node else {
            let help = format!("as in `args.items.{}(i, i.price <= 50)`", call.name);
            self.refuse(Code::ConditionSyntax, &element.span, "the first argument names the element", help);
            return None;
        };
        if roots().any(|root| root == name) || self.elements.contains(name) {
            let message = format!("`{name}` is taken already");
            self.refuse(Code::ConditionSyntax, &element.span, message, "call the element something else");
            return None;
        }
        if self.elements.len() >= MAX_QUANTIFIERS {
            let message = format!("more than {MAX_QUANTIFIERS} quantifiers within each other");
            self.refuse(Code::TooMuch, call.whole, message, "");
            return None;
        }
        let list_field = match self.operand(list)? {
            (Operand::Field(field @ Field::Body(_)), _) => Some(field),
            (Operand::Element(_), _) => {
                let help = "only lists that are arguments can be looked through";
                self.refuse(Code::OutsideSubset, &list.span, "a list within a list", help);
                None
            }
            (_, kind) => {
                self.refuse(Code::ConditionType, &list.span, format!("{kind} is not a list"), "");
                None
            }
        };
        self.elements.push(name.clone());
        let body = self.condition(body);
        self.elements.pop();
        let (list, body) = (list_field?, Box::new(body?));
        Some(if call.name == "all" {
            Condition::All { list, body }
        } else {
            Condition::Exists { list, body }
        })
    }
}

/// Functions whose result is a truth value.
const FUNCTIONS_THAT_DECIDE: &[&str] =
    &["has", "startsWith", "endsWith", "contains", "matches", "inNetwork", "all", "exists", "under"];

fn is_chain(expr: &SpannedExpr) -> bool {
    matches!(&expr.node, Expr::Ident(name) if name == "chain")
}
