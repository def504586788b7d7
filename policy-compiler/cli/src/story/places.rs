//! Where the policy says what decided.

use ambit_compiler::diagnostics::Label;
use ambit_compiler::model::{Action, EffectSet, Policy, Rule, Through};
use ambit_compiler::source::Span;
use ambit_eval::{Code, Consideration, Hop, Truth, Verdict};

use super::Story;

/// The most rules of one holder that are shown.
const MAX_RULES: usize = 4;

pub(super) fn places(story: &Story<'_>) -> Vec<Label> {
    let Some(verdict) = &story.verdict else { return Vec::new() };
    let mut places = Vec::new();
    match verdict.code {
        Code::Allowed => allowed(story, verdict, &mut places),
        Code::ExplicitlyDenied => {
            let rule = verdict.rule.and_then(|number| story.sidecar.rule(story.loaded, number));
            if let Some((_, rule)) = rule {
                let who = verdict.hop.map_or("?", |hop| story.holder(hop));
                places.push(label(rule.span, format!("this denies it to `{who}`")));
            }
        }
        Code::NotGranted => {
            declared(story, verdict, "holds no grant of it", &mut places);
            action(story, "what is asked", &mut places);
        }
        Code::NotGrantedThisWay | Code::ConditionNotMet => refused(story, verdict, &mut places),
        Code::EffectCeiling => {
            let ceiling = format!("may only {}", ceiling(story, verdict));
            declared(story, verdict, &ceiling, &mut places);
            if let Some((found, policy)) = found_action(story) {
                let effects = effects(policy, found.effects);
                places.push(label(found.span, format!("what is asked has the effects {effects}")));
            }
        }
        Code::ArgumentUnlisted => {
            action(story, "lists its arguments, and the request has others", &mut places)
        }
        Code::DelegationNotPermitted => {
            let next = match verdict.hop {
                Some(Hop::Member(place)) => story.holder(Hop::Member(place.saturating_add(1))),
                _ => "the caller",
            };
            declared(story, verdict, &format!("may not hand work to `{next}`"), &mut places);
        }
        Code::MayNotOriginate => declared(story, verdict, "may not begin work of its own", &mut places),
        Code::MemberRevoked => declared(story, verdict, "is revoked", &mut places),
        Code::Cycle => declared(story, verdict, "comes twice in the lineage", &mut places),
        Code::DepthExceeded => declared(story, verdict, "has too many after it", &mut places),
        Code::MissionRequired => declared(story, verdict, "acts only under a mission", &mut places),
        Code::MissionNotPermitted => declared(story, verdict, "may not act under this mission", &mut places),
        Code::MissionExpired => declared(story, verdict, "is over", &mut places),
        _ => {}
    }
    places
}

fn label(span: Span, text: impl Into<String>) -> Label {
    Label { span, text: text.into() }
}

/// Where who limits the request is declared.
fn declared(story: &Story<'_>, verdict: &Verdict, what: &str, places: &mut Vec<Label>) {
    let Some(hop) = verdict.hop else { return };
    let span = match hop {
        Hop::Member(place) => {
            story.members.get(usize::from(place)).and_then(|member| member.agent).map(|agent| agent.span)
        }
        Hop::Mission(place) => story
            .missions
            .get(usize::from(place))
            .and_then(|(_, mission)| *mission)
            .map(|mission| mission.span),
    };
    places.extend(span.map(|span| label(span, format!("`{}` {what}", story.holder(hop)))));
}

/// The action that is asked for.
fn found_action<'s>(story: &Story<'s>) -> Option<(&'s Action, &'s Policy)> {
    let policy = story.sidecar.model(story.loaded);
    let (service, action) = story.record.action.as_deref()?.split_once('/')?;
    let service = policy.services.iter().find(|found| found.name == service)?;
    Some((service.actions.iter().find(|found| found.name == action)?, policy))
}

fn action(story: &Story<'_>, what: &str, places: &mut Vec<Label>) {
    places.extend(found_action(story).map(|(action, _)| label(action.span, what)));
}

/// The grant by which each member agrees, the caller's first.
fn allowed(story: &Story<'_>, verdict: &Verdict, places: &mut Vec<Label>) {
    for one in story.agreeing() {
        let Some((_, rule)) = story.sidecar.rule(story.loaded, one.rule) else { continue };
        let place = label(rule.span, format!("grants it to `{}`", story.holder(one.hop)));
        if Some(one.rule) == verdict.rule { places.insert(0, place) } else { places.push(place) }
    }
}

/// The grants of who limits the request, and why each does not do.
fn refused(story: &Story<'_>, verdict: &Verdict, places: &mut Vec<Label>) {
    let of_holder = |one: &&Consideration| one.grants && Some(one.hop) == verdict.hop;
    for one in story.considerations.iter().filter(of_holder).take(MAX_RULES) {
        let Some((_, rule)) = story.sidecar.rule(story.loaded, one.rule) else { continue };
        let holder = story.holder(one.hop);
        places.push(if !one.reaches {
            label(part(story, rule, &["through:", "direct:"]), not_this_way(story, rule, one.hop, holder))
        } else {
            let why = match one.truth {
                Truth::False => "is not so",
                Truth::Unknown if one.is_open => "hangs on what the record does not have",
                _ => "cannot be told of this request, which grants nothing",
            };
            label(part(story, rule, &["when:"]), format!("`{holder}`: this {why}"))
        });
    }
}

/// Who may come between, and who does.
fn not_this_way(story: &Story<'_>, rule: &Rule, hop: Hop, holder: &str) -> String {
    let Hop::Member(place) = hop else { return format!("`{holder}` may not use it this way") };
    let after: Vec<&str> =
        story.members.iter().skip(usize::from(place).saturating_add(1)).map(super::Member::name).collect();
    if after.is_empty() {
        return format!("`{holder}` may cause it through others, and not ask for it itself");
    }
    let after = after.join(", ");
    match &rule.reach.through {
        Through::Nobody => format!("`{holder}` may only ask for it itself, and `{after}` does"),
        _ => format!("`{holder}` may not cause it through {after}"),
    }
}

/// The part of a rule that begins with one of some words, or all of it.
fn part(story: &Story<'_>, rule: &Rule, words: &[&str]) -> Span {
    let text = story.loaded.sources.text(rule.span);
    let found = words.iter().filter_map(|word| text.find(word)).min();
    let start = found.and_then(|start| rule.span.start.checked_add(u32::try_from(start).ok()?));
    Span { start: start.unwrap_or(rule.span.start), ..rule.span }
}

fn ceiling(story: &Story<'_>, verdict: &Verdict) -> String {
    let set = match verdict.hop {
        Some(Hop::Member(place)) => {
            story.members.get(usize::from(place)).and_then(|member| member.agent?.ceiling)
        }
        Some(Hop::Mission(place)) => {
            story.missions.get(usize::from(place)).and_then(|(_, mission)| mission.as_ref()?.ceiling)
        }
        None => None,
    };
    set.map_or_else(String::new, |set| effects(story.sidecar.model(story.loaded), set))
}

/// `read, money`
pub(super) fn effects(policy: &Policy, set: EffectSet) -> String {
    let names =
        policy.effects.iter().zip(0_u32..).filter(|(_, bit)| set.0.checked_shr(*bit).unwrap_or(0) & 1 == 1);
    let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { String::from("nothing") } else { names.join(", ") }
}
