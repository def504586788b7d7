//! `--keep`: the mesh stays, and an edit of the policy is compiled and put in force while it runs.

use std::time::Duration;

use super::swarm::Swarm;
use crate::policy_directory::PolicyDirectory;

/// How often the policy directory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Says how to talk to the mesh, and follows edits of the policy until the process is ended.
pub(super) fn keep(swarm: &Swarm, policy: &PolicyDirectory) -> Result<(), String> {
    let support = swarm.mesh.workload("support").outbound();
    let admin = swarm.mesh.workload("admin").outbound();
    println!(
        "
The mesh is running. These lines speak as an agent's application does, to its own sidecar; paste them:

  # support has admin read a row: allowed
  curl -s -d '{{\"call\":{{\"method\":\"GET\",\"path\":\"/tables/orders/rows/7\"}}}}' -H 'host: admin.local' http://{support}/tasks

  # support has admin drop a table: denied
  curl -s -d '{{\"call\":{{\"method\":\"DELETE\",\"path\":\"/tables/orders\"}}}}' -H 'host: admin.local' http://{support}/tasks

  # admin drops a table of its own accord: allowed, once two seconds have passed since it did something for support
  curl -s -X DELETE -H 'host: orders-db.local' http://{admin}/tables/orders

Edit the policy in `{}` and save it: it is compiled and takes effect without a restart.
Logs, access logs and bootstraps are in `{}`. Ctrl-C ends everything.
",
        policy.shown(),
        swarm.mesh.directory().display()
    );
    let mut seen = policy.stamp();
    let mut generation = 1_u64;
    loop {
        std::thread::sleep(LOOK_EVERY);
        let now = policy.stamp();
        if now == seen {
            continue;
        }
        seen = now;
        generation += 1;
        match policy.compile(&super::compile_options(generation)) {
            Err(problems) => println!("not compiled, the former policy stays in force:\n{problems}"),
            Ok(blobs) => match swarm.update(&blobs)?.as_slice() {
                [] => println!("policy generation {generation} is in force"),
                refused => println!("{}", refused.join("\n")),
            },
        }
    }
}
