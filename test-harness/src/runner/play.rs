//! Plays a scenario to its end and reports all that is not as it says.

use std::fmt::Write as _;
use std::io;

use ambit_bytecode::Code;

use super::{Configured, Counters, Observed, Runner, Start, check};
use crate::scenario::{Case, Ending, Press, Scenario, Step, Swap};

/// Lines of a log that are shown with a failure.
const MAX_LOG_LINES_SHOWN: usize = 8;

struct Play<'a> {
    scenario: &'a Scenario,
    runner: Box<dyn Runner>,
    press: Press,
    /// What the counters should come to.
    expected: Counters,
    report: String,
}

/// Plays `scenario`. Every step is played, whatever became of those before.
///
/// # Errors
///
/// A report for people: each step that ended otherwise, and the log of it.
pub fn play(scenario: &Scenario, start: Start) -> Result<(), String> {
    let mut press = Press::default();
    let config = press.config(&scenario.setting, &scenario.destination)?;
    let runner =
        start(&scenario.destination, &config).map_err(|error| format!("it does not start: {error}"))?;
    let mut play = Play { scenario, runner, press, expected: Counters::new(), report: String::new() };
    for step in &scenario.steps {
        match step {
            Step::Case(case) => play.case(case),
            Step::Swap(swap) => play.swap(swap),
        }
    }
    // Where a step ended otherwise, so do the counters.
    if play.report.is_empty() {
        play.counters();
    }
    if play.report.is_empty() { Ok(()) } else { Err(play.report) }
}

impl Play<'_> {
    fn case(&mut self, case: &Case) {
        let name = self.runner.name();
        let Some(expectation) = case.expected(name) else { return };
        self.count(&expectation.ending);
        if expectation.withheld.is_some() && name != "native" {
            let name = format!("ambit.deny.{}", Code::ReplyUnreadable.word());
            *self.expected.entry(name).or_default() += 1;
        }
        match self.exchange(case) {
            Err(error) => self.fail(case.line, &case.name, &format!("{name} cannot play it: {error}"), &[]),
            Ok(observed) => {
                let faults = check::faults(expectation, &case.exchange, &observed);
                if !faults.is_empty() {
                    let what = format!(
                        "expected `{}`\n    got      {observed}\n    {}",
                        expectation.ending,
                        faults.join("\n    ")
                    );
                    self.fail(case.line, &case.name, &what, &observed.evidence.unwrap_or_default().log);
                }
            }
        }
    }

    fn exchange(&mut self, case: &Case) -> io::Result<Observed> {
        self.runner.begin(&case.exchange)?;
        if !case.meanwhile.is_empty() {
            self.runner.hold()?;
        }
        for swap in &case.meanwhile {
            self.swap(swap);
        }
        self.runner.finish()
    }

    fn swap(&mut self, swap: &Swap) {
        if swap.not.iter().any(|name| name == self.runner.name()) {
            return;
        }
        let config = match self.press.config(&swap.setting, &self.scenario.destination) {
            Ok(config) => config,
            Err(error) => return self.fail(swap.line, &swap.name, &error, &[]),
        };
        match (self.runner.configure(&config), &swap.refused) {
            (Err(error), _) => {
                self.fail(swap.line, &swap.name, &format!("it cannot be brought: {error}"), &[])
            }
            (Ok(Configured::Accepted), None) => {}
            (Ok(Configured::Accepted), Some(_)) => {
                self.fail(swap.line, &swap.name, "expected it to be refused; it is in force", &[])
            }
            (Ok(Configured::Refused { log }), None) => {
                self.fail(swap.line, &swap.name, "expected it to be taken; it is refused", &log)
            }
            (Ok(Configured::Refused { log }), Some(words)) => {
                let said = |line: &String| {
                    line.contains("ambit: configuration refused")
                        && words.iter().all(|word| line.contains(word))
                };
                if !log.iter().any(said) {
                    self.fail(
                        swap.line,
                        &swap.name,
                        &format!("it is refused, and no line of the log says so with {words:?}"),
                        &log,
                    );
                }
            }
        }
    }

    fn count(&mut self, ending: &Ending) {
        let mut add = |name: String| *self.expected.entry(name).or_default() += 1;
        match ending {
            Ending::Allow => add("ambit.allow".to_owned()),
            Ending::Deny { code, .. } => add(format!("ambit.deny.{}", code.word())),
            Ending::Shadow { code, .. } => {
                add(format!("ambit.deny.{}", code.word()));
                add("ambit.shadow".to_owned());
            }
            Ending::Proxy(_) => {}
        }
    }

    fn counters(&mut self) {
        match self.runner.counters(&self.expected) {
            Err(error) => self.fail(0, "counters", &error.to_string(), &[]),
            Ok(None) => {}
            Ok(Some(counters)) if counters == self.expected => {}
            Ok(Some(counters)) => {
                let what = format!("expected {:?}\n    got      {counters:?}", self.expected);
                self.fail(0, "counters", &what, &[]);
            }
        }
    }

    fn fail(&mut self, line: u64, name: &str, what: &str, log: &[String]) {
        let shown = &log[log.len().saturating_sub(MAX_LOG_LINES_SHOWN)..];
        let log: String = shown.iter().fold(String::new(), |text, line| text + "\n    log: " + line);
        let place = self.scenario.path.file_name().unwrap_or_default().to_string_lossy();
        // Writing to a string does not fail.
        let _ = writeln!(self.report, "{place}:{line}: {name}\n    {what}{log}");
    }
}
