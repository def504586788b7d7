//! What has a value: literals, fields, sizes.

use core::ops::Range;

use cel_core::types::{Expr, SpannedExpr, UnaryOp};

use super::{Lower, type_of};
use crate::check::condition::Type;
use crate::check::condition::name::{Chain, Key, chain, fields_of, roots};
use crate::check::condition::{function, number};
use crate::diagnostics::Code;
use crate::model::{Field, Literal, Operand};
use crate::syntax::limits::MAX_FIELD_KEYS;
use crate::syntax::suggest::did_you_mean;

impl Lower<'_> {
    /// Lowers something that has a value.
    pub(in crate::check::condition) fn operand(&mut self, expr: &SpannedExpr) -> Option<(Operand, Type)> {
        if let Some(literal) = self.literal(expr) {
            let literal = literal?;
            let kind = type_of(&literal);
            return Some((Operand::Literal(literal), kind));
        }
        if let Some(chain) = chain(expr) {
            return self.field(&chain, &expr.span);
        }
        match &expr.node {
            Expr::Call { expr: callee, args } => self.call_operand(expr, callee, args),
            Expr::List(_) => {
                let help = "use `x in [..]`, `size(x)`, or `x.all(i, ..)` and `x.exists(i, ..)`";
                self.outside(expr, "lists are not compared as a whole", help)
            }
            Expr::Binary { op, .. } if function::is_arithmetic(*op) => {
                let help = "work the number out beforehand and compare the field with it";
                self.outside(expr, "there is no arithmetic in conditions", help)
            }
            Expr::Unary { op: UnaryOp::Neg, .. } => self.outside(
                expr,
                "there is no arithmetic in conditions",
                "compare with a negative number instead",
            ),
            Expr::Binary { .. } | Expr::Unary { .. } => {
                let message = "a truth value is compared or passed on here";
                self.refuse(
                    Code::ConditionType,
                    &expr.span,
                    message,
                    "join conditions by `&&`, `||` and `!`",
                );
                None
            }
            Expr::Ternary { .. } => self.outside(
                expr,
                "`?:` is not part of conditions",
                "write `(a && b) || (!a && c)` for `a ? b : c`",
            ),
            Expr::Bytes(_) => {
                self.outside(expr, "bytes are not compared", "write text, without `b` before the quote")
            }
            Expr::Map(_) | Expr::Struct { .. } => {
                self.outside(expr, "objects are not compared as a whole", "compare their fields")
            }
            _ => self.outside(expr, "this is not part of conditions", ""),
        }
    }

    fn outside(&mut self, expr: &SpannedExpr, message: &str, help: &str) -> Option<(Operand, Type)> {
        self.refuse(Code::OutsideSubset, &expr.span, message, help);
        None
    }

    /// The literal that an expression is. `Some(None)` if it is one that cannot be represented, which was said.
    #[expect(clippy::option_option, reason = "not a literal, and a literal that is refused, are two things")]
    fn literal(&mut self, expr: &SpannedExpr) -> Option<Option<Literal>> {
        match &expr.node {
            Expr::Null => Some(Some(Literal::Null)),
            Expr::Bool(truth) => Some(Some(Literal::Bool(*truth))),
            Expr::String(text) => Some(Some(Literal::Text(text.clone()))),
            Expr::Int(_) | Expr::UInt(_) | Expr::Float(_) => Some(self.number(&expr.span, false)),
            Expr::Unary { op: UnaryOp::Neg, expr: inner }
                if matches!(inner.node, Expr::Int(_) | Expr::UInt(_) | Expr::Float(_)) =>
            {
                Some(self.number(&inner.span, true))
            }
            _ => None,
        }
    }

    /// Numbers are read from the text again: the parser has rounded them.
    fn number(&mut self, at: &Range<usize>, negative: bool) -> Option<Literal> {
        let text = self.parsed.source(at).to_owned();
        let unsigned = text.trim_start_matches('-').trim();
        let negative = negative || text.starts_with('-');
        let found = number::decimal(unsigned, negative);
        if found.is_none() {
            let message = format!("`{text}` cannot be compared exactly");
            self.refuse(Code::BadNumber, at, message, "at most 18 digits, and exponents from -64 to 64");
        }
        found.map(Literal::Number)
    }

    fn field(&mut self, chain: &Chain<'_>, at: &Range<usize>) -> Option<(Operand, Type)> {
        if let Some(place) = self.elements.iter().rposition(|element| element == chain.root) {
            if place.checked_add(1) != Some(self.elements.len()) {
                let message = format!("`{}` is the element of an outer `all` or `exists`", chain.root);
                let help = "compare each in a quantifier of its own";
                self.refuse(Code::NestedElement, at, message, help);
                return None;
            }
            return Some((Operand::Element(self.names(chain)?), Type::Any));
        }
        let first = chain.keys.first().map(|(key, _)| *key);
        match (chain.root, first) {
            ("args", None) => {
                self.refuse(
                    Code::OutsideSubset,
                    at,
                    "`args` is not compared as a whole",
                    "name an argument, as in `args.amount`",
                );
                None
            }
            ("args", Some(_)) => {
                let mut keys: Vec<String> =
                    self.scene.arguments.iter().map(|key| (*key).to_owned()).collect();
                keys.extend(self.names(chain)?);
                if keys.len() > MAX_FIELD_KEYS {
                    self.refuse(Code::TooMuch, at, "the field lies too deep", "");
                    return None;
                }
                Some((Operand::Field(Field::Body(keys)), Type::Any))
            }
            ("path", Some(_)) => {
                let names = self.names(chain)?;
                let [name] = names.as_slice() else { return self.too_deep(chain, at) };
                let (_, place) = self.scene.parameters.iter().find(|(known, _)| known == name)?;
                Some((Operand::Field(Field::PathSegment(*place)), Type::Text))
            }
            ("request" | "source" | "caller" | "chain" | "time", Some(_)) => self.known(chain, at),
            ("mission", _) => self.special_alone("mission", at),
            ("request" | "source" | "caller" | "chain" | "time" | "path", None) => {
                let fields: Vec<String> =
                    fields_of(chain.root).map(|field| format!("`{}.{field}`", chain.root)).collect();
                let help = match chain.root {
                    "path" => String::from("as in `path.id`"),
                    "chain" => {
                        format!("{}, `chain.has(\"agent\")`, `chain.under(\"mission\")`", fields.join(", "))
                    }
                    _ => fields.join(", "),
                };
                let message = format!("`{}` alone has no value", chain.root);
                self.refuse(Code::UnknownVariable, at, message, help);
                None
            }
            (unknown, _) => {
                let start = at.start..at.start.saturating_add(unknown.len());
                let help = did_you_mean(unknown, roots()).unwrap_or_else(|| {
                    let all: Vec<String> = roots().map(|root| format!("`{root}`")).collect();
                    format!("conditions know {}", all.join(", "))
                });
                self.refuse(Code::UnknownVariable, &start, format!("unknown name `{unknown}`"), help);
                None
            }
        }
    }

    /// The names of the keys of a chain; refuses what is no name.
    fn names(&mut self, chain: &Chain<'_>) -> Option<Vec<String>> {
        let mut names = Vec::with_capacity(chain.keys.len());
        for (key, at) in &chain.keys {
            match key {
                Key::Name(name) => names.push((*name).to_owned()),
                Key::Computed => {
                    let help = "use `all` or `exists` for lists, and text in quotes for names";
                    self.refuse(
                        Code::OutsideSubset,
                        at,
                        "elements are not picked by number or by another field",
                        help,
                    );
                    return None;
                }
                Key::Optional => {
                    let help = "an absent field is unknown: it grants nothing; ask with `has(..)`";
                    self.refuse(Code::OutsideSubset, at, "`?` is not part of conditions", help);
                    return None;
                }
            }
        }
        Some(names)
    }

    fn too_deep(&mut self, chain: &Chain<'_>, at: &Range<usize>) -> Option<(Operand, Type)> {
        let message = format!("`{}` has nothing below it there", chain.root);
        self.refuse(Code::UnknownVariable, at, message, "");
        None
    }

    /// A field of `request`, `source`, `caller`, `chain` or `time`.
    fn known(&mut self, chain: &Chain<'_>, at: &Range<usize>) -> Option<(Operand, Type)> {
        let names = self.names(chain)?;
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        let (operand, kind) = match (chain.root, parts.as_slice()) {
            ("request", ["method"]) => (Operand::Field(Field::Method), Type::Text),
            ("request", ["path"]) => (Operand::Field(Field::Path), Type::Text),
            ("request", ["host"]) => (Operand::Field(Field::Host), Type::Text),
            ("request", ["headers", name]) => (self.header(name, at)?, Type::Text),
            ("request", ["query", name]) => (Operand::Field(Field::Query((*name).to_owned())), Type::Text),
            ("source", ["ip"]) => (Operand::Field(Field::PeerAddress), Type::Text),
            ("caller", ["principal"]) => (Operand::Field(Field::CallerPrincipal), Type::Text),
            ("caller", ["namespace"]) => (Operand::Field(Field::CallerNamespace), Type::Text),
            ("caller", ["serviceAccount"]) => (Operand::Field(Field::CallerServiceAccount), Type::Text),
            ("chain", ["depth"]) => (Operand::ChainDepth, Type::Number),
            ("time", ["minuteOfDay"]) => (Operand::MinuteOfDay, Type::Number),
            ("caller", ["name"]) | ("chain", ["origin"]) | ("time", ["hour" | "weekday"]) => {
                return self.special_alone(&format!("{}.{}", chain.root, parts.join(".")), at);
            }
            (root, ["headers" | "query"]) => {
                let name = parts.join(".");
                let message = format!("`{root}.{name}` is not compared as a whole");
                self.refuse(Code::OutsideSubset, at, message, format!("as in `{root}.{name}[\"name\"]`"));
                return None;
            }
            (root, [field, ..]) => {
                let unknown = !fields_of(root).any(|known| known == *field);
                if !unknown {
                    return self.too_deep(chain, at);
                }
                let help = match (root, *field) {
                    ("source", "principal") => String::from("did you mean `caller.principal`?"),
                    ("source", "namespace") => String::from("did you mean `caller.namespace`?"),
                    ("request", "body") => String::from("fields of the body are `args.NAME`"),
                    ("request", "url" | "url_path") => String::from("did you mean `request.path`?"),
                    ("chain", "has" | "under") => {
                        format!("`chain.{field}` is a function: `chain.{field}(\"name\")`")
                    }
                    _ => did_you_mean(field, fields_of(root)).unwrap_or_else(|| {
                        let all: Vec<String> = fields_of(root).map(|field| format!("`{field}`")).collect();
                        format!("`{root}` has {}", all.join(", "))
                    }),
                };
                let message = format!("`{root}` has no `{field}`");
                self.refuse(Code::UnknownVariable, at, message, help);
                return None;
            }
            _ => return None,
        };
        Some((operand, kind))
    }

    /// Header names are compared in lower case, whatever the case on the wire.
    fn header(&mut self, name: &str, at: &Range<usize>) -> Option<Operand> {
        if name.starts_with(':') {
            let help = "use `request.method`, `request.path` and `request.host`";
            self.refuse(Code::UnknownVariable, at, format!("`{name}` is not a header"), help);
            return None;
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.refuse(Code::UnknownVariable, at, format!("`{name}` is not the name of a header"), "");
            return None;
        }
        if name.eq_ignore_ascii_case("x-ambit-lineage") {
            let help = "use `chain.origin`, `chain.has(..)` and `mission`, which are verified";
            self.refuse(Code::OutsideSubset, at, "the lineage is not read as a header", help);
            return None;
        }
        Some(Operand::Field(Field::Header(name.to_ascii_lowercase())))
    }

    /// A name that can only be compared was used otherwise.
    fn special_alone(&mut self, name: &str, at: &Range<usize>) -> Option<(Operand, Type)> {
        let help = match name {
            "mission" => "as in `mission == \"refund-order\"`",
            "time.hour" => "as in `time.hour >= 9 && time.hour < 17`",
            "time.weekday" => "as in `time.weekday in [\"mon\", \"tue\"]`",
            "chain.origin" => "as in `chain.origin == \"support\"`",
            _ => "as in `caller.name in [\"support\", \"billing\"]`",
        };
        let message = format!("`{name}` can only be compared with literals");
        self.refuse(Code::ConditionType, at, message, help);
        None
    }
}
