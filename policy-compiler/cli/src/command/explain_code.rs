//! `ambit explain-code`

use core::fmt::Write as _;

use ambit_compiler::diagnostics::{Code as Diagnosis, Kind, Severity};
use ambit_compiler::syntax::suggest::did_you_mean;
use ambit_eval::Code as VerdictCode;
use ambit_istio::lint::Code as Finding;
use clap::Args;

use crate::advice::{cause, remedy};
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
}

impl ExplainCode {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let text = match &self.code {
            Some(code) => explain(code)?,
            None => list(),
        };
        terminal.out.write_all(text.as_bytes())?;
        Ok(())
    }
}

fn explain(text: &str) -> Result<String, Problem> {
    // A bare number is a verdict's: a diagnostic is always shown with its `P`.
    let by_number = text.parse().ok().and_then(VerdictCode::from_number);
    let by_word = VerdictCode::ALL.iter().copied().find(|code| code.word().eq_ignore_ascii_case(text));
    if let Some(code) = by_number.or(by_word) {
        return Ok(verdict(code));
    }
    if text.starts_with(['P', 'p'])
        && let Some(code) = Diagnosis::parse(text)
    {
        return Ok(entry(code, code.explanation()));
    }
    if let Some(code) = Finding::parse(text) {
        return Ok(entry(code, code.explanation()));
    }
    if let Some(code) = Test::parse(text) {
        return Ok(entry(code, code.explanation()));
    }
    let diagnostics: Vec<String> = Diagnosis::ALL
        .iter()
        .map(ToString::to_string)
        .chain(Finding::ALL.iter().map(ToString::to_string))
        .chain(Test::ALL.iter().map(ToString::to_string))
        .collect();
    let words = VerdictCode::ALL.iter().map(|code| code.word());
    let near = did_you_mean(text, words.chain(diagnostics.iter().map(String::as_str)));
    let problem = Problem::new(format!("there is no code `{text}`"));
    Err(problem.help("`ambit explain-code` lists all of them").maybe_help(near))
}

fn verdict(code: VerdictCode) -> String {
    let mut text = format!("{} (verdict {})\n\n", code.word(), code.number());
    let _ = writeln!(text, "{}", code.sentence());
    let _ = write!(text, "\nWhen: {}\n\nWhat to do: {}\n", cause(code), remedy(code));
    wrap(&text)
}

fn entry(code: impl Kind, explanation: &str) -> String {
    wrap(&format!("{code} ({}): {}\n\n{explanation}\n", severity(code), code.title()))
}

fn severity(code: impl Kind) -> &'static str {
    match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn list() -> String {
    let mut text = String::from("Diagnostics of policy:\n");
    for code in Diagnosis::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(*code), code.title());
    }
    text.push_str("\nFindings in a cluster:\n");
    for code in Finding::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(*code), code.title());
    }
    text.push_str("\nTests:\n");
    for code in Test::ALL {
        let _ = writeln!(text, "  {code}  {:<7}  {}", severity(*code), code.title());
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
    fn every_code_is_explained() {
        for code in Diagnosis::ALL {
            assert_eq!(explain(&code.to_string()), Ok(entry(*code, code.explanation())));
        }
        for code in Finding::ALL {
            assert_eq!(explain(&code.to_string()), Ok(entry(*code, code.explanation())));
        }
        for code in Test::ALL {
            assert_eq!(explain(&code.to_string()), Ok(entry(*code, code.explanation())));
        }
        for code in VerdictCode::ALL {
            assert_eq!(explain(code.word()), Ok(verdict(*code)));
            assert_eq!(explain(&code.number().to_string()), Ok(verdict(*code)));
        }
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = wrap(&"word ".repeat(100));
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 100);
    }
}
