//! Conditions: from CEL to the model, with types.
//!
//! A rule may cover actions of several protocols, and `path.id` may be at another place in each. What a condition reads
//! then differs, so a rule is split into groups of actions that read alike; its meaning is that of all groups together.

mod cel;
mod constant;
mod function;
mod lower;
mod name;
pub(super) mod network;
mod number;
mod place;
mod regex;
mod special;

pub(super) use self::cel::Parsed;
pub(super) use self::constant::truth as constant_truth;

use core::fmt;

use super::arguments::{self, Arguments, why_absent};
use super::names::Names;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{ActionId, Condition, Protocol};
use crate::source::Span;
use crate::syntax::ast::ConditionText;
use crate::syntax::suggest::did_you_mean;

/// Functions that a condition may call, with what they do.
pub use self::function::FUNCTIONS;
/// Names that a condition may start from, with what they are.
pub use self::name::ROOTS;

/// An action that a rule covers, as far as conditions care.
#[derive(Clone, Debug)]
pub(super) struct Covered<'a> {
    pub(super) action: ActionId,
    pub(super) protocol: Protocol,
    pub(super) arguments: Arguments,
    /// The arguments that it lists, if it does.
    pub(super) listed: Option<&'a [Vec<String>]>,
    /// What it is called, for messages.
    pub(super) name: String,
    /// The rule names it, and does not merely cover it by a wildcard.
    pub(super) by_name: bool,
    /// The parameters of its path, by name.
    pub(super) parameters: Vec<(String, u8)>,
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
    covered: &[Covered<'_>],
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
    warn_unlisted(&uses, covered, &parsed, diagnostics);
    warn_held(&uses, covered, &parsed, diagnostics);
    // Without actions (their names were wrong, say) the condition is still checked, against plain HTTP.
    let mut scenes: Vec<(Scene<'_>, Vec<ActionId>)> = Vec::new();
    for one in covered {
        let arguments = if uses.arguments.is_some() { one.protocol.arguments() } else { &[] };
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

fn check_arguments(
    uses: &name::Uses<'_>,
    covered: &[Covered<'_>],
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
    let why = why_absent(first.protocol);
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

/// Warns of arguments that an action does not list: a request that has one is denied, whatever conditions say of it.
fn warn_unlisted(
    uses: &name::Uses<'_>,
    covered: &[Covered<'_>],
    parsed: &Parsed<'_>,
    diagnostics: &mut Diagnostics,
) {
    for (keys, place) in &uses.reads {
        let lists = |one: &Covered<'_>| one.listed.is_none_or(|listed| arguments::admits(listed, keys));
        let Some(lacking) = covered.iter().find(|one| !lists(one)) else { continue };
        let argument = arguments::print(keys);
        let listed: Vec<String> =
            lacking.listed.into_iter().flatten().map(|keys| arguments::print(keys)).collect();
        let help = did_you_mean(&argument, listed.iter().map(String::as_str)).unwrap_or_else(|| {
            format!("add it to `arguments` of `{}`, if such requests may have it", lacking.name)
        });
        let message = format!("`{}` does not list the argument `{argument}`", lacking.name);
        diagnostics.push(
            Diagnostic::new(Code::NotListed, parsed.span(place), message)
                .help(help)
                .note("an action that lists its arguments is denied to requests that have others"),
        );
    }
}

/// Warns where a wildcard covers HTTP requests that could be decided by their headers, and the condition reads bodies.
fn warn_held(
    uses: &name::Uses<'_>,
    covered: &[Covered<'_>],
    parsed: &Parsed<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some(place) = uses.arguments.clone() else { return };
    let is_held = |one: &&Covered<'_>| {
        let is_meant = || covered.iter().any(|other| other.by_name && other.action == one.action);
        one.protocol == Protocol::Http
            && one.arguments == Arguments::Offered
            && one.listed.is_none()
            && !one.by_name
            && !is_meant()
    };
    let Some(held) = covered.iter().find(is_held) else { return };
    let message = format!("requests of `{}` are held until their body is read", held.name);
    diagnostics.push(
        Diagnostic::new(Code::KnownLate, parsed.span(&place), message)
            .help("name the actions whose body is meant, or write a rule of its own for this service")
            .note("a wildcard covers it; by the headers alone nothing could be decided any more, and a body that is not JSON is denied"),
    );
}

fn check_parameters(
    uses: &name::Uses<'_>,
    covered: &[Covered<'_>],
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
