//! Policy texts.

use std::collections::BTreeSet;

use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::format::format;
use ambit_compiler::source::Sources;
use ambit_eval::Program;

pub(crate) fn run(bytes: &[u8]) {
    let sources = Sources::single("policy.yaml", bytes);
    let checked = check(&sources);
    assert_eq!(checked.policy.is_none(), checked.diagnostics.has_errors());
    for shape in [Format::Short, Format::Human { colour: true }, Format::Json] {
        let _ = render(&checked.diagnostics, &sources, shape);
    }
    let Some(policy) = checked.policy else { return };
    let workloads: BTreeSet<_> = policy.services.iter().map(|service| &service.workload).collect();
    for workload in workloads {
        if let Ok(compiled) = compile(&policy, workload, &Options::default()) {
            let program = Program::verify(compiled.blob).expect("what is compiled verifies");
            assert!(program.step_bound() > 0);
        }
    }
}

pub(crate) fn run_format(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(formatted) = format(text) else { return };
    let twice = format(&formatted).expect("what is formatted can be");
    assert_eq!(twice, formatted);
    let outcome = |text: &str| {
        let sources = Sources::single("policy.yaml", text);
        let checked = check(&sources);
        let policy = checked.policy?;
        let blobs: Vec<_> = policy
            .services
            .iter()
            .map(|service| {
                compile(&policy, &service.workload, &Options::default())
                    .ok()
                    .map(|compiled| compiled.blob.len())
            })
            .collect();
        Some(blobs)
    };
    assert_eq!(outcome(&formatted), outcome(text));
}
