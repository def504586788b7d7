use super::*;
use crate::diagnostics::render::{Format, render};
use crate::source::Sources;
use crate::syntax::node::Value;

fn read(text: &str) -> (Vec<Node>, String) {
    let sources = Sources::single("t", text);
    let mut diagnostics = Diagnostics::new();
    let documents = sources.iter().flat_map(|(id, file)| parse(id, file, &mut diagnostics)).collect();
    (documents, render(&diagnostics, &sources, Format::Short))
}

#[test]
fn every_scalar_lies_where_its_span_says() {
    let text = "é: ü  # ö\nb: [c, 'd', \"e\"]\n--- \nf:\n  - g: h\n";
    let sources = Sources::single("t", text);
    let (documents, _) = read(text);
    assert_eq!(documents.len(), 2);
    let mut seen = 0;
    let mut todo: Vec<&Node> = documents.iter().collect();
    while let Some(node) = todo.pop() {
        match &node.value {
            Value::Scalar(scalar) => {
                assert_eq!(sources.text(node.span).trim_matches(['\'', '"']), scalar.text);
                seen += 1;
            }
            Value::List(items) => todo.extend(items),
            Value::Map(entries) => {
                for entry in entries {
                    assert_eq!(sources.text(entry.key.span), entry.key.value);
                    todo.push(&entry.value);
                }
            }
            Value::Broken => panic!("nothing is broken here"),
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn reading_goes_on_at_the_next_document() {
    let (documents, said) = read("a: b: c\n---\nd: e\n---\nf: [\n---\ng: h\n");
    assert_eq!(documents.len(), 2, "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn deep_and_wide_input_is_refused() {
    let deep = "[".repeat(100_000);
    assert!(read(&deep).1.contains("P0004"));
    let (_, said) = read(&format!("{}a", "- ".repeat(10_000)));
    assert!(said.contains("P0004"), "{said}");
}
