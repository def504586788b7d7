//! The formatter never changes what a policy says, whatever it looks like: the samples and the policies of other tests are
//! written anew in random layouts, formatted, and compiled.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests may panic"
)]

#[path = "format/layout.rs"]
mod layout;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::format::format;
use ambit_compiler::model::Workload;
use ambit_compiler::source::Sources;
use ambit_compiler::syntax::node::Node;
use ambit_compiler::syntax::yaml;
use layout::{Choices, Layout};
use proptest::prelude::*;

/// Policies that check, each with its files.
static POLICIES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut policies = Vec::new();
    for sample in directories(&root.join("samples")) {
        policies.push(texts(&sample));
    }
    let world = fs::read_to_string(root.join("tests/diagnostics/world.yml")).unwrap();
    for text in texts(&root.join("tests/diagnostics")) {
        let alone = text.starts_with("# alone");
        policies.push(if alone { vec![text] } else { vec![text, world.clone()] });
    }
    policies.retain(|files| !files.is_empty() && blobs(files).is_some());
    assert!(policies.len() > 3, "there are not enough policies that check");
    policies
});

fn directories(under: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(under).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

fn texts(directory: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// What every workload of a policy gets, and how much there is to warn of. None if the policy is refused.
fn blobs(files: &[String]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut sources = Sources::new();
    for (number, text) in files.iter().enumerate() {
        sources.add(format!("{number}.yaml"), text.as_str());
    }
    let checked = check(&sources);
    let policy = checked.policy?;
    let workloads: BTreeSet<&Workload> = policy.services.iter().map(|service| &service.workload).collect();
    let compiled =
        |workload: &&Workload| compile(&policy, workload, &Options::default()).ok().map(|done| done.blob);
    Some((workloads.iter().filter_map(compiled).collect(), checked.diagnostics.warnings()))
}

fn documents(text: &str) -> Vec<Node> {
    let sources = Sources::single("", text);
    let mut diagnostics = Diagnostics::new();
    let documents = sources.iter().flat_map(|(id, file)| yaml::parse(id, file, &mut diagnostics)).collect();
    assert!(!diagnostics.has_errors(), "not YAML:\n{text}");
    documents
}

#[test]
fn policies_keep_their_meaning_as_they_are_written() {
    for files in POLICIES.iter() {
        let formatted: Vec<String> = files.iter().map(|text| format(text).unwrap()).collect();
        assert_eq!(blobs(files), blobs(&formatted), "{}", formatted.join("---\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn policies_keep_their_meaning_in_any_layout(
        policy in any::<prop::sample::Index>(),
        entropy in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let files = policy.get(&POLICIES);
        let mut choices = Choices::new(&entropy);
        let (mut written, mut formatted) = (Vec::new(), Vec::new());
        for text in files {
            let layout = Layout::wild(&mut choices).write(&documents(text));
            let neat = format(&layout.text);
            let neat = neat.unwrap_or_else(|error| panic!("{error}:\n{}", layout.text));
            prop_assert_eq!(format(&neat), Ok(neat.clone()), "not idempotent:\n{}", layout.text);
            for comment in 0..layout.comments {
                let comment = format!("# {comment}.");
                prop_assert_eq!(neat.matches(&comment).count(), 1, "{} in\n{}", comment, neat);
            }
            written.push(layout.text);
            formatted.push(neat);
        }
        let expected = blobs(files);
        prop_assert_eq!(&blobs(&written), &expected, "the layout is wrong:\n{}", written.join("\n---\n"));
        prop_assert_eq!(&blobs(&formatted), &expected, "formatted:\n{}", formatted.join("\n---\n"));
    }

    #[test]
    fn layouts_that_differ_in_space_and_order_look_alike_afterwards(
        policy in any::<prop::sample::Index>(),
        one in proptest::collection::vec(any::<u8>(), 0..300),
        other in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        for text in policy.get(&POLICIES) {
            let documents = documents(text);
            let one = Layout::tame(&mut Choices::new(&one)).write(&documents).text;
            let other = Layout::tame(&mut Choices::new(&other)).write(&documents).text;
            prop_assert_eq!(format(&one).unwrap(), format(&other).unwrap(), "{}\n\n{}", one, other);
        }
    }

    #[test]
    fn any_text_is_formatted_or_refused(text in "([a-c]: ?|- |[{}\\[\\],|>'\"#?%] ?|---|\\.\\.\\.|\r?\n| {1,4}|\t|x|é){0,40}") {
        if let Ok(neat) = format(&text) {
            prop_assert_eq!(format(&neat), Ok(neat.clone()), "not idempotent:\n{}", text);
        }
    }
}
