//! `ambit escalations`

use ambit_compiler::model::Cycles;
use clap::Args;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::policy::{Loaded, load_quietly};
use crate::reach::{Outcome, Path, Reach};
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;

/// Find what a mesh that knows only who calls lets pass, and whether this policy closes it
///
/// Every way is tried on which each agent may call the next in its own name, with every action that the last one may do in
/// its own name. Where the origin's authority does not cover it, that is an escalation. Beside those stand circles in
/// which a task can be passed, floods that only a budget bounds, pairs of agents of which the one that is called holds
/// more, and grants that nobody can use.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit escalations -f policy/
  ambit escalations -f policy/ --from support
  ambit escalations -f policy/ --format json |
    jq -r '.escalations[].story'
  ambit graph -f policy/ --format html -o mesh.html   # a picture of it

An escalation is `closed` if it is denied, `limited` if someone's condition must hold for it, and `open` if an agent on
the way has no sidecar that stamps, so that who is before it is not seen.

Exit status:
  0  every escalation is closed or limited
  1  one is open, or the policy is refused
  2  the command line is wrong, or a file cannot be read")]
pub struct Escalations {
    #[command(flatten)]
    paths: PolicyPaths,

    /// Only those of this origin
    #[arg(long, value_name = "AGENT")]
    from: Option<String>,

    #[command(flatten)]
    audience: Audience,
}

impl Escalations {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let loaded = load_quietly(&self.paths, terminal)?;
        let sidecars = Sidecars::start(&loaded, &Default::default(), terminal)?;
        let reach = Reach::find(&sidecars, &mut terminal.progress("looking at", "ways", None))?;
        let from = self.from.as_deref().map(|name| agent_of(&reach, name)).transpose()?;
        let wanted = |path: &&Path| from.is_none_or(|from| path.origin() == from);
        let found: Vec<&Path> = reach.escalations().filter(wanted).collect();
        let text = match self.audience.is_program() {
            false => human(&reach, &loaded, &found),
            true => json_of(&reach, &loaded, &found),
        };
        terminal.out.write_all(text.as_bytes())?;
        let is_open = found.iter().any(|path| path.outcome == Outcome::Open);
        if is_open { Err(Failure::Rejected) } else { Ok(()) }
    }
}

/// The place of an agent.
pub(crate) fn agent_of(reach: &Reach<'_>, name: &str) -> Result<usize, Problem> {
    let names = || reach.policy.agents.iter().map(|agent| agent.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        Problem::new(format!("there is no agent `{name}`"))
            .maybe_help(ambit_compiler::syntax::suggest::did_you_mean(name, names()))
    })
}

/// `support causes orders-db/table.drop by admin`
pub(crate) fn story(reach: &Reach<'_>, path: &Path) -> String {
    let (origin, caller) = (reach.agent(path.origin()), reach.agent(path.caller()));
    format!("{origin} causes {} by {caller}", reach.action(path.action))
}

/// `closed: not-granted by support`
pub(crate) fn outcome(reach: &Reach<'_>, path: &Path) -> String {
    let by = |place: Option<usize>| {
        let agent = place.and_then(|place| path.way.get(place));
        agent.map_or(String::new(), |agent| format!(" by {}", reach.agent(*agent)))
    };
    match path.outcome {
        Outcome::Allowed => String::from("allowed"),
        Outcome::Limited(place) => format!("limited: a condition{}", by(place)),
        Outcome::Closed(code, place) => format!("closed: {}{}", code.word(), by(place)),
        Outcome::Open => String::from("open: the lineage is lost on the way"),
    }
}

/// `FILE:LINE` of each grant that nobody can use.
pub(crate) fn unused(reach: &Reach<'_>, loaded: &Loaded) -> Vec<(String, String)> {
    let rules = reach.unused.iter().filter_map(|id| reach.policy.rules.get(usize::try_from(id.0).ok()?));
    let place = |span| {
        let file = loaded.sources.file(span);
        file.map_or("?", |file| file.name())
    };
    rules
        .map(|rule| {
            let line = loaded.sources.file(rule.span.file).map_or(0, |file| file.place(rule.span.start).line);
            let text = loaded.sources.text(rule.span).lines().next().unwrap_or_default().trim();
            (format!("{}:{line}", place(rule.span.file)), text.to_owned())
        })
        .collect()
}

/// What becomes of a task that is passed in a circle.
pub(crate) fn of_circles(reach: &Reach<'_>) -> String {
    match reach.policy.mesh.cycles {
        Cycles::Refuse => String::from("closed: cycle"),
        Cycles::Tolerate => {
            format!("closed: depth-exceeded after {} members", reach.policy.mesh.max_depth)
        }
    }
}

fn human(reach: &Reach<'_>, loaded: &Loaded, found: &[&Path]) -> String {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut text = format!("{}\n", count(found.len(), "escalation"));
    for path in found {
        text.push_str(&format!(
            "  {}\n    {}: {}\n",
            story(reach, path),
            reach.way(&path.way),
            outcome(reach, path)
        ));
    }
    let circles = &reach.circles;
    text.push_str(&format!("\n{} in which a task can be passed\n", count(circles.len(), "circle")));
    for circle in circles {
        let names: Vec<&str> = circle.iter().map(|agent| reach.agent(*agent)).collect();
        text.push_str(&format!("  {}\n    {}\n", names.join(", "), of_circles(reach)));
    }
    let floods: Vec<_> = reach.floods().collect();
    text.push_str(&format!("\n{} that only a budget bounds\n", count(floods.len(), "flood")));
    for (agent, calls) in floods {
        text.push_str(&format!("  {} makes {calls} calls for one root\n", agent.name));
    }
    let excess = reach.excess();
    text.push_str(&format!("\n{} in which the one that is called holds more\n", count(excess.len(), "pair")));
    for (from, to, actions) in excess {
        let names: Vec<&str> = actions.iter().map(|action| reach.action(*action)).collect();
        text.push_str(&format!("  {} > {}: {}\n", reach.agent(from), reach.agent(to), names.join(", ")));
    }
    let unused = unused(reach, loaded);
    text.push_str(&format!("\n{} that nobody can use\n", count(unused.len(), "grant")));
    for (place, rule) in unused {
        text.push_str(&format!("  {place}: {rule}\n"));
    }
    if reach.left_out > 0 {
        text.push_str(&format!("\n{} not looked at: the longer ones\n", count(reach.left_out, "way")));
    }
    text
}

fn json_of(reach: &Reach<'_>, loaded: &Loaded, found: &[&Path]) -> String {
    let escalations: Vec<Value> = found.iter().map(|path| path_json(reach, path)).collect();
    let circles: Vec<Value> = reach
        .circles
        .iter()
        .map(|circle| {
            let names: Vec<&str> = circle.iter().map(|agent| reach.agent(*agent)).collect();
            json!({"story": names.join(", "), "agents": names, "says": of_circles(reach)})
        })
        .collect();
    let floods: Vec<Value> = reach
        .floods()
        .map(|(agent, calls)| {
            json!({"story": format!("{} makes {calls} calls for one root", agent.name), "agent": agent.name})
        })
        .collect();
    let excess: Vec<Value> = reach
        .excess()
        .into_iter()
        .map(|(from, to, actions)| {
            let names: Vec<&str> = actions.iter().map(|action| reach.action(*action)).collect();
            json!({"agent": reach.agent(from), "calls": reach.agent(to), "more": names})
        })
        .collect();
    let unused: Vec<Value> = unused(reach, loaded)
        .into_iter()
        .map(|(place, rule)| json!({"place": place, "rule": rule}))
        .collect();
    let value = json!({
        "version": 1,
        "escalations": escalations,
        "circles": circles,
        "floods": floods,
        "excess": excess,
        "unusedGrants": unused,
        "waysLeftOut": reach.left_out,
    });
    format!("{value}\n")
}

/// A path for programs.
pub(crate) fn path_json(reach: &Reach<'_>, path: &Path) -> Value {
    let way: Vec<&str> = path.way.iter().map(|agent| reach.agent(*agent)).collect();
    let kind = match path.outcome {
        Outcome::Allowed => "allowed",
        Outcome::Limited(_) => "limited",
        Outcome::Closed(..) => "closed",
        Outcome::Open => "open",
    };
    json!({
        "story": story(reach, path),
        "origin": reach.agent(path.origin()),
        "action": reach.action(path.action),
        "caller": reach.agent(path.caller()),
        "way": way,
        "outcome": kind,
        "says": outcome(reach, path),
    })
}
