//! Records of the filter give the verdict that they are records of: every scenario is played in real Envoys, with all
//! that is decided recorded, and each record is judged again by the policy that was in force.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use ambit_cli::record::{Judge, Missing, Record};
use ambit_eval::Program;
use ambit_filter::settings::Settings;
use ambit_harness::runner::{Configured, Counters, Observed, Runner, Start, envoy, play, wasm};
use ambit_harness::scenario::{self, Destination, Exchange};
use serde_json::{Value, json};

/// Codes of decisions that no program makes.
const UNJUDGED: [&str; 3] = ["no-policy", "policy-for-another-workload", "reply-unreadable"];

/// A line of the log, and every configuration that was taken before.
type Line = (Rc<[Vec<u8>]>, String);

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
    static RECORDS: RefCell<Value> = const { RefCell::new(Value::Null) };
    static PLAYER: RefCell<Option<Start>> = const { RefCell::new(None) };
}

/// A runner that keeps what its filter logs.
struct Recording {
    runner: Box<dyn Runner>,
    taken: Vec<Vec<u8>>,
}

/// A configuration that asks for records; any that is none stays as it is.
fn asked(config: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(config) {
        Ok(Value::Object(mut object)) if object.contains_key("policy") => {
            object.insert("records".to_owned(), RECORDS.with(|records| records.borrow().clone()));
            Value::from(object).to_string().into_bytes()
        }
        _ => config.to_vec(),
    }
}

fn start(destination: &Destination, config: &[u8]) -> io::Result<Box<dyn Runner>> {
    let start = PLAYER.with(|player| *player.borrow()).unwrap();
    let config = asked(config);
    let runner = start(destination, &config)?;
    Ok(Box::new(Recording { runner, taken: vec![config] }))
}

impl Runner for Recording {
    fn name(&self) -> &'static str {
        self.runner.name()
    }

    fn configure(&mut self, config: &[u8]) -> io::Result<Configured> {
        let config = asked(config);
        let configured = self.runner.configure(&config)?;
        if configured == Configured::Accepted {
            self.taken.push(config);
        }
        Ok(configured)
    }

    fn begin(&mut self, exchange: &Exchange) -> io::Result<()> {
        self.runner.begin(exchange)
    }

    fn hold(&mut self) -> io::Result<()> {
        self.runner.hold()
    }

    fn finish(&mut self) -> io::Result<Observed> {
        let observed = self.runner.finish()?;
        let log = observed.evidence.iter().flat_map(|evidence| evidence.log.clone());
        let taken: Rc<[Vec<u8>]> = self.taken.clone().into();
        LINES.with(|lines| lines.borrow_mut().extend(log.map(|line| (Rc::clone(&taken), line))));
        Ok(observed)
    }

    fn counters(&mut self, _expected: &Counters) -> io::Result<Option<Counters>> {
        Ok(None)
    }
}

/// Plays every scenario, and hands each record to `check` with the policy that was in force; how many there were.
fn each_record(
    player: Start,
    records: &Value,
    check: impl Fn(&Record<'_>, &Program<Vec<u8>>) -> Option<String>,
) -> usize {
    PLAYER.with(|cell| *cell.borrow_mut() = Some(player));
    RECORDS.with(|cell| *cell.borrow_mut() = records.clone());
    let mut count = 0;
    let mut wrong = Vec::new();
    for scenario in scenario::load_all().unwrap() {
        // That it ends as it should is another test's; with every allow in the log it does not.
        let _ = play(&scenario, start);
        for (taken, line) in LINES.with(RefCell::take) {
            let Some(record) = Record::find(&line).unwrap_or_else(|error| panic!("{error}: {line}")) else {
                continue;
            };
            count += 1;
            if !record.is_judged() {
                assert!(UNJUDGED.contains(&&*record.code), "{}: {line}", scenario.name);
                continue;
            }
            // What was taken last need not be in force: an older signed policy has no effect.
            let settings = taken.iter().rev().map(|config| Settings::parse(config).unwrap());
            let settings =
                settings.into_iter().find(|settings| Some(settings.generation()) == record.generation);
            let settings = settings.unwrap();
            let program = settings.policy.as_ref().unwrap().program();
            if let Some(what) = check(&record, program) {
                wrong.push(format!("{}: {what}: {line}", scenario.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    count
}

/// Says how a record's verdict differs from the one that is made of it.
fn differs(record: &Record<'_>, program: &Program<Vec<u8>>, may_be_open: bool) -> Option<String> {
    let verdict = Judge::new(program).decide(record, Missing::Absent)?;
    let (code, hop, rule) = record.said();
    let is_same = verdict.code.word() == code && verdict.hop == hop && verdict.rule == rule;
    // A record does not say whether a deny that was made early could still have become an allow in shadow mode.
    let acts_alike = (verdict.passes() == verdict.allows()) == record.enforced;
    if (is_same && acts_alike) || (may_be_open && verdict.pending) {
        return None;
    }
    Some(format!("{verdict:?}"))
}

#[test]
fn records_of_envoys_give_the_same_verdicts() {
    let everything = json!({"loggable": ["*"], "allows": 1});
    let count = each_record(envoy::start, &everything, |record, program| differs(record, program, false));
    assert!(count > 500, "only {count} records");
}

#[test]
fn records_of_the_simulated_host_give_the_same_verdicts() {
    let everything = json!({"loggable": ["*"], "allows": 1});
    let count = each_record(wasm::start, &everything, |record, program| differs(record, program, false));
    assert!(count > 500, "only {count} records");
}

/// What is not shown can leave a verdict open, and never makes another one.
#[test]
fn records_that_show_nothing_give_the_same_verdicts_or_open_ones() {
    let nothing = json!({"allows": 1});
    let count = each_record(wasm::start, &nothing, |record, program| {
        let is_shown =
            |value: &Value| !value.is_object() || value.get("is").is_some() || value.get("list").is_some();
        let elements = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(is_shown));
        let mut fields =
            record.fields.iter().filter(|(name, _)| name.starts_with("body/") || name.starts_with("header/"));
        if let Some((name, value)) = fields.find(|(_, value)| {
            (!value.is_array() && !value.is_object())
                || elements(value) && !value.as_array().into_iter().flatten().all(|one| one.is_object())
        }) {
            return Some(format!("`{name}` shows {value}"));
        }
        differs(record, program, true)
    });
    assert!(count > 500, "only {count} records");
}
