use super::*;

#[track_caller]
fn check(before: &str, after: &str) {
    let formatted = format(before);
    assert_eq!(
        formatted.as_deref(),
        Ok(after),
        "\n--- formatted\n{}---",
        formatted.as_deref().unwrap_or("?")
    );
    assert_eq!(format(after).as_deref(), Ok(after), "formatting again changes something");
}

#[test]
fn ends_of_lines_and_blank_lines() {
    check("a: 1  \n\n\n\nb: 'x'   # c  \n\n", "a: 1\n\nb: 'x'   # c\n");
    check("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n");
    check("\u{feff}\n\na: 1", "a: 1\n");
    check("", "");
    check("- \t", "-\n");
    check("# only a comment", "# only a comment\n");
    check("---   # one\n\na: 1\n\n---\t\n\n\n# two\nb: 2\n...\n", "--- # one\na: 1\n---\n# two\nb: 2\n...\n");
}

#[test]
fn blocks_are_indented_by_two() {
    check(
        "a:\n    b:\n        - c: 1\n          d: 2\n        # about e\n        - e\n    f: g\nh:\n- 1\n- 2\ni: j\n",
        "a:\n  b:\n    - c: 1\n      d: 2\n    # about e\n    - e\n  f: g\nh:\n  - 1\n  - 2\ni: j\n",
    );
    check(
        "a:\n-   b: 1\n    c:\n    -  - 2\n       - 3\n",
        "a:\n  - b: 1\n    c:\n      - - 2\n        - 3\n",
    );
    check("a:\n b:\n - [c]\n\n\n -  - d\n", "a:\n  b:\n    - [c]\n\n    - - d\n");
    check("a:\n -\n    b: 1\n -   # empty\n", "a:\n  -\n    b: 1\n  -   # empty\n");
    check("a:\n     {b: 1}\nc:\n    'd'\n", "a:\n  {b: 1}\nc:\n  'd'\n");
}

#[test]
fn comments_stay_with_what_they_are_about() {
    check(
        "# top\na:\n        # about b\n        b: 1\n        # about a's end\n# about c\nc: 1\n    # odd\n",
        "# top\na:\n  # about b\n  b: 1\n  # about a's end\n# about c\nc: 1\n# odd\n",
    );
    check("a:\n- 1\n# about 2\n- 2\n# about b\nb: 1\n", "a:\n  - 1\n  # about 2\n  - 2\n# about b\nb: 1\n");
    check("a:\n    b: 1\n    # last\n---\nc: 1\n", "a:\n  b: 1\n  # last\n---\nc: 1\n");
}

#[test]
fn what_goes_on_over_several_lines_is_moved_as_a_whole() {
    check(
        "a:\n    b: |\n        x  \n\n          y\n    # c\n    d: 1\n",
        "a:\n  b: |\n      x  \n\n        y\n  # c\n  d: 1\n",
    );
    check(
        "a: |+\n  x  \n\n\nb: >-\n    # no comment\n    y\n\n\nc: 1\n",
        "a: |+\n  x  \n\n\nb: >-\n    # no comment\n    y\n\nc: 1\n",
    );
    check("a:\n-   |\n  x\n", "a:\n  - |\n    x\n");
    check("a:\n-   - |2\n       x\n      y\n", "a:\n  - - |2\n       x\n      y\n");
    check("a: |\n  x", "a: |\n  x\n");
    check(
        "a:\n    b: |\n    c: >-  # none\n    d: |\n\n       e\n",
        "a:\n  b: |\n  c: >-  # none\n  d: |\n\n     e\n",
    );
    check("a: \"x  \n\n\n  y\"  \n", "a: \"x  \n\n\n  y\"\n");
    check(
        "a:\n    - {b: 1,   # one\n       c: [2,  \n            3]}\n",
        "a:\n  - {b: 1,   # one\n     c: [2,\n          3]}\n",
    );
    check("a: [1,\n   \n    2]\n", "a: [1,\n\n    2]\n");
    check("a:\n    b: x\n      y # z\n    c: 1\n", "a:\n  b: x\n    y # z\n  c: 1\n");
}

#[test]
fn outermost_fields_are_in_order() {
    check(
        "# top\nspec:\n  # inside\n  a: |\n    x\n\nmetadata: {name: b}\nkind: C\n'apiVersion': d\n---\nkind: C\napiVersion: d\n",
        "# top\n'apiVersion': d\nkind: C\nmetadata: {name: b}\nspec:\n  # inside\n  a: |\n    x\n---\napiVersion: d\nkind: C\n",
    );
    // Whose comment this is cannot be told.
    check("kind: C\n# about which?\napiVersion: d\n", "kind: C\n# about which?\napiVersion: d\n");
    check("a:\n  spec: 1\n  kind: 2\n", "a:\n  spec: 1\n  kind: 2\n");
}

#[test]
fn what_is_not_understood_is_refused() {
    for (text, error) in [
        ("a: b: c", FormatError::NotYaml),
        ("a: &x 1", FormatError::NotYaml),
        ("a: [", FormatError::NotYaml),
        ("? a\n: b\n", FormatError::Unsure),
        // A text that would come to be a mark.
        (" ---", FormatError::Unsure),
    ] {
        assert_eq!(format(text), Err(error), "{text}");
    }
}
