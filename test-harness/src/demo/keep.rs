//! `--keep`: the mesh stays, and an edit of the policy is compiled and put in force while it runs.

use std::time::Duration;

use super::Stage;
use crate::envoy::config::Lane;
use crate::policy_directory::PolicyDirectory;

/// How often the policy directory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Says how to talk to the mesh, and follows edits of the policy until the process is ended.
pub(super) fn keep(stage: &mut Stage, policy: &PolicyDirectory) -> ! {
    let swarm = &stage.swarm;
    let support = swarm.mesh.workload("support").outbound();
    let admin = swarm.mesh.workload("admin").outbound();
    let rbac = swarm.mesh.workload("support").outbound_on(Lane::Rbac);
    println!(
        "
The mesh is running. These lines speak as an agent's application does, to its own sidecar; paste them:

  # support has admin read a row: allowed
  curl -s http://{support}/tasks -H 'host: admin.local' \\
    -d '{{\"call\":{{\"to\":\"orders-db\",\"method\":\"GET\",\"path\":\"/tables/orders/rows/7\"}}}}'

  # support has admin drop a table: denied
  curl -s http://{support}/tasks -H 'host: admin.local' \\
    -d '{{\"call\":{{\"to\":\"orders-db\",\"method\":\"DELETE\",\"path\":\"/tables/orders\"}}}}'

  # the same on the lane with RBAC: it is dropped
  curl -s http://{rbac}/tasks -H 'host: admin.local' \\
    -d '{{\"call\":{{\"to\":\"orders-db\",\"method\":\"DELETE\",\"path\":\"/tables/orders\"}}}}'

  # support has planner have billing refund money: up to 50
  curl -s http://{support}/tasks -H 'host: planner.local' \\
    -d '{{\"through\":[\"billing\"],\"call\":{{\"to\":\"payments\",\"tool\":\"refund.create\",\"amount\":40}}}}'

  # admin drops a table of its own accord: allowed, a second after it last did something for support
  curl -s -X DELETE -H 'host: orders-db.local' http://{admin}/tables/orders

Edit the policy in `{}` and save it: it is compiled and takes effect without a restart.
Logs, access logs and bootstraps are in `{}`. Ctrl-C ends everything.
",
        policy.shown(),
        swarm.mesh.directory().display()
    );
    let mut seen = policy.stamp();
    loop {
        std::thread::sleep(LOOK_EVERY);
        let now = policy.stamp();
        if now == seen {
            continue;
        }
        seen = now;
        match stage.change_policy(policy) {
            Ok(generation) => println!("policy generation {generation} is in force"),
            Err(problems) => println!("the former policy stays in force:\n{problems}"),
        }
    }
}
