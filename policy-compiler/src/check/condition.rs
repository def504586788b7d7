//! Conditions: from CEL to the model, with types.
//!
//! A rule may cover actions of several protocols, and `path.id` may be at another place in each. What a condition reads
//! then differs, so a rule is split into groups of actions that read alike; its meaning is that of all groups together.

mod cel;
mod constant;
mod function;
mod lower;
mod name;
mod network;
mod number;
mod place;
mod regex;
mod special;

pub(super) use self::cel::Parsed;
pub(super) use self::constant::truth as constant_truth;

use core::fmt;

use super::names::Names;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{ActionId, Condition, Protocol};
use crate::source::Span;
use crate::syntax::ast::ConditionText;

/// Functions that a condition may call, with what they do.
pub use self::function::FUNCTIONS;
/// Names that a condition may start from, with what they are.
pub use self::name::ROOTS;

/// An action that a rule covers, as far as conditions care.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    pub(super) action: ActionId,
    pub(super) protocol: Protocol,
    pub(super) arguments: Arguments,
    /// What it is called, for messages.
    pub(super) name: String,
    /// The parameters of its path, by name.
    pub(super) parameters: Vec<(String, u8)>,
}

/// Whether requests of an action have arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    /// They do.
    Offered,
    /// The protocol has none for it.
    Absent,
    /// They may be there, but such requests have no body as a rule.
    Unusual,
}

/// A part of a rule: its actions read alike.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) actions: Vec<ActionId>,
    pub(super) condition: Condition,
}

/// What the names of a condition mean for a group of actions.
pub(super) struct Scene<'a> {
    /// The keys on the way to the arguments.
    pub(super) arguments: &'static [&'static str],
    /// The parameters of the path.
    pub(super) parameters: Vec<(String, u8)>,
    pub(super) names: &'a Names<'a>,
}

/// The type of a value, as far as it is known before there is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Number,
    Text,
    /// Whatever the request has.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Any => "a field",
        })
    }
}

impl Type {
    /// Whether two values may be of one type.
    pub(super) fn meets(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

/// Checks a condition, which stands in its file as `raw`, against the actions of its rule, and compiles it for each group of them. Nothing if it is wrong.
pub(super) fn compile(
    text: &ConditionText,
    raw: &str,
    covered: &[Covered],
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Group>> {
    let parsed = cel::parse(text, raw, diagnostics)?;
    let uses = name::uses(&parsed.tree);
    if !check_arguments(&uses, covered, &parsed, diagnostics)
        | !check_parameters(&uses, covered, &parsed, diagnostics)
    {
        return None;
    }
    // Without actions (their names were wrong, say) the condition is still checked, against plain HTTP.
    let mut scenes: Vec<(Scene<'_>, Vec<ActionId>)> = Vec::new();
    for one in covered {
        let arguments = if uses.arguments.is_some() { root_of(one.protocol) } else { &[] };
        let parameters: Vec<(String, u8)> = one
            .parameters
            .iter()
            .filter(|(name, _)| uses.parameters.iter().any(|(used, _)| used == name))
            .cloned()
            .collect();
        match scenes
            .iter_mut()
            .find(|(scene, _)| scene.arguments == arguments && scene.parameters == parameters)
        {
            Some((_, actions)) => actions.push(one.action),
            None => scenes.push((Scene { arguments, parameters, names }, vec![one.action])),
        }
    }
    if scenes.is_empty() {
        let parameters = uses.parameters.iter().map(|(name, _)| (name.clone(), 0)).collect();
        scenes.push((Scene { arguments: &[], parameters, names }, Vec::new()));
    }
    let mut groups = Vec::new();
    let mut first = true;
    for (scene, mut actions) in scenes {
        // What is wrong is wrong in every group, and said once.
        let mut unsaid = Diagnostics::new();
        let said = if first { &mut *diagnostics } else { &mut unsaid };
        first = false;
        let condition = lower::condition(&parsed, &scene, said)?;
        actions.sort_unstable();
        actions.dedup();
        groups.push(Group { actions, condition });
    }
    Some(groups)
}

/// The keys on the way from the root of the body to what `args` means.
const fn root_of(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Http | Protocol::Grpc => &[],
        Protocol::Mcp => &["params", "arguments"],
        Protocol::A2a => &["params", "message", "parts", "data"],
    }
}

fn check_arguments(
    uses: &name::Uses,
    covered: &[Covered],
    parsed: &Parsed<'_>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let Some(place) = uses.arguments.clone() else { return true };
    let span = parsed.span(&place);
    let lacking = |what: Arguments| covered.iter().filter(move |one| one.arguments == what);
    let Some(first) = lacking(Arguments::Absent).next() else {
        if let Some(first) = lacking(Arguments::Unusual).next() {
            diagnostics.push(
                Diagnostic::new(
                    Code::NoBody,
                    span,
                    format!("requests of `{}` have no body as a rule", first.name),
                )
                .help("read `request.query.NAME` or `path.NAME` instead"),
            );
        }
        return true;
    };
    // A body that is not JSON is neither there nor absent, so nothing can be said of what it holds.
    let opaque = covered.iter().find(|one| one.protocol == Protocol::Grpc);
    let only = lacking(Arguments::Absent).count() == covered.len();
    let first = opaque.unwrap_or(first);
    let why = match first.protocol {
        Protocol::Grpc => "messages of gRPC are not read",
        Protocol::Mcp => "only tool calls and prompts have arguments",
        Protocol::A2a => "only messages have data parts",
        Protocol::Http => "it has no body",
    };
    if opaque.is_some() || only {
        let message = format!("`{}` has no `args`", first.name);
        let help =
            (!only).then(|| String::from("write a rule of its own for the actions that have arguments"));
        diagnostics.push(Diagnostic::new(Code::NoSuchField, span, message).maybe_help(help).note(why));
        return false;
    }
    diagnostics.push(
        Diagnostic::new(Code::FieldAbsentSometimes, span, format!("`{}` has no `args`", first.name))
            .help("write a rule of its own for the actions that have arguments")
            .note(format!(
                "{why}; for it the condition is unknown, so that a grant grants nothing and a deny denies"
            )),
    );
    true
}

fn check_parameters(
    uses: &name::Uses,
    covered: &[Covered],
    parsed: &Parsed<'_>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut good = true;
    for (name, place) in &uses.parameters {
        let Some(lacking) = covered.iter().find(|one| !one.parameters.iter().any(|(has, _)| has == name))
        else {
            continue;
        };
        let span: Span = parsed.span(place);
        let has: Vec<String> = lacking.parameters.iter().map(|(name, _)| format!("`{name}`")).collect();
        let help = if lacking.protocol != Protocol::Http {
            String::from("only actions of HTTP services have path parameters")
        } else if has.is_empty() {
            String::from("write `{name}` for a segment of its path")
        } else {
            format!("it has {}", has.join(", "))
        };
        let message = format!("the path of `{}` has no parameter `{name}`", lacking.name);
        diagnostics.push(Diagnostic::new(Code::PathParameter, span, message).help(help));
        good = false;
    }
    good
}
