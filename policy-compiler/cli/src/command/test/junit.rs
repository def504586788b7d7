//! Results as JUnit's XML, which CI systems read: one suite a file, one case a test.

use super::outcome::Outcome;
use crate::sidecar::Sidecars;

pub(super) fn render(outcomes: &[Outcome<'_>], sidecars: &Sidecars<'_>) -> String {
    let sources = &sidecars.loaded.sources;
    let failures = |outcomes: &[&Outcome<'_>]| outcomes.iter().filter(|outcome| !outcome.holds()).count();
    let all: Vec<&Outcome<'_>> = outcomes.iter().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites name=\"ambit\" tests=\"{}\" failures=\"{}\">\n",
        all.len(),
        failures(&all)
    ));
    // Tests of one file follow one another.
    for suite in all.chunk_by(|one, other| one.case.span.file == other.case.span.file) {
        let Some(first) = suite.first() else { continue };
        let file = escape(sources.file(first.case.span.file).map_or("?", |file| file.name()));
        text.push_str(&format!(
            "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{}\">\n",
            suite.len(),
            failures(suite)
        ));
        for outcome in suite {
            let line = sources
                .file(outcome.case.span.file)
                .map_or(0, |file| file.place(outcome.case.span.start).line);
            let name = escape(&outcome.case.name);
            let case =
                format!("    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\"");
            text.push_str(&case);
            if outcome.holds() {
                text.push_str("/>\n");
            } else {
                let (wrong, asked) = (escape(&outcome.wrong()), escape(&outcome.case.asked));
                text.push_str(&format!(
                    ">\n      <failure message=\"{wrong}\">{asked}</failure>\n    </testcase>\n"
                ));
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text inside XML. What XML has no character for is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}
