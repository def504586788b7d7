//! What came of a replay, for people and for programs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::tally::{Group, Reason, Tally, Way};
use crate::time;

impl Way {
    const fn words(self) -> &'static str {
        match self {
            Self::Allowed => "newly allowed",
            Self::Denied => "newly denied",
            Self::Otherwise => "for another reason",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Otherwise => "otherwise",
        }
    }
}

const WAYS: [Way; 3] = [Way::Allowed, Way::Denied, Way::Otherwise];

pub(super) fn human(tally: &Tally, logs: &[PathBuf], colour: bool) -> String {
    let changes = tally.changes();
    let mut text = String::new();
    for way in WAYS {
        let mut of = changes.iter().filter(|(reason, _)| reason.way == way).peekable();
        if of.peek().is_none() {
            continue;
        }
        let code = match way {
            Way::Allowed => "31",
            Way::Denied => "33",
            Way::Otherwise => "36",
        };
        let words = way.words();
        let words =
            if colour { format!("\u{1b}[1m\u{1b}[{code}m{words}\u{1b}[0m") } else { words.to_owned() };
        text.push_str(&format!("{words}\n"));
        of.for_each(|(reason, group)| text.push_str(&one(reason, group, logs)));
        text.push('\n');
    }
    for (action, count) in &tally.open {
        text.push_str(&format!("open: {action}, {count}: they hang on what the records do not have\n"));
    }
    for (workload, count) in &tally.gone {
        text.push_str(&format!("not judged: {workload}, {count}: it serves nothing in this policy\n"));
    }
    if tally.unjudged > 0 {
        text.push_str(&format!("not judged: {} for which nothing was judged then\n", tally.unjudged));
    }
    if tally.unread > 0 {
        text.push_str(&format!("not read: {} lines that look like a record\n", tally.unread));
    }
    if tally.dropped > 0 {
        text.push_str(&format!("not recorded: {} decisions, to bound the log\n", tally.dropped));
    }
    let count = |way: Way| tally.decisions(way);
    text.push_str(&format!(
        "{} decisions: {} newly allowed, {} newly denied, {} for another reason, {} the same, {} open\n",
        tally.records(),
        count(Way::Allowed),
        count(Way::Denied),
        count(Way::Otherwise),
        tally.same,
        tally.open()
    ));
    text
}

fn one(reason: &Reason, group: &Group, logs: &[PathBuf]) -> String {
    let Reason { action, caller, before, after, .. } = reason;
    let first = &group.first;
    let times = if group.decisions == 1 { "once" } else { "times" };
    let count = if group.decisions == 1 { String::new() } else { format!("{} ", group.decisions) };
    format!(
        "  {action}: {caller}, {count}{times}\n    before: {before}\n    after:  {after}\n    first:  {} at {} ({}) {}\n",
        first.id,
        time::show(first.time),
        first.place.written(logs),
        first.key
    )
}

pub(super) fn json(tally: &Tally, logs: &[PathBuf]) -> String {
    let change = |(reason, group): &(&Reason, &Group)| -> Value {
        json!({
            "way": reason.way.word(),
            "action": reason.action,
            "caller": reason.caller,
            "before": reason.before,
            "after": reason.after,
            "decisions": group.decisions,
            "first": {
                "id": group.first.id,
                "time": group.first.time,
                "place": group.first.place.written(logs),
                "key": group.first.key,
            },
        })
    };
    let value = json!({
        "version": 1,
        "decisions": tally.records(),
        "changes": tally.changes().iter().map(change).collect::<Vec<_>>(),
        "allowed": tally.decisions(Way::Allowed),
        "denied": tally.decisions(Way::Denied),
        "otherwise": tally.decisions(Way::Otherwise),
        "same": tally.same,
        "open": tally.open,
        "gone": tally.gone,
        "unjudged": tally.unjudged,
        "unread": tally.unread,
        "dropped": tally.dropped,
    });
    format!("{value}\n")
}
