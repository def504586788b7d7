//! From paths to a checked policy, with everything that there is to say on the way.

use ambit_compiler::agents::Agents;
use ambit_compiler::check::check;
use ambit_compiler::compile::{CompileError, CompileErrorKind};
use ambit_compiler::diagnostics::render::{Format, objects, render};
use ambit_compiler::diagnostics::{Code, Diagnostic, Diagnostics, Kind};
use ambit_compiler::egress;
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::source::{Sources, Span};
use ambit_compiler::syntax::suggest::nearest;
use serde_json::{Value, json};

use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::terminal::Terminal;

/// A policy and what it was read from.
pub(crate) struct Loaded {
    pub(crate) sources: Sources,
    pub(crate) policy: Policy,
}

/// Reads and checks a policy, and shows on standard error what there is to say of it.
pub(crate) fn load(paths: &PolicyPaths, terminal: &mut Terminal<'_>) -> Result<Loaded, Failure> {
    let sources = paths.sources(terminal)?;
    let checked = check(&sources);
    let Some(policy) = checked.policy else {
        return Err(refuse(&checked.diagnostics, &sources, terminal));
    };
    if !checked.diagnostics.is_empty() {
        let format = Format::Human { colour: terminal.colours_err() };
        let text = render(&checked.diagnostics, &sources, format) + &tally(&checked.diagnostics);
        terminal.err.write_all(text.as_bytes())?;
    }
    Ok(Loaded { sources, policy })
}

/// Shows why something is refused: on standard error, or where a program reads, on standard output.
pub(crate) fn refuse<C: Kind>(
    diagnostics: &Diagnostics<C>,
    sources: &Sources,
    terminal: &mut Terminal<'_>,
) -> Failure {
    refuse_with(&[], diagnostics, sources, terminal)
}

/// The same with problems that have no place in the sources.
pub(crate) fn refuse_with<C: Kind>(
    problems: &[Problem],
    diagnostics: &Diagnostics<C>,
    sources: &Sources,
    terminal: &mut Terminal<'_>,
) -> Failure {
    let done = if terminal.is_for_programs {
        let problems = problems.iter().map(Problem::object);
        let refused: Vec<Value> = problems.chain(objects(diagnostics, sources)).collect();
        writeln!(terminal.out, "{}", json!({"version": 1, "refused": refused}))
    } else {
        let colour = terminal.colours_err();
        let mut text: String = problems.iter().map(|problem| problem.render(colour)).collect();
        if !diagnostics.is_empty() {
            text.push_str(&render(diagnostics, sources, Format::Human { colour }));
            text.push_str(&tally(diagnostics));
        }
        terminal.err.write_all(text.as_bytes())
    };
    match done {
        Ok(()) => Failure::Rejected,
        Err(error) => Failure::from(error),
    }
}

/// The same for commands that are not about the policy's text: only what is wrong is shown.
pub(crate) fn load_quietly(paths: &PolicyPaths, terminal: &mut Terminal<'_>) -> Result<Loaded, Failure> {
    let sources = paths.sources(terminal)?;
    let checked = check(&sources);
    if let Some(policy) = checked.policy {
        return Ok(Loaded { sources, policy });
    }
    Err(refuse(&checked.diagnostics, &sources, terminal))
}

/// Every workload that serves something, in order.
pub(crate) fn workloads(policy: &Policy) -> Vec<&Workload> {
    let mut workloads: Vec<_> = policy.services.iter().map(|service| &service.workload).collect();
    workloads.sort();
    workloads.dedup();
    workloads
}

/// Why a policy that is right has no blob for a workload. What a blob cannot hold is always too much of something.
pub(crate) fn refusal(policy: &Policy, workload: &Workload, error: &CompileError) -> Diagnostic {
    let service = policy.services.iter().find(|service| service.workload == *workload);
    let span = error.span.or(service.map(|service| service.span)).unwrap_or_default();
    let help = match error.kind {
        CompileErrorKind::TooManySteps { .. } => Some("make the condition smaller, or split the rule"),
        CompileErrorKind::BlobTooLarge { .. } => {
            Some("give the service fewer agents that hold grants of their own")
        }
        _ => None,
    };
    Diagnostic::new(Code::TooMuch, span, error.to_string())
        .maybe_help(help.map(String::from))
        .note(format!("this is about the blob of the workload `{}`", written(workload)))
}

/// `3 errors, 1 warning`, as a line.
pub(crate) fn tally<C: Kind>(diagnostics: &Diagnostics<C>) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (diagnostics.errors(), diagnostics.warnings()) {
        (errors, 0) => format!("{}\n", count(errors, "error")),
        (0, warnings) => format!("{}\n", count(warnings, "warning")),
        (errors, warnings) => format!("{}, {}\n", count(errors, "error"), count(warnings, "warning")),
    }
}

/// `FILE:LINE`
pub(crate) fn place(sources: &Sources, span: Span) -> String {
    match sources.file(span.file) {
        Some(file) => format!("{}:{}", file.name(), file.place(span.start).line),
        None => String::from("?"),
    }
}

impl Loaded {
    /// `FILE:LINE`
    pub(crate) fn place(&self, span: Span) -> String {
        place(&self.sources, span)
    }

    /// The workload that is written `NAMESPACE/SERVICE_ACCOUNT`.
    pub(crate) fn workload(&self, text: &str) -> Result<&Workload, Problem> {
        let known = workloads(&self.policy);
        if let Some(workload) = known.iter().find(|workload| written(workload) == text) {
            return Ok(workload);
        }
        let names: Vec<String> = known.iter().map(|workload| written(workload)).collect();
        let help = match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => String::from("the policy has no `Service`"),
            None if !text.contains('/') => String::from("write `NAMESPACE/SERVICE_ACCOUNT`"),
            None => format!("the workloads are {}", listed(&names)),
        };
        Err(Problem::new(format!("no service has the workload `{text}`")).help(help))
    }

    /// The workload that is written `NAMESPACE/SERVICE_ACCOUNT`, which need not serve anything.
    pub(crate) fn calling_workload(&self, text: &str) -> Result<Workload, Problem> {
        let parts = text.split_once('/');
        let parts = parts.filter(|(namespace, account)| {
            !namespace.is_empty() && !account.is_empty() && !account.contains('/')
        });
        let (namespace, account) = parts.ok_or_else(|| {
            Problem::new(format!("`{text}` is no workload")).help("write `NAMESPACE/SERVICE_ACCOUNT`")
        })?;
        let workload = Workload { namespace: namespace.to_owned(), service_account: account.to_owned() };
        if Agents::new(&self.policy).of(&workload).is_some() {
            return Ok(workload);
        }
        let names: Vec<String> = egress::workloads(&self.policy).iter().map(written).collect();
        let help = match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => String::from("no agent of the policy has `egress`"),
            None => format!("agents with `egress` are {}", listed(&names)),
        };
        Err(Problem::new(format!("no agent has the workload `{text}`")).help(help))
    }

    /// Shows why workloads have no blob.
    pub(crate) fn refuse(&self, refusals: Vec<Diagnostic>, terminal: &mut Terminal<'_>) -> Failure {
        let mut diagnostics = Diagnostics::new();
        refusals.into_iter().for_each(|refusal| diagnostics.push(refusal));
        refuse(&diagnostics, &self.sources, terminal)
    }
}

/// `NAMESPACE/SERVICE_ACCOUNT`
pub(crate) fn written(workload: &Workload) -> String {
    format!("{}/{}", workload.namespace, workload.service_account)
}

/// A few names, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
