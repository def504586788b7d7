use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::json::JsonErrorKind;
use crate::json::tests::{Tree, cut, cuts, damaged, parse};
use crate::limits::{
    MAX_BATCH, MAX_FACT_BYTES, MAX_FIELD_BYTES, MAX_FIELDS, MAX_KEY_BYTES, MAX_LIST, MAX_LIST_VALUES,
    MAX_STEPS,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Reads `a.b[].c` and `a.b[+].c`, with `!` at the end for a closed object.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in path.trim_end_matches('!').split('.').filter(|part| !part.is_empty()) {
        let key = part.trim_end_matches("[]").trim_end_matches("[+]");
        if !key.is_empty() {
            steps.push(Step::Key(key));
        }
        if part.ends_with("[]") {
            steps.push(Step::Elements);
        }
        if part.ends_with("[+]") {
            steps.push(Step::Joined);
        }
    }
    steps
}

struct Selected {
    selection: Selection,
    fields: Vec<(String, FieldId)>,
    closed: Vec<(String, ClosedId)>,
}

fn select(root: Root, paths: &[&str]) -> Selected {
    let mut builder = Selection::builder(root);
    let (mut fields, mut closed) = (vec![], vec![]);
    for path in paths {
        if path.ends_with('!') {
            closed.push((path.to_string(), builder.closed(&steps(path)).unwrap()));
        } else {
            fields.push((path.to_string(), builder.field(&steps(path)).unwrap()));
        }
    }
    if let Some((_, first)) = fields.first() {
        builder.survivor(*first);
    }
    Selected { selection: builder.build(), fields, closed }
}

/// Everything a document says, one line for each field that is there.
fn show(selected: &Selected, document: &Document<'_>) -> Vec<String> {
    let fields = selected.fields.iter().filter_map(|(path, id)| {
        let value = show_value(document.value(*id));
        (value != "absent").then(|| format!("{path} = {value}"))
    });
    let closed = selected.closed.iter().filter_map(|(path, id)| {
        let key = document.unlisted(*id)?;
        Some(format!("{path} has {}", String::from_utf8_lossy(key)))
    });
    fields.chain(closed).collect()
}

fn show_value(value: Value<'_>) -> String {
    match value {
        Value::Absent => "absent".into(),
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("{:?}", std::str::from_utf8(text).unwrap()),
        Value::Object => "object".into(),
        Value::Array(length) => format!("array of {length}"),
        Value::List(list) => {
            assert_eq!(list.iter().count(), list.len());
            format!("[{}]", list.iter().map(show_value).collect::<Vec<_>>().join(", "))
        }
        Value::Unreadable(reason) => reason.word().into(),
    }
}

fn show_facts(selected: &Selected, facts: &Facts) -> Vec<Vec<String>> {
    facts.documents().map(|document| show(selected, &document)).collect()
}

fn read(selected: &Selected, body: &[u8]) -> Result<Vec<Vec<String>>, JsonErrorKind> {
    let facts = extract(&selected.selection, body).map_err(|error| error.kind())?;
    Ok(show_facts(selected, &facts))
}

#[track_caller]
fn check(paths: &[&str], body: &str, expected: Result<&[&str], JsonErrorKind>) {
    let selected = select(Root::Document, paths);
    let actual = read(&selected, body.as_bytes()).map(|mut documents| {
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    });
    let expected = expected.map(|lines| lines.iter().map(|line| line.to_string()).collect());
    assert_eq!(actual, expected, "for `{body}`");
}

#[test]
fn only_selected_fields_are_kept() {
    let body = r#"{"method": "tools/call", "x": {"method": 1}, "params": {"name": "query", "arguments": {
        "table": "orders", "limit": 1e2, "deep": [[{"table": 1}]], "items": [{"amount": 5}, {"x": 1}, 7, {"amount": "z"}]}}}"#;
    check(
        &[
            "method",
            "params.name",
            "params.arguments",
            "params.arguments.table",
            "params.arguments.limit",
            "params.arguments.items",
            "params.arguments.items[].amount",
            "params.arguments.items[]",
            "params.arguments.deep[]",
            "params.missing",
            "method.name",
        ],
        body,
        Ok(&[
            "method = \"tools/call\"",
            "params.name = \"query\"",
            "params.arguments = object",
            "params.arguments.table = \"orders\"",
            "params.arguments.limit = 100",
            "params.arguments.items = array of 4",
            "params.arguments.items[].amount = [5, absent, absent, \"z\"]",
            "params.arguments.items[] = [object, object, 7, object]",
            "params.arguments.deep[] = [array of 1]",
        ]),
    );
}

#[test]
fn shapes() {
    check(&["", "a"], "1", Ok(&[" = 1"]));
    check(&["", "a"], "\"x\"", Ok(&[" = \"x\""]));
    check(&["", "a"], "[{\"a\":1}]", Ok(&[" = array of 1"]));
    check(&["", "a", "b"], r#"{"a":null,"b":""}"#, Ok(&[" = object", "a = null", "b = \"\""]));
    check(&["[].a"], r#"[{"a":true},2]"#, Ok(&["[].a = [true, absent]"]));
    check(&["a[]"], r#"{"a":[]}"#, Ok(&["a[] = []"]));
    check(&["a[]"], r#"{"a":{"b":1}}"#, Ok(&[]));
    check(&["a"], r#"{"a":[1,[2],{"a":3}]}"#, Ok(&["a = array of 3"]));
    check(&[], r#"{"a":1,"a":2}"#, Ok(&[]));
    check(&["a[]"], r#"{"a":[{"b":"\u0000"},["\u0000"]]}"#, Ok(&["a[] = [object, array of 1]"]));

    let nothing = select(Root::Document, &[]);
    let facts = extract(&nothing.selection, b"{}").unwrap();
    assert!(facts.document(0).is_some() && facts.document(1).is_none());
    assert_eq!((facts.shape(), facts.len(), facts.is_empty()), (Some(Shape::Object), 1, false));
}

#[test]
fn a_key_that_could_be_read_twice_is_refused() {
    use JsonErrorKind::{DuplicateKey, LookAlikeKey, NulCharacter};
    let paths = &["a.task", "a.pageSize", "items[].sk", "_id"];
    for (body, expected) in [
        (r#"{"a":{"task":1,"task":1}}"#, Err(DuplicateKey)),
        (r#"{"a":{"task":1},"a":{}}"#, Err(DuplicateKey)),
        (r#"{"a":1,"a":2}"#, Err(DuplicateKey)),
        (r#"{"a":1,"\u0061":2}"#, Err(DuplicateKey)),
        (r#"{"items":[{"sk":1,"sk":2}]}"#, Err(DuplicateKey)),
        (r#"{"A":1}"#, Err(LookAlikeKey)),
        (r#"{"a":{"TASK":1}}"#, Err(LookAlikeKey)),
        (r#"{"a":{"taſk":1}}"#, Err(LookAlikeKey)),
        ("{\"a\":{\"tas\u{212a}\":1}}", Err(LookAlikeKey)),
        (r#"{"a":{"page_size":1}}"#, Err(LookAlikeKey)),
        (r#"{"a":{"pagesize":1}}"#, Err(LookAlikeKey)),
        (r#"{"_ID":1}"#, Err(LookAlikeKey)),
        (r#"{"id":1}"#, Ok(())),
        (r#"{"a":{"task\u0000":1}}"#, Err(NulCharacter)),
        (r#"{"a":{"task":"x\u0000"}}"#, Err(NulCharacter)),
        (r#"{"a":{"other":"x\u0000","x":{"y\u0000":1}}}"#, Ok(())),
        (r#"{"x":1,"x":2,"a":{"y":1,"y":2,"z":{"task":1,"task":2}}}"#, Ok(())),
        (r#"{"items":[{"sk":1},{"sk":2}]}"#, Ok(())),
        (r#"{"a":{"a":{"a":1,"A":2}}}"#, Ok(())),
    ] {
        let selected = select(Root::Document, paths);
        assert_eq!(read(&selected, body.as_bytes()).map(drop), expected, "for `{body}`");
    }
    // Both spellings may be selected, by two tools; but not both be given.
    let both = &["userId", "user_id"];
    check(both, r#"{"userId":1}"#, Ok(&["userId = 1"]));
    check(both, r#"{"user_id":1}"#, Ok(&["user_id = 1"]));
    check(both, r#"{"userid":1}"#, Err(LookAlikeKey));
    check(both, r#"{"userId":1,"user_id":1}"#, Err(DuplicateKey));
}

#[test]
fn closed_objects_report_the_first_key_that_is_not_selected() {
    let paths = &["args.a", "args.b.c", "args!"];
    check(paths, r#"{"args":{"a":1,"b":{"x":1}},"x":1}"#, Ok(&["args.a = 1"]));
    check(paths, r#"{"args":{"a":1,"y":{},"z":1}}"#, Ok(&["args.a = 1", "args! has y"]));
    check(paths, r#"{"args":{"":1}}"#, Ok(&["args! has "]));
    check(paths, r#"{"args":null}"#, Ok(&[]));
    check(paths, r#"{"args":"a"}"#, Ok(&["args! has "]));
    check(paths, r#"{"args":[{"a":1}]}"#, Ok(&["args! has "]));
    check(&["args[+].a", "args!"], r#"{"args":[{"a":1}]}"#, Ok(&["args[+].a = 1", "args! has "]));
    check(
        &["all[+].data.a", "all[+].data!"],
        r#"{"all":[{"data":{"a":1}},{"data":{"b":1}},{"data":2}]}"#,
        Ok(&["all[+].data.a = 1", "all[+].data! has b"]),
    );
    check(&["args!"], r#"{"args":{"q":{"r":1}}}"#, Ok(&["args! has q"]));
    let long = "k".repeat(5000);
    let cut = format!("args! has {}", "k".repeat(3 * MAX_KEY_BYTES));
    check(&["args!"], &format!(r#"{{"args":{{"{long}":1}}}}"#), Ok(&[&cut]));
}

/// Whichever comes first, the closed object or what is inside of it.
#[test]
fn members_of_closed_objects_are_known_by_whether_they_are_there() {
    let body = br#"{"args":{"text":"long","deep":{"x":1},"kept":"short","other":1}}"#;
    for is_first in [true, false] {
        let mut builder = Selection::builder(Root::Document);
        let close = |builder: &mut SelectionBuilder| builder.closed(&steps("args")).unwrap();
        let mut closed = is_first.then(|| close(&mut builder));
        let text = builder.presence(&steps("args.text")).unwrap();
        let kept = builder.presence(&steps("args.kept")).unwrap();
        assert_eq!(builder.field(&steps("args.kept")), Ok(kept));
        builder.field(&steps("args.deep.x")).unwrap();
        builder.field(&steps("args.missing")).unwrap();
        let closed = *closed.get_or_insert_with(|| close(&mut builder));
        let selection = builder.build();
        let facts = extract(&selection, body).unwrap();
        let document = facts.document(0).unwrap();
        assert_eq!(document.value(text), Value::Unreadable(Unreadable::NotKept));
        assert_eq!(document.value(kept), Value::Text(b"short"));
        assert_eq!(document.unlisted(closed), Some(&b"other"[..]));
        assert_eq!(selection.members(closed).count(), 4);
        assert_eq!(selection.members(closed).filter(|member| document.has(*member)).count(), 3);
        assert!(!facts.arena.windows(4).any(|part| part == b"long"));
    }
}

#[test]
fn limits_make_a_value_unreadable_and_never_absent() {
    let text = "x".repeat(MAX_FIELD_BYTES);
    check(&["a"], &format!(r#"{{"a":"{text}"}}"#), Ok(&[&format!("a = \"{text}\"")]));
    check(&["a", "b"], &format!(r#"{{"a":"{text}x","b":1}}"#), Ok(&["a = field-too-long", "b = 1"]));
    check(&["a"], r#"{"a":1e99999}"#, Ok(&["a = field-number-out-of-range"]));

    let eight: Vec<_> = (0..9).map(|index| format!(r#""f{index}":"{text}""#)).collect();
    let selected = select(Root::Document, &["f0", "f7", "f8", "f1", "f2", "f3", "f4", "f5", "f6"]);
    let lines = read(&selected, format!("{{{}}}", eight.join(",")).as_bytes()).unwrap().remove(0);
    let unreadable: Vec<_> = lines.iter().filter(|line| line.ends_with("field-too-long")).collect();
    assert_eq!(unreadable, ["f8 = field-too-long"]);
    assert_eq!(MAX_FACT_BYTES / MAX_FIELD_BYTES, 8);

    let list = |length: usize| format!(r#"{{"a":[{}]}}"#, vec!["{\"b\":\"x\"}"; length].join(","));
    let full = format!("a[].b = [{}]", vec!["\"x\""; MAX_LIST].join(", "));
    check(&["a[].b"], &list(MAX_LIST), Ok(&[&full]));
    let length = format!("a = array of {}", MAX_LIST + 1);
    check(
        &["a[].b", "a[].c", "a"],
        &list(MAX_LIST + 1),
        Ok(&["a[].b = field-too-many", "a[].c = field-too-many", &length]),
    );

    let names: Vec<_> = (0..MAX_LIST_VALUES / MAX_LIST + 1).map(|index| format!("l{index}[]")).collect();
    let selected = select(Root::Document, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let lists: Vec<_> =
        (0..names.len()).map(|index| format!(r#""l{index}":[{}]"#, vec!["1"; MAX_LIST].join(","))).collect();
    let lines = read(&selected, format!("{{{}}}", lists.join(",")).as_bytes()).unwrap().remove(0);
    assert_eq!(lines.iter().filter(|line| line.ends_with("field-too-many")).count(), 1);
}

#[test]
fn what_a_reply_needs_is_read_in_spite_of_a_refusal() {
    let selected = select(Root::Batch, &["id", "a", "a.b"]);
    let many = vec!["{}"; MAX_BATCH].join(",");
    for (body, kind, expected) in [
        (r#"{"a":1,"a":2,"id":7}"#, JsonErrorKind::DuplicateKey, vec!["id = 7", "a = 1"]),
        (r#"{"A":1,"a":2,"id":"x"}"#, JsonErrorKind::LookAlikeKey, vec!["id = \"x\""]),
        (r#"{"a":"\u0000","id":7}"#, JsonErrorKind::NulCharacter, vec!["id = 7"]),
        (r#"{"a\u0000":1,"a":2,"id":7}"#, JsonErrorKind::NulCharacter, vec!["id = 7"]),
        (
            r#"{"a":{"b":1,"B":[{}]},"id":7}"#,
            JsonErrorKind::LookAlikeKey,
            vec!["id = 7", "a = object", "a.b = 1"],
        ),
        (r#"{"id":7,"id":8}"#, JsonErrorKind::DuplicateKey, vec!["id = 7"]),
        (r#"{"a":1,"a":2,"id":7,"#, JsonErrorKind::DuplicateKey, vec!["id = 7", "a = 1"]),
        (r#"{"a":1,"a":2} {"id":7}"#, JsonErrorKind::DuplicateKey, vec!["a = 1"]),
    ] {
        let mut extractor = Extractor::new(&selected.selection);
        let error = extractor.push(body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
        assert_eq!(show_facts(&selected, extractor.facts()), [expected], "{body}");
        assert_eq!(extractor.finish().map(drop), Err(error), "{body}");
    }
    let mut extractor = Extractor::new(&selected.selection);
    let body = format!(r#"[{many}, {{"id":1}}]"#);
    assert_eq!(extractor.push(body.as_bytes()).unwrap_err().kind(), JsonErrorKind::BatchTooLong);
    assert_eq!(extractor.facts().len(), MAX_BATCH);
}

#[test]
fn joined_elements_are_one_object() {
    let paths = &["parts[+].data.a", "parts[+].data.l[].b", "parts[+].data.l", "parts"][..];
    let parts = |parts: &str| format!(r#"{{"parts":[{parts}]}}"#);
    let one = r#"{"data":{"a":1}}"#;
    check(paths, &parts(one), Ok(&["parts[+].data.a = 1", "parts = array of 1"]));
    check(
        paths,
        &parts(&format!(r#"{{"text":"x"}}, 7, {one}, {{"data":{{"z":1}}}}, [1]"#)),
        Ok(&["parts[+].data.a = 1", "parts = array of 5"]),
    );
    check(
        paths,
        &parts(&[one, one].join(",")),
        Ok(&["parts[+].data.a = field-repeated", "parts = array of 2"]),
    );
    let nulls = r#"{"data":{"a":null}}"#;
    check(
        paths,
        &parts(&[nulls, nulls].join(",")),
        Ok(&["parts[+].data.a = field-repeated", "parts = array of 2"]),
    );
    // Beyond the elements of a list that are kept, a joined element still counts.
    let far = vec!["{}"; MAX_LIST + 5].join(",");
    let length = format!("parts = array of {}", MAX_LIST + 6);
    check(
        paths,
        &parts(&format!(r#"{far},{{"data":{{"a":"x"}}}}"#)),
        Ok(&["parts[+].data.a = \"x\"", &length]),
    );
    let list = |elements: &str| format!(r#"{{"data":{{"l":[{elements}]}}}}"#);
    check(
        paths,
        &parts(&list(r#"{"b":1},{"b":2}"#)),
        Ok(&["parts[+].data.l[].b = [1, 2]", "parts[+].data.l = array of 2", "parts = array of 1"]),
    );
    for (first, second) in
        [(r#"{"b":1}"#, r#"{"b":2},{"b":3}"#), (r#"{"b":1}"#, ""), (r#"{"b":1},{"b":2}"#, r#"{"b":3}"#)]
    {
        check(
            paths,
            &parts(&[list(first), list(second)].join(",")),
            Ok(&[
                "parts[+].data.l[].b = field-repeated",
                "parts[+].data.l = field-repeated",
                "parts = array of 2",
            ]),
        );
    }
    check(paths, &parts(r#"{"data":{"a":1,"a":2}}"#), Err(JsonErrorKind::DuplicateKey));
    check(paths, &parts(r#"{"data":{"a":1}},{"data":{"A":2}}"#), Err(JsonErrorKind::LookAlikeKey));
}

#[test]
fn batches() {
    let selected = select(Root::Batch, &["method", "params.name", "params!"]);
    let one = r#"{"method":"a","params":{"name":1}}"#;
    let show = |body: &str| {
        let facts = extract(&selected.selection, body.as_bytes()).map_err(|error| error.kind())?;
        Ok((facts.is_batch(), show_facts(&selected, &facts)))
    };
    let lines = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>();
    let first = lines(&["method = \"a\"", "params.name = 1"]);
    assert_eq!(show(one), Ok((false, vec![first.clone()])));
    assert_eq!(show("[]"), Ok((true, vec![])));
    assert_eq!(
        show(&format!(r#"[{one}, 7, [{one}], {{"params":{{"x":1}}}}, {one}]"#)),
        Ok((true, vec![first.clone(), vec![], vec![], lines(&["params! has x"]), first]))
    );
    assert_eq!(
        show(&format!("[{}]", vec!["1"; MAX_BATCH].join(","))).map(|(_, all)| all.len()),
        Ok(MAX_BATCH)
    );
    assert_eq!(show(&format!("[{}]", vec!["1"; MAX_BATCH + 1].join(","))), Err(JsonErrorKind::BatchTooLong));
    assert_eq!(show(r#"[{"method":1,"method":2}]"#), Err(JsonErrorKind::DuplicateKey));
}

#[test]
fn selections_are_bounded() {
    let mut builder = Selection::builder(Root::Document);
    assert_eq!(builder.field(&[Step::Elements, Step::Elements]), Err(SelectionError::NestedElements));
    assert_eq!(builder.field(&[Step::Joined]), Err(SelectionError::JoinedAndApart));
    assert_eq!(builder.field(&[Step::Key("a"); MAX_STEPS + 1]), Err(SelectionError::TooManySteps));
    assert_eq!(builder.field(&[Step::Key(&"a".repeat(MAX_KEY_BYTES + 1))]), Err(SelectionError::KeyTooLong));
    let a = builder.field(&[Step::Key("a")]);
    assert_eq!(builder.field(&[Step::Key("a")]), a);
    for index in 1..MAX_FIELDS {
        builder.field(&[Step::Key(&index.to_string())]).unwrap();
    }
    assert_eq!(builder.field(&[Step::Key("one more")]), Err(SelectionError::TooManyFields));
    assert_eq!(builder.field(&[Step::Key("a")]), a);
    let deep =
        |index: usize| -> Vec<String> { (0..MAX_STEPS).map(|step| format!("{index}/{step}")).collect() };
    let error = (0..).find_map(|index| {
        let keys = deep(index);
        builder.closed(&keys.iter().map(|key| Step::Key(key)).collect::<Vec<_>>()).err()
    });
    assert_eq!(error, Some(SelectionError::TooManyNodes));
}

#[test]
fn what_is_known_early_stays() {
    let selected = select(Root::Document, &["method", "params.name"]);
    let body = br#"{"method":"tools/call","params":{"name":"drop"}} "#;
    let mut extractor = Extractor::new(&selected.selection);
    let mut seen = vec![];
    for byte in body {
        let progress = extractor.push(&[*byte]).unwrap();
        let lines =
            extractor.facts().document(0).map(|document| show(&selected, &document)).unwrap_or_default();
        assert!(lines.starts_with(&seen), "{lines:?} after {seen:?}");
        assert_eq!(progress.values, lines.len());
        assert_eq!(progress.is_done, extractor.offset() >= body.len() - 1);
        seen = lines;
    }
    assert_eq!(seen.len(), 2);
}

/// What `document` says to these paths, worked out from a whole tree. The slow and obvious way.
fn oracle(paths: &[&str], document: &Tree) -> Option<Vec<String>> {
    let paths: Vec<_> = paths.iter().map(|path| (path, steps(path))).collect();
    let places: Vec<_> = paths.iter().map(|(path, steps)| (&steps[..], path.ends_with('!'))).collect();
    if ambiguous(&places, document) {
        return None;
    }
    let mut lines = vec![];
    for (path, steps) in paths.iter().filter(|(path, _)| !path.ends_with('!')) {
        let value = match steps.iter().position(|step| *step == Step::Elements) {
            None => follow(steps, document).map(describe),
            Some(at) => match follow(&steps[..at], document) {
                Some(Tree::Array(elements)) => {
                    let values = elements
                        .iter()
                        .map(|element| follow(&steps[at + 1..], element).map_or("absent".into(), describe));
                    Some(format!("[{}]", values.collect::<Vec<_>>().join(", ")))
                }
                _ => None,
            },
        };
        lines.extend(value.map(|value| format!("{path} = {value}")));
    }
    for (path, steps) in paths.iter().filter(|(path, _)| path.ends_with('!')) {
        let listed = |key: &String| {
            paths.iter().any(|(_, other)| {
                other.len() > steps.len() && other.starts_with(steps) && other[steps.len()] == Step::Key(key)
            })
        };
        match follow(steps, document) {
            Some(Tree::Object(members)) => {
                let unlisted = members.iter().find(|(key, _)| !listed(key));
                lines.extend(unlisted.map(|(key, _)| format!("{path} has {key}")));
            }
            None | Some(Tree::Null) => {}
            Some(_) => lines.push(format!("{path} has ")),
        }
    }
    Some(lines)
}

/// How many members of a closed object lead somewhere.
fn members(paths: &[&str], closed: &str, document: &Tree) -> usize {
    let steps_to = steps(closed);
    let leads = |key: &str| {
        paths.iter().any(|path| {
            let path = steps(path);
            path.starts_with(&steps_to) && path.get(steps_to.len()) == Some(&Step::Key(key))
        })
    };
    match follow(&steps_to, document) {
        Some(Tree::Object(members)) => members.iter().filter(|(key, _)| leads(key)).count(),
        _ => 0,
    }
}

fn follow<'t>(steps: &[Step<'_>], tree: &'t Tree) -> Option<&'t Tree> {
    match (steps.split_first(), tree) {
        (None, _) => Some(tree),
        (Some((Step::Key(key), rest)), Tree::Object(members)) => {
            follow(rest, &members.iter().find(|member| member.0 == *key)?.1)
        }
        _ => None,
    }
}

fn describe(tree: &Tree) -> String {
    match tree {
        Tree::Null => "null".into(),
        Tree::Bool(value) => value.to_string(),
        Tree::Number(Ok(number)) => number.to_string(),
        Tree::Number(Err(_)) => "field-number-out-of-range".into(),
        Tree::Text(text) => format!("{text:?}"),
        Tree::Array(elements) => format!("array of {}", elements.len()),
        Tree::Object(_) => "object".into(),
    }
}

/// Whether readers may disagree about what `tree` has at one of these places.
///
/// A place is the steps that are left to it, and whether it is an object to be closed and no field.
fn ambiguous(places: &[(&[Step<'_>], bool)], tree: &Tree) -> bool {
    let after = |step: &Step<'_>| -> Vec<(&[Step<'_>], bool)> {
        let inside = places.iter().filter(|(path, _)| path.first() == Some(step));
        inside.map(|(path, is_closed)| (&path[1..], *is_closed)).collect()
    };
    match tree {
        Tree::Text(text) => {
            places.iter().any(|(path, is_closed)| path.is_empty() && !is_closed) && text.contains('\0')
        }
        Tree::Array(elements) => {
            let inner = after(&Step::Elements);
            elements.iter().any(|element| ambiguous(&inner, element))
        }
        Tree::Object(members) => {
            let keys: Vec<&str> = places
                .iter()
                .filter_map(|(path, _)| match path.first() {
                    Some(Step::Key(key)) => Some(*key),
                    _ => None,
                })
                .collect();
            let alike = |a: &str, b: &str| {
                let form = |key: &str| {
                    let (first, rest) = key.split_at(usize::from(key.starts_with('_')));
                    format!("{first}{}", rest.replace('_', "")).to_lowercase()
                };
                form(a) == form(b)
            };
            let relevant: Vec<_> =
                members.iter().filter(|(key, _)| keys.iter().any(|selected| alike(key, selected))).collect();
            let repeated = relevant
                .iter()
                .enumerate()
                .any(|(index, (key, _))| relevant[..index].iter().any(|(other, _)| alike(key, other)));
            let only_resembles = relevant.iter().any(|(key, _)| !keys.contains(&key.as_str()));
            let is_closed = places.iter().any(|(path, is_closed)| path.is_empty() && *is_closed);
            let nul = (is_closed || !keys.is_empty()) && members.iter().any(|(key, _)| key.contains('\0'));
            repeated
                || only_resembles
                || nul
                || members.iter().any(|(key, value)| ambiguous(&after(&Step::Key(key)), value))
        }
        _ => false,
    }
}

const KEYS: &[&str] = &["a", "a", "b", "c", "c", "d_e", "A", "dE", "\\u0061"];

fn selections() -> impl Strategy<Value = Vec<&'static str>> {
    let paths = vec![
        "", "a", "b", "c", "d_e", "a.a", "a.b", "a.c", "b.a", "c.a.b", "c.c", "a[]", "a[].a", "a[].c.b",
        "b[].a", "c[]", "c[].d_e", "[]", "[].a", "[].a.c", "a!", "a.a!", "!",
    ];
    prop::sample::subsequence(paths, 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn reads_what_a_tree_says(paths in selections(), text in damaged(KEYS)) {
        let selected = select(Root::Document, &paths);
        let actual = read(&selected, &text);
        match parse(&text) {
            Ok(tree) => match oracle(&paths, &tree) {
                Some(lines) => {
                    prop_assert_eq!(actual, Ok(vec![lines]));
                    let facts = extract(&selected.selection, &text).unwrap();
                    let document = facts.document(0).unwrap();
                    for (path, closed) in &selected.closed {
                        let there = selected.selection.members(*closed).filter(|member| document.has(*member));
                        prop_assert_eq!(there.count(), members(&paths, path, &tree));
                    }
                }
                None => prop_assert!(actual.is_err(), "{:?}", actual),
            },
            Err(error) => {
                // A refusal by the collector may come first.
                let kind = actual.unwrap_err();
                prop_assert!(kind == error.kind() || crate::json::tests::published().contains(&kind.word()));
            }
        }
    }

    #[test]
    fn batches_are_read_one_by_one(paths in selections(), texts in prop::collection::vec(damaged(KEYS), 0..4)) {
        let batch = select(Root::Batch, &paths);
        let single = select(Root::Document, &paths);
        let all: Result<Vec<_>, _> = texts.iter().map(|text| read(&single, text).map(|mut all| all.remove(0))).collect();
        let body = [&b"["[..], &texts.join(&b","[..]), b"]"].concat();
        if let Ok(all) = all {
            prop_assert_eq!(read(&batch, &body), Ok(all));
        }
    }

    #[test]
    fn cuts_make_no_difference(paths in selections(), text in damaged(KEYS), cuts in cuts()) {
        let selected = select(Root::Batch, &paths);
        let read = |pieces: &[&[u8]]| {
            let mut extractor = Extractor::new(&selected.selection);
            for piece in pieces {
                let pushed = extractor.push(piece).err();
                assert_eq!(pushed, extractor.refused());
            }
            // What is there of a body that is refused is the same too.
            let early = show_facts(&selected, extractor.facts());
            let facts = extractor.finish().map_err(|error| error.kind());
            (early, facts.map(|facts| show_facts(&selected, &facts)))
        };
        let whole = read(&[&text]);
        for pieces in [cut(&text, &cuts), text.chunks(1).collect()] {
            prop_assert_eq!(&read(&pieces), &whole);
        }
    }
}
