//! `ambit explain-code`

use core::fmt::Write as _;

use ambit_compiler::diagnostics::{Code as Diagnosis, Kind, Severity};
use ambit_compiler::syntax::suggest::did_you_mean;
use ambit_eval::Code as VerdictCode;
use ambit_istio::lint::Code as Finding;
use clap::Args;
use serde_json::{Value, json};

use crate::advice::{cause, remedy};
use crate::audience::Audience;
use crate::cases::Code as Test;
use crate::failure::{Failure, Problem};
use crate::terminal::Terminal;

/// How wide the text is.
const WIDTH: usize = 88;

/// Explain a code: of `ambit check`, of `ambit lint-cluster`, of `ambit test`, or of a verdict
///
/// Without a code, all are listed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit explain-code P0103          # a diagnostic
  ambit explain-code C0201          # a finding
  ambit explain-code T0401          # what is wrong with a test
  ambit explain-code not-granted    # a verdict, by word
  ambit explain-code 81             # a verdict, by number

Exit status:
  0  done
  2  the command line is wrong, or there is no such code")]
pub struct ExplainCode {
    /// The code
    code: Option<String>,

    #[command(flatten)]
    audience: Audience,
}

impl ExplainCode {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let found = self.code.as_deref().map(Known::find).transpose()?;
        if self.audience.is_program() {
            let codes: Vec<Value> =
                found.map_or_else(Known::all, |one| vec![one]).into_iter().map(Known::object).collect();
            writeln!(terminal.out, "{}", json!({"version": 1, "codes": codes}))?;
            return Ok(());
        }
        let text = found.map_or_else(list, Known::text);
        terminal.out.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// A code of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Verdict(VerdictCode),
    Diagnosis(Diagnosis),
    Finding(Finding),
    Test(Test),
}

impl Known {
    fn all() -> Vec<Self> {
        let diagnostics = Diagnosis::ALL.iter().copied().map(Self::Diagnosis);
        let findings = Finding::ALL.iter().copied().map(Self::Finding);
        let tests = Test::ALL.iter().copied().map(Self::Test);
        let verdicts = VerdictCode::ALL.iter().copied().map(Self::Verdict);
        diagnostics.chain(findings).chain(tests).chain(verdicts).collect()
    }

    fn find(text: &str) -> Result<Self, Problem> {
        // A bare number is a verdict's: a diagnostic is always shown with its `P`.
        let by_number = text.parse().ok().and_then(VerdictCode::from_number);
        let by_word = VerdictCode::ALL.iter().copied().find(|code| code.word().eq_ignore_ascii_case(text));
        let others = || {
            let diagnosis =
                Diagnosis::parse(text).filter(|_| text.starts_with(['P', 'p'])).map(Self::Diagnosis);
            diagnosis
                .or_else(|| Finding::parse(text).map(Self::Finding))
                .or_else(|| Test::parse(text).map(Self::Test))
        };
        by_number.or(by_word).map(Self::Verdict).or_else(others).ok_or_else(|| {
            let names: Vec<String> = Self::all().into_iter().map(Self::name).collect();
            let near = did_you_mean(text, names.iter().map(String::as_str));
            let problem = Problem::new(format!("there is no code `{text}`"));
            problem.help("`ambit explain-code` lists all of them").maybe_help(near)
        })
    }

    /// As it is shown elsewhere.
    fn name(self) -> String {
        match self {
            Self::Verdict(code) => code.word().to_owned(),
            Self::Diagnosis(code) => code.to_string(),
            Self::Finding(code) => code.to_string(),
            Self::Test(code) => code.to_string(),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Verdict(code) => verdict(code),
            Self::Diagnosis(code) => entry(code, code.explanation()),
            Self::Finding(code) => entry(code, code.explanation()),
            Self::Test(code) => entry(code, code.explanation()),
        }
    }

    fn object(self) -> Value {
        match self {
            Self::Verdict(code) => json!({
                "kind": "verdict",
                "code": code.word(),
                "number": code.number(),
                "title": code.sentence(),
                "when": cause(code),
                "remedy": remedy(code),
            }),
            Self::Diagnosis(code) => object("diagnostic", code, code.explanation()),
            Self::Finding(code) => object("finding", code, code.explanation()),
            Self::Test(code) => object("test", code, code.explanation()),
        }
    }
}

fn verdict(code: VerdictCode) -> String {
    let mut text = format!("{} (verdict {})\n\n", code.word(), code.number());
    let _ = writeln!(text, "{}", code.sentence());
    let _ = write!(text, "\nWhen: {}\n\nWhat to do: {}\n", cause(code), remedy(code));
    wrap(&text)
}

fn entry(code: impl Kind, explanation: &str) -> String {
    wrap(&format!("{code} ({}): {}\n\n{explanation}\n", severity(code.severity()), code.title()))
}

fn object(kind: &str, code: impl Kind, explanation: &str) -> Value {
    json!({
        "kind": kind,
        "code": code.to_string(),
        "severity": severity(code.severity()),
        "title": code.title(),
        "explanation": explanation,
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn list() -> String {
    let mut text = String::from("Diagnostics of policy:\n");
    for code in Diagnosis::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(code.severity()), code.title());
    }
    text.push_str("\nFindings in a cluster:\n");
    for code in Finding::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(code.severity()), code.title());
    }
    text.push_str("\nTests:\n");
    for code in Test::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(code.severity()), code.title());
    }
    text.push_str("\nVerdicts:\n");
    for code in VerdictCode::ALL {
        let _ = writeln!(text, "  {:>3}  {:<26}  {}", code.number(), code.word(), code.sentence());
    }
    text
}

/// Breaks lines that are too long. Paragraphs are one line each in the tables.
fn wrap(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0_usize;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 {
                let fits = column.saturating_add(width) < WIDTH;
                out.push(if fits { ' ' } else { '\n' });
                column = if fits { column.saturating_add(1) } else { 0 };
            }
            out.push_str(word);
            column = column.saturating_add(width);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name() {
        for code in Known::all() {
            assert_eq!(Known::find(&code.name()), Ok(code));
        }
        for code in VerdictCode::ALL {
            assert_eq!(Known::find(&code.number().to_string()), Ok(Known::Verdict(*code)));
        }
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = wrap(&"word ".repeat(100));
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 100);
    }
}
