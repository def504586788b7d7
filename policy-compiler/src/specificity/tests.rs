use super::*;

fn http(methods: &[&str], path: &str) -> Selector {
    let segments = path
        .split('/')
        .skip(1)
        .filter(|segment| !segment.is_empty())
        .map(|segment| match segment {
            "*" => Segment::One(None),
            "**" => Segment::Rest,
            literal => Segment::Literal(literal.to_owned()),
        })
        .collect();
    Selector::Http {
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        path: PathPattern { segments },
    }
}

/// `order` is from the most specific to the least, and every two of them differ.
fn check(order: &[Selector]) {
    for pair in order.windows(2) {
        assert!(rank(&pair[0]) < rank(&pair[1]), "{:?} before {:?}", pair[0], pair[1]);
    }
}

#[test]
fn http_is_compared_from_the_left_then_by_method() {
    check(&[
        http(&["GET"], "/a/b"),
        http(&[], "/a/b"),
        http(&["GET"], "/a/b/**"),
        http(&["GET"], "/a/*"),
        http(&[], "/a/*"),
        http(&[], "/a/*/**"),
        http(&["GET"], "/a"),
        http(&["GET"], "/a/**"),
        http(&["GET"], "/*/b"),
        http(&["GET"], "/"),
        http(&["GET"], "/**"),
        http(&[], "/**"),
    ]);
}

#[test]
fn keys_are_compared_by_exactness_then_by_literal_bytes() {
    check(&[
        Selector::Key("a".into()),
        Selector::Key("tools/call:rows.*".into()),
        Selector::Key("tools/call:*.md".into()),
        Selector::Key("tools/call:*".into()),
        Selector::Key("*".into()),
    ]);
}

#[test]
fn equal_ranks_are_left_to_the_order_of_declaration() {
    assert_eq!(rank(&http(&["GET"], "/a/*")), rank(&http(&["GET", "PUT"], "/b/*")));
    assert_eq!(rank(&Selector::Key("ab*".into())), rank(&Selector::Key("*ab".into())));
}
