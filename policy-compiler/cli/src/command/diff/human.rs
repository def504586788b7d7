//! For a terminal.

use super::change::{Change, Found, Said, Way};

pub(super) fn render(found: &Found, colour: bool) -> String {
    let mut text = String::new();
    for way in [Way::Allowed, Way::Denied] {
        let mut changes = found.of(way).peekable();
        if changes.peek().is_none() {
            continue;
        }
        let code = match way {
            Way::Allowed => "31",
            Way::Denied => "33",
        };
        let words = format!("newly {}", way.word());
        let words = if colour { format!("\u{1b}[1m\u{1b}[{code}m{words}\u{1b}[0m") } else { words };
        text.push_str(&format!("{words}\n"));
        changes.for_each(|change| text.push_str(&one(change)));
        text.push('\n');
    }
    for silent in &found.silent {
        text.push_str(&format!("not shown by requests: {silent}\n"));
    }
    let count = |way: Way| found.of(way).count();
    text.push_str(&format!(
        "{} newly allowed, {} newly denied: {}\n",
        count(Way::Allowed),
        count(Way::Denied),
        found.scope()
    ));
    text
}

fn one(change: &Change) -> String {
    let Change { witness, before, after, .. } = change;
    let more = match change.requests {
        1 => String::new(),
        2 => String::from("    and 1 more request like it\n"),
        count => format!("    and {} more requests like it\n", count.saturating_sub(1)),
    };
    format!(
        "  {}/{}: {}\n    {}\n    before: {}\n    after:  {}\n{more}",
        change.service,
        change.action,
        witness.who,
        witness.what(),
        said(before),
        said(after)
    )
}

fn said(said: &Said) -> String {
    let place = said.because.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    format!("{}{place}", said.words())
}
