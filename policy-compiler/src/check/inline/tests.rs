use proptest::prelude::*;

use super::*;
use crate::model::Segment;

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        3 => prop_oneof![Just("a"), Just("b")].prop_map(|text| Segment::Literal(text.into())),
        1 => Just(Segment::One(None)),
    ]
}

fn methods() -> impl Strategy<Value = Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    prop_oneof![Just(words(&[])), Just(words(&["GET"])), Just(words(&["PUT"])), Just(words(&["GET", "PUT"]))]
}

fn path() -> impl Strategy<Value = PathPattern> {
    (prop::collection::vec(segment(), 0..3), any::<bool>()).prop_map(|(mut segments, rest)| {
        if rest {
            segments.push(Segment::Rest);
        }
        PathPattern { segments }
    })
}

/// Declared actions of which no two are the same requests.
fn declared() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec((methods(), path()), 0..4).prop_map(|selectors| {
        let mut actions: Vec<Action> = Vec::new();
        for (methods, path) in selectors {
            let key = super::path::print(&path);
            let clashes = actions.iter().any(|action| match &action.selector {
                Selector::Http { methods: other, path } => {
                    super::path::print(path) == key
                        && (other.is_empty() && methods.is_empty()
                            || other.iter().any(|m| methods.contains(m)))
                }
                Selector::Key(_) => false,
            });
            if !clashes {
                let selector = Selector::Http { methods, path };
                actions.push(Action {
                    name: key,
                    selector,
                    effects: EffectSet(0),
                    arguments: None,
                    span: Span::default(),
                });
            }
        }
        actions
    })
}

/// The action of a request: the least by rank, then the first.
fn winner(actions: &[Action], request: &Requests) -> Option<u32> {
    (0..)
        .zip(actions)
        .filter(|(_, action)| Requests::of(&action.selector).iter().any(|outer| outer.contains(request)))
        .min_by_key(|(index, action)| (rank(&action.selector), *index))
        .map(|(index, _)| index)
}

fn samples() -> Vec<Requests> {
    let mut all = Vec::new();
    for method in ["GET", "PUT", "POST"] {
        for path in ["", "a", "b", "c", "a/a", "a/b", "b/a", "b/c", "c/a", "a/b/a", "b/b/c"] {
            let literal = |text: &str| Segment::Literal(text.to_owned());
            let segments = path.split('/').filter(|part| !part.is_empty()).map(literal).collect();
            all.push(Requests { method: Some(method.to_owned()), path: PathPattern { segments } });
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inline_patterns_cover_their_requests_and_change_nothing_else(
        before in declared(),
        inline in prop::collection::vec((prop::option::of(prop_oneof![Just("GET"), Just("PUT")]), path()), 1..4),
    ) {
        let inline: Vec<Requests> = inline
            .into_iter()
            .map(|(method, path)| Requests { method: method.map(str::to_owned), path })
            .collect();
        let mut after = before.clone();
        let wanted: Vec<Wanted> = inline
            .iter()
            .map(|one| Wanted { requests: one.clone(), effects: EffectSet(0), span: Span::default() })
            .collect();
        let mut diagnostics = Diagnostics::new();
        let refinement = refine(&mut after, &wanted, &mut diagnostics);
        prop_assert!(!diagnostics.has_errors());
        let shift = u32::try_from(after.len() - before.len()).unwrap();
        for request in samples() {
            let now = winner(&after, &request);
            // A rule on a declared action covers it, and what refines it: the same requests as before.
            let was = winner(&before, &request).map(|index| index + shift);
            for place in 0..u32::try_from(before.len()).unwrap() {
                let place = place + shift;
                let covers = now.is_some_and(|now| {
                    now == place || refinement.of_declared.get(&place).is_some_and(|list| list.contains(&now))
                });
                prop_assert_eq!(covers, was == Some(place), "{:?} of {:?}", request, after);
            }
            // An inline rule covers exactly the requests of its pattern.
            for one in &inline {
                let covers = now.is_some_and(|now| refinement.within(one).contains(&now));
                prop_assert_eq!(covers, one.contains(&request), "{:?} in {:?} of {:?}", request, one, after);
            }
        }
    }
}
