//! Rego, by `regorus`, compiled for its virtual machine, with the grants as data.

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine as Interpreter, Rc, Value};
use serde_json::json;

use crate::Engine;
use crate::workload::{Workload, tool};

// `every` over what is undefined holds in the virtual machine of this release, and must not.
const POLICY: &str = "package ambit
import rego.v1
default allow := false
allow if not missing
missing if {
    some member in input.chain
    not data.grants[member][input.action]
}
";

pub(crate) struct Rego {
    machine: RegoVM,
    requests: Vec<Value>,
}

impl Rego {
    pub(crate) fn new(workload: &Workload) -> Self {
        let grants: serde_json::Map<_, _> = workload
            .agents
            .iter()
            .map(|(id, held)| {
                let held = held.iter().map(|action| (tool(*action), json!(true)));
                (id.clone(), held.collect::<serde_json::Map<_, _>>().into())
            })
            .collect();
        let data = Value::from_json_str(&json!({ "grants": grants }).to_string()).expect("data");
        let mut interpreter = Interpreter::new();
        interpreter.add_policy("ambit.rego".to_owned(), POLICY.to_owned()).expect("a policy");
        interpreter.add_data(data.clone()).expect("data");
        let entry: Rc<str> = "data.ambit.allow".into();
        let compiled = interpreter.compile_with_entrypoint(&entry).expect("a policy");
        let program = Compiler::compile_from_policy(&compiled, &[&entry]).expect("a program");
        let mut machine = RegoVM::new_with_policy(compiled);
        machine.load_program(program);
        machine.set_data(data).expect("data");
        let requests = workload.requests.iter().map(|request| {
            let chain: Vec<&str> = workload.members(request).collect();
            let input = json!({ "chain": chain, "action": tool(request.action) });
            Value::from_json_str(&input.to_string()).expect("an input")
        });
        Self { machine, requests: requests.collect() }
    }
}

impl Engine for Rego {
    fn decide(&mut self, request: usize, times: u32) -> bool {
        (0..times).fold(false, |_, _| {
            self.machine.set_input(self.requests[request].clone());
            let answer = self.machine.execute_entry_point_by_index(0).expect("an answer");
            answer == Value::Bool(true)
        })
    }
}
