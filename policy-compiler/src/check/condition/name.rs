//! What a condition may read.

use core::ops::Range;

use cel_core::types::{Expr, SpannedExpr};

/// Every name that a condition may read, with what it is. `NAME` stands for a name of the user's.
pub const ROOTS: &[(&str, &str)] = &[
    (
        "args.NAME",
        "an argument: of an MCP tool call, in the JSON body of an HTTP request, or in the data of an A2A message",
    ),
    ("request.method", "the HTTP method"),
    ("request.path", "the canonical path"),
    ("request.host", "the host asked for, in lower case, without port"),
    ("request.headers[NAME]", "a header; unknown if repeated"),
    ("request.query.NAME", "a query parameter, decoded; unknown if repeated"),
    ("path.NAME", "the segment of the path that `{NAME}` of the action stands for"),
    ("source.ip", "the address of the caller, for `inNetwork`"),
    ("caller.name", "the agent that calls, compared with names of agents"),
    ("caller.principal", "its SPIFFE id"),
    ("caller.namespace", "the Kubernetes namespace in it"),
    ("caller.serviceAccount", "the Kubernetes service account in it"),
    ("chain.depth", "how many members the lineage has, the caller included"),
    ("chain.origin", "the agent that started the work, compared with names of agents"),
    ("mission", "the mission of the lineage, compared with names of missions"),
    ("time.hour", "the hour in UTC, 0 to 23, compared with numbers"),
    ("time.minuteOfDay", "minutes since midnight UTC, 0 to 1439"),
    ("time.weekday", "the day in UTC, compared with `\"mon\"` to `\"sun\"`"),
];

/// The first parts of [`ROOTS`], without repetitions.
pub(super) fn roots() -> impl Iterator<Item = &'static str> {
    const NAMES: &[&str] = &["args", "request", "path", "source", "caller", "chain", "mission", "time"];
    NAMES.iter().copied()
}

/// The fields of a root, as far as they are fixed.
pub(super) fn fields_of(root: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{root}.");
    ROOTS
        .iter()
        .filter_map(move |(name, _)| name.strip_prefix(prefix.as_str()))
        .map(|field| field.split(['.', '[']).next().unwrap_or(field))
        .filter(|field| *field != "NAME")
}

/// `root.key["key"][0]`, taken apart.
pub(super) struct Chain<'e> {
    pub(super) root: &'e str,
    /// From the outside in order of writing, with where each ends.
    pub(super) keys: Vec<(Key<'e>, Range<usize>)>,
}

/// A step of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'e> {
    Name(&'e str),
    /// `[0]`, or `[x]` with anything that is not text.
    Computed,
    /// `.?x`
    Optional,
}

/// Takes a chain apart; nothing if the expression is no chain.
pub(super) fn chain(expr: &SpannedExpr) -> Option<Chain<'_>> {
    let mut keys = Vec::new();
    let mut at = expr;
    loop {
        match &at.node {
            Expr::Ident(root) => {
                keys.reverse();
                return Some(Chain { root, keys });
            }
            Expr::Member { expr, field, optional } => {
                let key = if *optional { Key::Optional } else { Key::Name(field) };
                keys.push((key, at.span.clone()));
                at = expr;
            }
            Expr::Index { expr, index, optional } => {
                let key = match &index.node {
                    Expr::String(name) if !optional => Key::Name(name),
                    _ if *optional => Key::Optional,
                    _ => Key::Computed,
                };
                keys.push((key, at.span.clone()));
                at = expr;
            }
            _ => return None,
        }
    }
}

/// What a condition reads that not every action has.
#[derive(Default)]
pub(super) struct Uses<'e> {
    /// Where `args` is read first.
    pub(super) arguments: Option<Range<usize>>,
    /// Arguments by their keys, and where each is read first.
    pub(super) reads: Vec<(Vec<&'e str>, Range<usize>)>,
    /// Parameters of the path, and where each is read first.
    pub(super) parameters: Vec<(String, Range<usize>)>,
}

/// Looks through a whole tree, without recursion.
pub(super) fn uses(tree: &SpannedExpr) -> Uses<'_> {
    let mut uses = Uses::default();
    let mut todo = vec![tree];
    while let Some(expr) = todo.pop() {
        match chain(expr) {
            Some(Chain { root: "args", keys }) => {
                let earlier = uses.arguments.as_ref().is_some_and(|first| first.start <= expr.span.start);
                if !earlier {
                    uses.arguments = Some(expr.span.clone());
                }
                let named = keys.iter().map_while(|(key, _)| match key {
                    Key::Name(name) => Some(*name),
                    Key::Computed | Key::Optional => None,
                });
                let named: Vec<&str> = named.collect();
                match uses.reads.iter_mut().find(|(known, _)| *known == named) {
                    _ if named.is_empty() => {}
                    Some((_, first)) if first.start <= expr.span.start => {}
                    Some((_, first)) => *first = expr.span.clone(),
                    None => uses.reads.push((named, expr.span.clone())),
                }
            }
            Some(Chain { root: "path", keys }) => {
                if let Some((Key::Name(name), _)) = keys.first()
                    && !uses.parameters.iter().any(|(known, _)| known == name)
                {
                    uses.parameters.push(((*name).to_owned(), expr.span.clone()));
                }
            }
            Some(_) => {}
            None => children(expr, &mut todo),
        }
    }
    uses.parameters.sort_by_key(|(_, place)| place.start);
    uses.reads.sort_by_key(|(_, place)| place.start);
    uses
}

fn children<'e>(expr: &'e SpannedExpr, todo: &mut Vec<&'e SpannedExpr>) {
    match &expr.node {
        Expr::List(items) => todo.extend(items.iter().map(|item| &item.expr)),
        Expr::Map(entries) => todo.extend(entries.iter().flat_map(|entry| [&entry.key, &entry.value])),
        Expr::Unary { expr, .. } => todo.push(expr),
        Expr::Binary { left, right, .. } => todo.extend([&**right, &**left]),
        Expr::Ternary { cond, then_expr, else_expr } => todo.extend([&**cond, &**then_expr, &**else_expr]),
        Expr::Member { expr, .. } => todo.push(expr),
        Expr::Index { expr, index, .. } => todo.extend([&**expr, &**index]),
        Expr::Call { expr, args } => {
            // Of `x.f(y)`, `x` and `y` are read.
            todo.push(match &expr.node {
                Expr::Member { expr, .. } => expr,
                _ => expr,
            });
            todo.extend(args);
        }
        _ => {}
    }
}
