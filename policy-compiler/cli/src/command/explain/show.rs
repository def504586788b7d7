//! The story as people and programs read it.

use ambit_compiler::diagnostics::Label;
use ambit_compiler::diagnostics::render::excerpt;
use ambit_eval::{Code, Truth};
use serde_json::{Value, json};

use crate::advice::remedy;
use crate::policy::Loaded;
use crate::story::{Again, Story};
use crate::time;

/// The most fields that are shown to people.
const MAX_FIELDS: usize = 12;

pub(super) fn human(story: &Story<'_>, loaded: &Loaded, is_same_policy: bool, colour: bool) -> String {
    let record = story.record;
    let mut lines: Vec<(&str, String)> = Vec::new();
    let passed = if record.enforced { "" } else { ", and only recorded: shadow mode let it pass" };
    let head = format!("{}: {}{passed}", record.verdict, record.code);
    let sentence = code(story).map_or("", Code::sentence);
    lines.push(("decision", format!("{} at {}", record.id, time::show(record.time))));
    let (protocol, key) = (record.protocol.as_deref().unwrap_or("?"), record.key.as_deref());
    let asked = match (record.action.as_deref(), key) {
        (Some(action), Some(key)) => format!("{action} ({protocol}: {key})"),
        (Some(action), None) => action.to_owned(),
        (None, Some(key)) => format!("{protocol}: {key}"),
        (None, None) => {
            let detail = record.detail.as_deref().map_or(String::new(), |detail| format!(" ({detail})"));
            format!("what cannot be told{detail}")
        }
    };
    let workload = record.workload.as_deref().unwrap_or("?");
    lines.push(("asked", format!("{asked} of {workload}")));
    lines.push((
        "by",
        story.members.last().map_or_else(
            || String::from("a caller without a certificate"),
            |caller| format!("{} ({})", caller.name(), caller.principal),
        ),
    ));
    let lineage = record.lineage.as_ref();
    let believed = match lineage {
        Some(lineage) if lineage.stamped => "stamped",
        Some(_) => "claimed",
        None => "not stated",
    };
    let merged = if lineage.is_some_and(|lineage| lineage.merged) { ", merged" } else { "" };
    lines.push((
        "for",
        story
            .on_behalf()
            .map_or_else(|| format!("itself ({believed})"), |names| format!("{names} ({believed}{merged})")),
    ));
    if !story.missions.is_empty() {
        let names: Vec<&str> = story.missions.iter().map(|(name, _)| *name).collect();
        lines.push(("under", names.join(", ")));
    }
    let fields = story.fields();
    if !fields.is_empty() {
        let shown = fields.iter().take(MAX_FIELDS).map(|(name, value)| format!("{name} = {value}"));
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if fields.len() > MAX_FIELDS {
            text.push_str(", ...");
        }
        lines.push(("read", text));
    }
    if let Some(limits) = record.limits.as_deref() {
        lines.push(("limited by", limits.to_owned()));
    }
    lines.push(("judged again", again(story, is_same_policy)));
    let paint = |code: &str, text: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut text = format!("{}\n{sentence}\n\n", paint("1", &head));
    for (name, value) in lines {
        text.push_str(&format!("{} {value}\n", paint("2", &format!("{name:>12}"))));
    }
    let places = story.places();
    if !places.is_empty() {
        text.push('\n');
        text.push_str(&excerpt(&places, &loaded.sources, colour));
    }
    if let Some(code) = code(story).filter(|code| *code != Code::Allowed) {
        text.push_str(&format!("\nWhat to do: {}\n", remedy(code)));
    }
    text
}

fn code(story: &Story<'_>) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.word() == story.record.code)
}

/// How the verdict came out here.
fn again(story: &Story<'_>, is_same_policy: bool) -> String {
    let policy =
        if is_same_policy { "the policy that decided" } else { "another policy than the one that decided" };
    match (story.again(), &story.verdict) {
        (Again::Same, _) => format!("the same, under {policy}"),
        (Again::Open, _) => format!("open: it hangs on fields that the record does not show, under {policy}"),
        (Again::Other, Some(verdict)) => {
            let by = verdict.hop.map_or(String::new(), |hop| format!(" by {}", story.holder(hop)));
            format!("now it is {}{by}, under {policy}", verdict.code.word())
        }
        (Again::Nothing, _) | (Again::Other, None) => String::from("there was nothing to judge"),
    }
}

pub(super) fn json(story: &Story<'_>, loaded: &Loaded, is_same_policy: bool) -> String {
    let record = story.record;
    let verdict = story.verdict.map(|verdict| {
        json!({
            "code": verdict.code.word(),
            "by": verdict.hop.map(|hop| story.holder(hop)),
            "open": verdict.pending,
            "steps": verdict.steps,
        })
    });
    let again = match story.again() {
        Again::Same => "same",
        Again::Other => "other",
        Again::Open => "open",
        Again::Nothing => "nothing",
    };
    let place = |label: &Label| json!({"place": loaded.sources.locate(label.span), "text": label.text});
    let rules: Vec<Value> = story
        .considerations
        .iter()
        .map(|one| {
            let truth = match one.truth {
                Truth::True => "true",
                Truth::False => "false",
                Truth::Unknown => "unknown",
            };
            json!({
                "holder": story.holder(one.hop),
                "rule": one.rule,
                "effect": if one.grants { "grant" } else { "deny" },
                "reaches": one.reaches,
                "condition": truth,
                "place": story.rule_place(one.rule),
            })
        })
        .collect();
    let members: Vec<Value> = story
        .members
        .iter()
        .map(|member| json!({"principal": member.principal, "agent": member.agent.map(|agent| &agent.name)}))
        .collect();
    let value = json!({
        "version": 1,
        "id": record.id,
        "time": record.time,
        "verdict": record.verdict,
        "enforced": record.enforced,
        "code": record.code,
        "limits": record.limits,
        "action": record.action,
        "key": record.key,
        "members": members,
        "missions": story.missions.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "fields": story.fields().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "samePolicy": is_same_policy,
        "again": again,
        "here": verdict,
        "places": story.places().iter().map(place).collect::<Vec<_>>(),
        "rules": rules,
    });
    format!("{value}\n")
}
