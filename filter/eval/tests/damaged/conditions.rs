//! Any well-typed condition over the world, as assembly text.

use proptest::prelude::*;

/// A condition. Numbers choose among what there is where they stand.
#[derive(Clone, Debug)]
pub enum Tree {
    Leaf(usize),
    OfValue(usize, usize),
    OfValues(usize, usize, usize),
    Not(Box<Tree>),
    Join(usize, Box<Tree>, Box<Tree>),
    Quantifier(usize, Box<Tree>),
}

const VALUES: [&str; 12] = [
    "field 0",
    "field 1",
    "field 2",
    "field 3",
    "field 9",
    "literal 3",
    "literal 8",
    "depth",
    "minute",
    "weekday",
    "field 1, size",
    "count 4",
];
const LEAVES: [&str; 8] =
    ["true", "false", "has 0", "has 4", "chain-has 1", "origin-in 0", "caller-in 1", "under-mission 0"];
const OF_VALUE: [&str; 7] =
    ["truth", "in-set 0", "in-set 1", "in-list 4", "in-list 7", "matches 2", "in-network 0"];
const OF_VALUES: [&str; 9] = [
    "equal",
    "not-equal",
    "less",
    "less-or-equal",
    "greater",
    "greater-or-equal",
    "starts-with",
    "ends-with",
    "contains",
];

pub fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<usize>().prop_map(Tree::Leaf),
        any::<(usize, usize)>().prop_map(|(test, value)| Tree::OfValue(test, value)),
        any::<(usize, usize, usize)>().prop_map(|(test, left, right)| Tree::OfValues(test, left, right)),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let joined = (0_usize..4, inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|inner| Tree::Not(Box::new(inner))),
            joined.prop_map(|(how, left, right)| Tree::Join(how, Box::new(left), Box::new(right))),
            (0_usize..4, inner).prop_map(|(which, body)| Tree::Quantifier(which, Box::new(body))),
        ]
    })
}

impl Tree {
    /// The text.
    pub fn listing(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, &[], &mut 0);
        text
    }

    /// `within` are the lists of the quantifiers around it.
    fn write(&self, text: &mut String, within: &[usize], labels: &mut usize) {
        let elements: &[&str] = match within.last() {
            Some(0) => &["element 5", "element 6"],
            Some(_) => &["element 8"],
            None => &[],
        };
        let value = |choice: &usize| {
            let choice = choice % (VALUES.len() + 4 * elements.len());
            VALUES.get(choice).copied().unwrap_or_else(|| elements[choice % elements.len()])
        };
        match self {
            Self::Leaf(choice) if *choice % 4 == 0 && !elements.is_empty() => {
                text.push_str(&elements[0].replace("element", "has-element"));
            }
            Self::Leaf(choice) => text.push_str(LEAVES[choice % LEAVES.len()]),
            Self::OfValue(test, of) => {
                text.push_str(&format!("{}, {}", value(of), OF_VALUE[test % OF_VALUE.len()]));
            }
            Self::OfValues(test, left, right) => {
                let test = OF_VALUES[test % OF_VALUES.len()];
                text.push_str(&format!("{}, {}, {test}", value(left), value(right)));
            }
            Self::Not(inner) => {
                inner.write(text, within, labels);
                text.push_str(", not");
            }
            Self::Join(how, left, right) => {
                let join = if how % 2 == 0 { "and" } else { "or" };
                left.write(text, within, labels);
                if how / 2 == 0 {
                    text.push_str(", ");
                    right.write(text, within, labels);
                    text.push_str(&format!(", {join}"));
                } else {
                    *labels += 1;
                    let label = format!("l{labels}");
                    let skip = if join == "and" { "skip-if-false" } else { "skip-if-true" };
                    text.push_str(&format!(", {skip} {label}, "));
                    right.write(text, within, labels);
                    text.push_str(&format!(", {join}, {label}:"));
                }
            }
            // Nested deeper than may be, only the body is left.
            Self::Quantifier(_, body) if within.len() == 2 => body.write(text, within, labels),
            Self::Quantifier(which, body) => {
                let list = which % 2;
                let opcode = if which / 2 == 0 { "all" } else { "exists" };
                text.push_str(&format!("{opcode} {} {{, ", [4, 7][list]));
                body.write(text, &[within, &[list]].concat(), labels);
                text.push_str(", }");
            }
        }
    }
}
