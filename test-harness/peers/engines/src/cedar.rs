//! Cedar. The widest step that its language offers is to keep with each tool who may use it, so that one policy and one
//! `containsAll` decide a whole lineage; a policy for each grant would be asked one by one.

use std::collections::{HashMap, HashSet};

use std::hint::black_box;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};

use crate::Engine;
use crate::workload::{ACTIONS, Workload, tool};

const POLICY: &str =
    "permit(principal, action, resource) when { resource.holders.containsAll(context.chain) };";

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

impl Cedar {
    pub(crate) fn new(workload: &Workload) -> Self {
        let tools = (0..ACTIONS).map(|action| {
            let holders = workload.agents.iter().filter(|(_, held)| held.contains(&action));
            let holders = RestrictedExpression::new_set(holders.map(|(id, _)| agent(id)));
            let attributes = HashMap::from([("holders".to_owned(), holders)]);
            Entity::new(uid("Tool", &tool(action)), attributes, HashSet::new()).expect("an entity")
        });
        let requests = workload.requests.iter().map(|request| {
            let chain = RestrictedExpression::new_set(workload.members(request).map(agent));
            let caller = workload.members(request).last().expect("a caller");
            let context = Context::from_pairs([("chain".to_owned(), chain)]).expect("a context");
            let resource = uid("Tool", &tool(request.action));
            Request::new(uid("Agent", caller), uid("Action", "call"), resource, context, None)
                .expect("a request")
        });
        Self {
            authorizer: Authorizer::new(),
            policies: POLICY.parse().expect("a policy"),
            entities: Entities::from_entities(tools, None).expect("entities"),
            requests: requests.collect(),
        }
    }
}

impl Engine for Cedar {
    fn decide(&mut self, request: usize, times: u32) -> bool {
        let asked = &self.requests[request];
        (0..times).fold(false, |_, _| {
            let answer = self.authorizer.is_authorized(black_box(asked), &self.policies, &self.entities);
            answer.decision() == Decision::Allow
        })
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().expect("a type"), id.parse().expect("an id"))
}

fn agent(id: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid("Agent", id))
}
