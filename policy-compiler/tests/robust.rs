//! No input panics, and what is said can always be shown.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests may panic")]

use std::fs;
use std::path::Path;

use ambit_compiler::check::check;
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::source::Sources;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Policies, right and wrong.
fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus = Vec::new();
    for directory in ["tests/diagnostics", "samples/seed"] {
        for file in fs::read_dir(root.join(directory)).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                corpus.push(fs::read(file).unwrap());
            }
        }
    }
    let language = fs::read_to_string(root.join("LANGUAGE.md")).unwrap();
    corpus.extend(
        language
            .split("```")
            .filter_map(|block| block.strip_prefix("yaml"))
            .map(|block| block.as_bytes().to_vec()),
    );
    corpus
}

/// Pieces that mean something in YAML or CEL.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "\n",
        "\n  ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "|",
        ">",
        "#",
        "&a",
        "*a",
        "!t",
        "---\n",
        "\t",
        "\u{feff}",
        "é",
        "\0",
        "(",
        ")",
        "&&",
        "||",
        "!",
        "==",
        "in",
        "args.",
        "path.id",
        "has(",
        "all(i,",
        "1e9",
        "0x",
        "-",
        "\\",
        "\r\n",
        "...",
        "? ",
        "<<: ",
        "null",
        "true",
        "~",
        "/**",
        "{x}",
        "/../",
        "spiffe://",
        "*/*",
        "chain.has(",
        "time.hour",
        "%",
    ];
    prop_oneof![8 => select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

#[derive(Clone, Debug)]
enum Change {
    Insert(Index, String),
    Delete(Index, usize),
    Byte(Index, u8),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), piece()).prop_map(|(at, text)| Change::Insert(at, text)),
        2 => (any::<Index>(), 1_usize..20).prop_map(|(at, count)| Change::Delete(at, count)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let length = text.len();
    match change {
        _ if length == 0 => {}
        Change::Insert(at, piece) => {
            let at = at.index(length);
            text.splice(at..at, piece.bytes());
        }
        Change::Delete(at, count) => {
            let at = at.index(length);
            text.drain(at..length.min(at.saturating_add(*count)));
        }
        Change::Byte(at, byte) => {
            if let Some(place) = text.get_mut(at.index(length)) {
                *place = *byte;
            }
        }
        Change::Cut(at) => text.truncate(at.index(length)),
    }
}

fn survive(text: Vec<u8>) {
    let sources = Sources::single("t.yaml", text);
    let checked = check(&sources);
    assert_eq!(checked.policy.is_none(), checked.diagnostics.has_errors());
    for format in [Format::Human { colour: false }, Format::Short, Format::Json, Format::Github] {
        assert_eq!(
            render(&checked.diagnostics, &sources, format).is_empty(),
            checked.diagnostics.is_empty() && format != Format::Json
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_policies_are_survived(which in any::<Index>(), changes in prop::collection::vec(change(), 1..6)) {
        let corpus = corpus();
        let mut text = corpus.get(which.index(corpus.len())).unwrap().clone();
        for change in &changes {
            apply(&mut text, change);
        }
        survive(text);
    }

    #[test]
    fn odd_conditions_are_survived(pieces in prop::collection::vec(piece(), 0..12), quoted in any::<bool>()) {
        let condition = pieces.concat();
        let when = if quoted {
            format!("'{}'", condition.replace('\'', "''").replace(['\n', '\r'], " "))
        } else {
            format!("|\n        {}", condition.replace('\n', "\n        "))
        };
        survive(format!(
            "apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: s}}\nspec:\n  workload: {{namespace: n, serviceAccount: s}}\n  protocol: http\n  actions: [{{name: a, path: '/{{id}}'}}]\n---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a}}\nspec:\n  identity: [{{namespace: n, serviceAccount: a}}]\n  grants:\n    - actions: [s/a]\n      when: {when}\n"
        ).into_bytes());
    }

    #[test]
    fn any_text_is_survived(text in any::<Vec<u8>>()) {
        survive(text);
    }
}

/// What could exhaust the stack of a recursive reader.
#[test]
fn deep_input_is_survived() {
    let agent = |when: &str| {
        format!(
            "apiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a}}\nspec:\n  identity: [{{namespace: n, serviceAccount: a}}]\n  grants:\n    - actions: [a/b]\n      when: '{when}'\n"
        )
    };
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("-", ""),
        ("! ", ""),
        ("!//\n", ""),
        ("f(", ")"),
        ("a?b:", "c"),
        ("{1:", "}"),
        ("a.", "b"),
        ("a[0]", ""),
        ("a && ", "b"),
        ("1 + ", "1"),
        ("a()", ""),
    ] {
        for count in [10, 100, 1000] {
            survive(agent(&format!("{}x{}", open.repeat(count), close.repeat(count))).into_bytes());
        }
    }
    for (open, close) in
        [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n ", ""), ("!", ""), ("&a ", "")]
    {
        survive(format!("{}x{}", open.repeat(20_000), close.repeat(20_000)).into_bytes());
    }
}
