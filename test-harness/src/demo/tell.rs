//! Plays the stories, and tells them: as they happen, in a few lines each, and at the end in a table.

use std::io::Write;

use super::paint::Tone;
use super::play::{Outcome, Refusal};
use super::story::{Before, OUTSIDERS, Outsider, Story, stories};
use super::swarm::Swarm;
use super::table::{Cell, Row};
use crate::envoy::config::Lane;

/// What comes before the first story.
const PROLOGUE: &str = "\
A mesh proves who calls. It does not know on whose behalf.

Five agents and two tools, each behind an Envoy of its own, which has two lanes:
  RBAC   strict mTLS and Istio's AuthorizationPolicies: who calls, to which path
  Ambit  strict mTLS and the filter: who calls, on whose behalf, to do what
Each story is played on both: same Envoys, same certificates, same applications.
";

/// What comes behind the table.
pub(super) const EPILOGUE: &str = "\
The last two show that RBAC does its part: it knows who calls. On whose behalf,
it cannot know.";

/// Numbers of attempts that a story has for itself.
const ATTEMPTS: usize = 8;

/// How the stories went.
pub(super) struct Told {
    /// A row for each story, and for each outsider.
    pub(super) rows: Vec<Row>,
    /// What was not as expected.
    pub(super) surprises: Vec<String>,
}

/// What came of a story.
struct Played {
    rbac: Outcome,
    ambit: Outcome,
    task_rbac: Outcome,
    task_ambit: Outcome,
}

/// Plays everything, and writes what happens to `out` as it happens.
pub(super) fn tell(swarm: &Swarm, out: &mut dyn Write, colours: bool) -> Result<Told, String> {
    let mut told = Told { rows: Vec::new(), surprises: Vec::new() };
    write(out, PROLOGUE)?;
    for (place, story) in stories().iter().enumerate() {
        let title = format!("{}. {}: {}", place + 1, story.title, story.way);
        write(out, &format!("\n{}\n", Tone::Title.paint(&title, colours)))?;
        let played = play_story(swarm, place, story, &mut told.surprises, out)?;
        write(out, &played.lines(story, colours))?;
        told.rows.push(played.row(story));
    }
    for outsider in &OUTSIDERS {
        let row = tell_outsider(swarm, outsider, &mut told.surprises)?;
        told.rows.push(row);
    }
    Ok(told)
}

fn play_story(
    swarm: &Swarm,
    place: usize,
    story: &Story,
    surprises: &mut Vec<String>,
    out: &mut dyn Write,
) -> Result<Played, String> {
    let mut surprise = |expected: &str, outcome: &Outcome| {
        surprises.push(format!("{}: {expected}, but: {outcome:?}", story.title));
    };
    let number = |attempt: usize| place * ATTEMPTS + attempt;
    for line in story.plot {
        write(out, &format!("   {line}\n"))?;
    }
    match &story.before {
        Before::Nothing => {}
        Before::Quiet => swarm.come_to_rest(number(0), &story.task)?,
        Before::Direct(before, code) => {
            let rbac = swarm.attempt(Lane::Rbac, number(0), before)?;
            let ambit = swarm.attempt(Lane::Wasm, number(1), before)?;
            if rbac != Outcome::Rbac {
                surprise("RBAC should refuse the direct way", &rbac);
            }
            if ambit.code() != Some(code) {
                surprise(&format!("Ambit should refuse the direct way with {code}"), &ambit);
            }
            write(out, &format!("   Alone  {} by RBAC; by Ambit, too: {}\n", word(&rbac), word(&ambit)))?;
        }
    }
    let played = Played {
        rbac: swarm.attempt(Lane::Rbac, number(2), &story.attack)?,
        ambit: swarm.attempt(Lane::Wasm, number(3), &story.attack)?,
        task_rbac: swarm.attempt(Lane::Rbac, number(4), &story.task)?,
        task_ambit: swarm.attempt(Lane::Wasm, number(5), &story.task)?,
    };
    if !played.rbac.is_done() {
        surprise("RBAC should let it pass", &played.rbac);
    }
    if !played.ambit.is_denied(&story.denied) {
        surprise(&format!("Ambit should deny it: {:?}", story.denied), &played.ambit);
    }
    for task in [&played.task_rbac, &played.task_ambit] {
        if !task.is_done() {
            surprise("the task should pass", task);
        }
    }
    Ok(played)
}

fn tell_outsider(swarm: &Swarm, outsider: &Outsider, surprises: &mut Vec<String>) -> Result<Row, String> {
    let rbac = swarm.outsider(Lane::Rbac, outsider.as_whom)?;
    let ambit = swarm.outsider(Lane::Wasm, outsider.as_whom)?;
    if rbac.is_done() || ambit.is_done() || ambit.code() != outsider.code {
        surprises.push(format!("{} should be refused: RBAC {rbac:?}, Ambit {ambit:?}", outsider.what));
    }
    Ok(Row([
        Cell::plain(outsider.what),
        Cell::new(word(&rbac), Tone::good_if(!rbac.is_done())),
        Cell::new(word(&ambit), Tone::good_if(!ambit.is_done())),
        Cell::plain(""),
        Cell::plain(""),
    ]))
}

impl Played {
    fn lines(&self, story: &Story, colours: bool) -> String {
        let (rbac, ambit) = (describe(&self.rbac), describe(&self.ambit));
        let task = match (self.task_rbac.is_done(), self.task_ambit.is_done()) {
            (true, true) => "passes both".to_owned(),
            _ => {
                format!("{} with RBAC, {} with Ambit", describe(&self.task_rbac), describe(&self.task_ambit))
            }
        };
        format!(
            "   RBAC   {}\n   Ambit  {}\n   Task   {}: {}\n",
            Tone::good_if(!self.rbac.is_done()).paint(&rbac, colours),
            Tone::good_if(self.ambit.is_denied(&story.denied)).paint(&ambit, colours),
            Tone::good_if(self.is_task_done()).paint(&task, colours),
            story.task_is
        )
    }

    fn is_task_done(&self) -> bool {
        self.task_rbac.is_done() && self.task_ambit.is_done()
    }

    fn row(&self, story: &Story) -> Row {
        let limited_by = match &self.ambit {
            Outcome::Denied(Refusal { limited_by: Some((_, agent)), .. }) => agent.as_str(),
            // A budget is that of the agent whose call it is.
            Outcome::Denied(Refusal { is_outbound: true, at, .. }) => at,
            _ => "",
        };
        let task = self.is_task_done();
        Row([
            Cell::plain(&story.title.to_lowercase()),
            Cell::new(word(&self.rbac), Tone::good_if(!self.rbac.is_done())),
            Cell::new(word(&self.ambit), Tone::good_if(self.ambit.is_denied(&story.denied))),
            Cell::plain(limited_by),
            Cell::new(if task { "passes" } else { "FAILS" }, Tone::good_if(task)),
        ])
    }
}

/// An outcome in a word.
fn word(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Done { .. } => "passes",
        Outcome::Denied(refusal) => &refusal.code,
        Outcome::Rbac => "denied",
        Outcome::NoConnection => "refused",
        Outcome::Odd(_) => "odd",
    }
}

/// An outcome in a line.
fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { answer, times: 1 } => format!("200 {answer}"),
        Outcome::Done { times, .. } => format!("200, all {times} times"),
        Outcome::Denied(refusal) => refusal.describe(),
        Outcome::Rbac => "403".to_owned(),
        Outcome::NoConnection => "no connection".to_owned(),
        Outcome::Odd(what) => what.clone(),
    }
}

impl Refusal {
    fn describe(&self) -> String {
        let status = if self.is_rpc { "MCP error" } else { "403" };
        let by = match &self.limited_by {
            Some((hop, agent)) => format!(", limited by {agent} (hop {hop})"),
            None => String::new(),
        };
        let at = if self.is_outbound { "on its way out of" } else { "at" };
        let after = match self.after {
            0 => String::new(),
            after => format!(", after {after} times"),
        };
        format!("{status} {at} {}: {}{by}{after}", self.at, self.code)
    }
}

fn write(out: &mut dyn Write, text: &str) -> Result<(), String> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("the output cannot be written: {error}"))
}
