use super::*;
use crate::generate::large::{Size, large, workload};
use crate::model::{Identity, Mode};

const SIZE: Size = Size { agents: 40, grants: 2, services: 4, actions: 4, conditions: 0 };

/// The names of the agents that the slice of service 0 keeps without bystanders, other than its holders, after
/// `change` was made to the first agent that holds nothing there and to the first that does.
fn kept_besides(change: impl Fn(&mut Agent, &mut Agent)) -> Vec<String> {
    let mut policy = large(SIZE);
    let (holders, others) = policy.agents.split_at_mut(1);
    change(&mut others[0], &mut holders[0]);
    let kept = slice(&policy, &workload(0), 0).policy.agents;
    kept.into_iter().filter(|agent| agent.grants.is_empty()).map(|agent| agent.name).collect()
}

#[test]
fn it_keeps_holders_only() {
    assert_eq!(kept_besides(|_, _| {}), Vec::<String>::new());
    let slice = slice(&large(SIZE), &workload(0), 0);
    assert_eq!(
        (slice.policy.agents.len(), slice.policy.rules.len(), slice.policy.services.len()),
        (10, 20, 1)
    );
    assert_eq!(super::slice(&large(SIZE), &workload(0), 40).policy.agents.len(), 40);
}

/// Dropped, such an agent would hand its principals over to a holder, or change what is enforced.
#[test]
fn it_keeps_who_would_be_missed() {
    let path = |path: &str| Identity::Path(path.to_owned());
    let id = |path: &str| Identity::Id { trust_domain: "cluster.local".into(), path: path.to_owned() };
    let namespace = |name: &str| Identity::Namespace(name.to_owned());
    let pattern = |text: &str| Identity::Pattern(text.to_owned());
    let kept = |other: &Identity, holder: &Identity| {
        let besides = kept_besides(|of_other, of_holder| {
            of_other.identities = vec![other.clone()];
            of_holder.identities = vec![holder.clone()];
        });
        assert!(besides.is_empty() || besides == ["agent-1"], "{besides:?}");
        !besides.is_empty()
    };
    assert!(kept(&path("/ns/a/sa/b"), &namespace("a")));
    assert!(!kept(&path("/ns/a/sa/b"), &namespace("b")));
    assert!(kept(&path("/ns/a/sa/b"), &id("/ns/a/sa/b")));
    assert!(kept(&path("/ns/a/sa/b"), &pattern("/ns/a/sa/*")));
    assert!(!kept(&path("/ns/a/sa/b"), &pattern("/ns/b/sa/*")));
    assert!(kept(&id("/ns/a/sa/b"), &namespace("a")));
    assert!(kept(&namespace("a"), &pattern("/ns/*/sa/b")));
    assert!(!kept(&namespace("a"), &path("/ns/a/sa/b")));
    assert!(!kept(&pattern("/ns/*/sa/b"), &namespace("a")));
    assert_eq!(kept_besides(|other, _| other.revoked = true), ["agent-1"]);
    assert_eq!(kept_besides(|other, _| other.mode = Some(Mode::Enforce)), ["agent-1"]);
}

#[test]
fn conditions_on_who_is_left_out_are_settled() {
    let condition = |condition| {
        let mut policy = large(SIZE);
        policy.rules[0].when = Some(condition);
        slice(&policy, &workload(0), 0).policy.rules[0].when.clone()
    };
    use crate::model::Condition;
    let (kept, dropped) = (AgentId(4), AgentId(1));
    assert_eq!(condition(Condition::ChainHas(kept)), Some(Condition::ChainHas(AgentId(1))));
    assert_eq!(condition(Condition::ChainHas(dropped)), Some(Condition::Constant(false)));
    assert_eq!(condition(Condition::OriginIn(vec![dropped])), Some(Condition::Constant(false)));
    assert_eq!(
        condition(Condition::CallerIn(vec![dropped, kept])),
        Some(Condition::CallerIn(vec![AgentId(1)]))
    );
}
