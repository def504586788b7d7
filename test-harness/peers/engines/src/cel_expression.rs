//! The Common Expression Language, with the grants as a variable.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use cel::objects::Key;
use cel::{Context, Program, Value};

use crate::Engine;
use crate::workload::{Workload, tool};

const POLICY: &str = "chain.all(member, action in grants[member])";

pub(crate) struct Cel {
    program: Program,
    grants: Context<'static, 'static>,
    requests: Vec<(Value, Value)>,
}

impl Cel {
    pub(crate) fn new(workload: &Workload) -> Self {
        let text = |text: &str| Arc::new(text.to_owned());
        let grants: HashMap<Key, Value> = workload
            .agents
            .iter()
            .map(|(id, held)| {
                let held = held.iter().map(|action| (Key::String(text(&tool(*action))), Value::Bool(true)));
                (Key::String(text(id)), Value::Map(held.collect::<HashMap<Key, Value>>().into()))
            })
            .collect();
        let mut context = Context::default();
        context.add_variable_from_value("grants", Value::Map(grants.into()));
        let requests = workload.requests.iter().map(|request| {
            let chain = workload.members(request).map(|id| Value::String(text(id))).collect();
            (Value::List(Arc::new(chain)), Value::String(text(&tool(request.action))))
        });
        Self {
            program: Program::compile(POLICY).expect("an expression"),
            grants: context,
            requests: requests.collect(),
        }
    }
}

impl Engine for Cel {
    fn decide(&mut self, request: usize, times: u32) -> bool {
        let (chain, action) = &self.requests[request];
        (0..times).fold(false, |_, _| {
            let mut context = self.grants.new_inner_scope();
            context.add_variable_from_value("chain", chain.clone());
            context.add_variable_from_value("action", action.clone());
            self.program.execute(black_box(&context)) == Ok(Value::Bool(true))
        })
    }
}
