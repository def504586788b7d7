//! `ambit graph`

mod dot;
mod html;
mod layout;
mod page;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::command::escalations::{agent_of, outcome, path_json};
use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::output::Batch;
use crate::policy::{Loaded, load_quietly};
use crate::reach::{Closing, Path, Reach, closing};
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;

/// Show who can cause which action through whom
///
/// For each agent that may begin work: what it can cause, by whom, and on which way. What hangs on someone's condition is
/// marked as limited. As a page, it is a picture with everything that `ambit escalations` finds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit graph -f policy/
  ambit graph -f policy/ --from research --to 'payments/*' --closing
  ambit graph -f policy/ --format html -o mesh.html
  ambit graph -f policy/ --format dot | dot -Tsvg > mesh.svg

Exit status:
  0  it is shown
  1  the policy is refused
  2  the command line is wrong, or a file cannot be read or written")]
pub struct Graph {
    #[command(flatten)]
    paths: PolicyPaths,

    /// Only what this agent can cause
    #[arg(long, value_name = "AGENT")]
    from: Option<String>,

    /// Only this action, `*` for any part of it
    #[arg(long, value_name = "SERVICE/ACTION")]
    to: Option<String>,

    /// Say of each way which change of policy closes it and takes the least else away
    #[arg(long)]
    closing: bool,

    /// How to show it: `table`, `json`, `dot` (Graphviz) or `html` (a page of its own)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: GraphFormat,

    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum GraphFormat {
    #[default]
    Table,
    Json,
    Dot,
    Html,
}

impl Graph {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let loaded = load_quietly(&self.paths, terminal)?;
        let sidecars = Sidecars::start(&loaded, &Default::default(), terminal)?;
        let reach = Reach::find(&sidecars, &mut terminal.progress("looking at", "ways", None))?;
        let from = self.from.as_deref().map(|name| agent_of(&reach, name)).transpose()?;
        let wanted = |path: &&Path| {
            from.is_none_or(|from| path.origin() == from)
                && self.to.as_deref().is_none_or(|to| matches(to, reach.action(path.action)))
        };
        let paths: Vec<&Path> = reach.paths.iter().filter(wanted).collect();
        if let Some(to) = &self.to
            && !reach.actions.iter().any(|action| matches(to, action))
        {
            let near =
                ambit_compiler::syntax::suggest::did_you_mean(to, reach.actions.iter().map(String::as_str));
            return Err(Problem::new(format!("there is no action `{to}`")).maybe_help(near).into());
        }
        let text = match self.format {
            GraphFormat::Table => self.table(&reach, &loaded, &paths),
            GraphFormat::Json => self.json(&reach, &loaded, &paths),
            GraphFormat::Dot => dot::render(&reach, &paths),
            GraphFormat::Html => page::render(&reach, &loaded, &paths),
        };
        match self.output.as_deref().filter(|path| *path != std::path::Path::new("-")) {
            None => terminal.out.write_all(text.as_bytes())?,
            Some(path) => {
                let mut batch = Batch::default();
                batch.stage(path, text.as_bytes())?;
                batch.commit()?;
            }
        }
        Ok(())
    }

    fn table(&self, reach: &Reach<'_>, loaded: &Loaded, paths: &[&Path]) -> String {
        let reached: Vec<&&Path> = paths.iter().filter(|path| path.is_reached()).collect();
        let action_width = reached.iter().map(|path| reach.action(path.action).len()).max().unwrap_or(0);
        let way_width = reached.iter().map(|path| reach.way(&path.way).len()).max().unwrap_or(0);
        let mut text = String::new();
        let mut origin = None;
        for path in reached {
            if origin != Some(path.origin()) {
                origin = Some(path.origin());
                let gap = if text.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}{} can cause\n", reach.agent(path.origin())));
            }
            let (action, way) = (reach.action(path.action), reach.way(&path.way));
            let line = format!("  {action:action_width$}  {way:way_width$}  {}", outcome(reach, path));
            text.push_str(&format!("{line}\n"));
            if self.closing {
                text.push_str(&format!("    closed by: {}\n", said(reach, loaded, path)));
            }
        }
        if text.is_empty() {
            text.push_str("nothing\n");
        }
        if reach.left_out > 0 {
            text.push_str(&format!("\n{} longer ways were not looked at\n", reach.left_out));
        }
        text
    }

    fn json(&self, reach: &Reach<'_>, loaded: &Loaded, paths: &[&Path]) -> String {
        let paths: Vec<Value> = paths
            .iter()
            .map(|path| {
                let mut value = path_json(reach, path);
                if self.closing
                    && path.is_reached()
                    && let Some(object) = value.as_object_mut()
                {
                    object.insert(String::from("closedBy"), json!(said(reach, loaded, path)));
                }
                value
            })
            .collect();
        let calls: Vec<Value> = reach
            .calls
            .iter()
            .enumerate()
            .flat_map(|(from, calls)| calls.iter().map(move |call| (from, call)))
            .map(|(from, call)| {
                let by: Vec<&str> = call.by.iter().map(|action| reach.action(*action)).collect();
                json!({"agent": reach.agent(from), "calls": reach.agent(call.to), "by": by})
            })
            .collect();
        let agents: Vec<Value> = reach
            .policy
            .agents
            .iter()
            .zip(&reach.direct)
            .map(|(agent, direct)| {
                let direct: Vec<&str> = direct.iter().map(|action| reach.action(*action)).collect();
                json!({"name": agent.name, "originates": agent.originates, "direct": direct})
            })
            .collect();
        let value = json!({
            "version": 1,
            "agents": agents,
            "calls": calls,
            "paths": paths,
            "waysLeftOut": reach.left_out,
        });
        format!("{value}\n")
    }
}

/// The change that closes a path, in words.
fn said(reach: &Reach<'_>, loaded: &Loaded, path: &Path) -> String {
    match closing(reach, path) {
        Closing::Remove(rule) => {
            let rule = usize::try_from(rule.0).ok().and_then(|place| reach.policy.rules.get(place));
            let place = rule.map_or_else(String::new, |rule| loaded.sources.locate(rule.span));
            format!("removing the grant at {place}; nothing else is lost")
        }
        Closing::Undelegate { from, to } => format!(
            "taking `{}` out of the `delegates` of `{}`; nothing else is lost",
            reach.agent(to),
            reach.agent(from)
        ),
        Closing::Deny(others) => {
            let lost = match others {
                0 => String::from("nothing else is lost"),
                1 => String::from("one other way to it is lost"),
                others => format!("{others} other ways to it are lost"),
            };
            format!("a deny of `{}` for `{}`; {lost}", reach.action(path.action), reach.agent(path.origin()))
        }
    }
}

/// Whether a name matches a pattern, in which `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, is_match) in [
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/*", "a/b", true),
            ("*/b", "a/b", true),
            ("*", "", true),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axcxb", false),
            ("*.read", "a/row.read", true),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }
}
