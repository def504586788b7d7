//! Why a command did not do what was asked.

use std::io;

use serde_json::{Value, json};

use crate::terminal::Terminal;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// The policy is refused, and why has been shown.
    Rejected,
    /// The command line is wrong, or a file cannot be read or written.
    Problem(Problem),
    /// Whoever read the output has gone: there is nobody to fail for.
    HungUp,
}

/// What is wrong, as a fragment in lower case, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Empty if it has been shown already.
    message: String,
    help: Option<String>,
}

impl Problem {
    /// Says what is wrong.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// One that has been shown already.
    #[must_use]
    pub const fn said() -> Self {
        Self { message: String::new(), help: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do about it, if there is anything to say.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Says it on standard error, and on standard output if a program reads that.
    pub(crate) fn tell(&self, terminal: &mut Terminal<'_>) -> io::Result<()> {
        terminal.err.write_all(self.render(terminal.colours_err()).as_bytes())?;
        if terminal.is_for_programs && !self.message.is_empty() {
            writeln!(terminal.out, "{}", json!({"version": 1, "error": self.object()}))?;
        }
        Ok(())
    }

    /// For programs, under the names that diagnostics have.
    pub(crate) fn object(&self) -> Value {
        json!({"message": self.message, "help": self.help})
    }

    /// As it is shown; ends in a line feed.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let paint = |code: &str, word: &str| {
            if colour { format!("\u{1b}[1m\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
        };
        let mut text = String::new();
        if !self.message.is_empty() {
            text.push_str(&format!("{}: {}\n", paint("91", "error"), self.message));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("{}: {help}\n", paint("96", "help")));
        }
        text
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Of writing results: everything else says which file it is about.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::HungUp,
            _ => Self::Problem(Problem::new(format!("cannot write the output: {}", reason(&error)))),
        }
    }
}

/// Why, in lower case and without the number that the operating system gives it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => return String::from("no such file or directory"),
        io::ErrorKind::PermissionDenied => return String::from("permission denied"),
        io::ErrorKind::InvalidData => return String::from("it is not text in UTF-8"),
        _ => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
