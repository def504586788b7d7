//! The picture of `ambit graph` stays readable: nothing in it covers anything else, however many agents there are, and
//! the page needs nothing from elsewhere. And the report of escalations tells the sample's stories, and no other.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn ambit(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ambit")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A mesh in which each agent calls a few others, some of them back, and uses some services.
fn mesh(agents: usize) -> String {
    let mut text = String::from(
        "apiVersion: ambit.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {maxDepth: 6}\n",
    );
    let services = agents / 4 + 1;
    for service in 0..services {
        write!(text, "---\napiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: store-{service}}}\nspec:\n  workload: {{namespace: data, serviceAccount: store-{service}}}\n  protocol: http\n  actions:\n").unwrap();
        for action in 0..=service % 12 {
            writeln!(text, "    - {{name: action-{action}, methods: [POST], path: /a{action}}}").unwrap();
        }
    }
    for agent in 0..agents {
        write!(text, "---\napiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: agent-{agent}-api}}\nspec:\n  workload: {{namespace: agents, serviceAccount: agent-{agent}}}\n  protocol: a2a\n  actions: [{{name: task.create, method: message.send}}]\n").unwrap();
        let mut called = vec![agent * 2 + 1, agent * 2 + 3, agent + 7];
        if agent % 5 == 4 {
            called.push(agent / 3);
        }
        called.retain(|other| *other < agents && *other != agent);
        let mut grants: Vec<String> =
            called.iter().map(|other| format!("agent-{other}-api/task.create")).collect();
        grants.push(format!("store-{}/*", agent * 7 % services));
        let originates = agent < 3 || agent % 11 == 0;
        write!(text, "---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: agent-{agent}}}\nspec:\n  identity: [{{namespace: agents, serviceAccount: agent-{agent}}}]\n  originates: {originates}\n  delegates: {{to: [\"*\"]}}\n  grants:\n    - actions: [{}]\n", grants.iter().map(|grant| format!("\"{grant}\"")).collect::<Vec<_>>().join(", ")).unwrap();
    }
    text
}

/// Left, top, right and bottom of each box.
fn boxes(page: &str) -> Vec<[f64; 4]> {
    let number = |tag: &str, name: &str| -> f64 {
        tag.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let tags = page.split("<rect").skip(1).map(|rest| rest.split('>').next().unwrap());
    tags.map(|tag| {
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        [x, y, x + number(tag, "width"), y + number(tag, "height")]
    })
    .collect()
}

#[test]
fn nothing_covers_anything_else() {
    for agents in [1, 2, 5, 20, 50, 120] {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("picture");
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join(format!("{agents}.yaml"));
        fs::write(&file, mesh(agents)).unwrap();
        let page = ambit(&["graph", "--format", "html", "-f", file.to_str().unwrap()]);
        let boxes = boxes(&page);
        assert!(boxes.len() > agents, "{agents} agents: {} boxes", boxes.len());
        for (place, one) in boxes.iter().enumerate() {
            for other in &boxes[..place] {
                let apart =
                    one[2] <= other[0] || other[2] <= one[0] || one[3] <= other[1] || other[3] <= one[1];
                assert!(apart, "{agents} agents: {one:?} covers {other:?}");
            }
        }
        let width: f64 =
            page.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(boxes.iter().all(|one| one[0] >= 0.0 && one[1] >= 0.0 && one[2] <= width), "{agents} agents");
        for outside in ["http://", "https://", "src=", "href=", "@import", "url(h"] {
            assert!(!page.contains(outside), "the page needs `{outside}`");
        }
    }
}

#[test]
fn the_report_tells_the_stories_of_the_sample() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/swarm");
    let report: Value =
        serde_json::from_str(&ambit(&["escalations", "--format", "json", "-f", sample.to_str().unwrap()]))
            .unwrap();
    let kinds = ["escalations", "circles", "floods"].into_iter();
    let found: BTreeSet<String> = kinds
        .flat_map(|kind| report[kind].as_array().unwrap())
        .map(|one| one["story"].as_str().unwrap().to_owned())
        .collect();
    let stories = fs::read_to_string(sample.join("stories.txt")).unwrap();
    let told: BTreeSet<String> = stories
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("] "))
        .map(|(_, about)| about.to_owned())
        .collect();
    assert_eq!(found, told);
    assert_eq!(told.len(), 7);
}

/// A policy in a directory of its own.
fn written(name: &str, text: &str) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("picture");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn of_a_large_mesh_a_part_is_drawn() {
    let file = written("large.yaml", &mesh(400));
    let whole = ambit(&["graph", "--format", "html", "-f", &file]);
    assert!(!whole.contains("<svg"), "too many for a picture");
    assert!(whole.contains("<code>--from AGENT</code>"));
    // What is listed is bounded, and says so.
    assert!(whole.len() < 2_000_000, "{} bytes", whole.len());
    assert!(whole.contains(" more, which <code>"));
    let report = ambit(&["escalations", "-f", &file]);
    assert!(report.lines().count() < 1_500, "{} lines", report.lines().count());
    assert!(report.contains(" more, which `--from AGENT` lists of one origin"), "{report}");

    // What one agent can cause is drawn by itself: whoever is on a way of its, and what is at an end of one.
    let part = ambit(&["graph", "--format", "html", "-f", &file, "--from", "agent-396"]);
    let json: Value =
        serde_json::from_str(&ambit(&["graph", "--format", "json", "-f", &file, "--from", "agent-396"]))
            .unwrap();
    let paths = json["paths"].as_array().unwrap();
    let texts = |key: &str| -> BTreeSet<&str> {
        paths.iter().flat_map(|path| path[key].as_array().unwrap()).map(|one| one.as_str().unwrap()).collect()
    };
    let agents = texts("way");
    assert!(agents.contains("agent-396") && agents.len() < 50, "{agents:?}");
    assert_eq!(part.matches(" data-agent=").count(), agents.len());
    let stores: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path["action"].as_str().unwrap().split_once('/'))
        .map(|(service, _)| service)
        .filter(|service| service.starts_with("store-"))
        .collect();
    assert_eq!(part.matches(" data-service=").count(), stores.len(), "{stores:?}");
}

#[test]
fn where_everyone_may_do_everything_the_search_ends() {
    let mut text = String::from(
        "apiVersion: ambit.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {maxDepth: 8}\n",
    );
    for agent in 0..60 {
        write!(text, "---\napiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: agent-{agent}-api}}\nspec:\n  workload: {{namespace: agents, serviceAccount: agent-{agent}}}\n  protocol: a2a\n  actions: [{{name: task.create, method: message.send}}]\n---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: agent-{agent}}}\nspec:\n  identity: [{{namespace: agents, serviceAccount: agent-{agent}}}]\n  originates: true\n  delegates: {{to: [\"*\"]}}\n  grants: [{{actions: [\"*/*\"]}}]\n").unwrap();
    }
    let file = written("everything.yaml", &text);
    let told = ambit(&["escalations", "-f", &file]);
    // 200,000 questions, 60 of each way, are over before the ways of two agents are: those of three that had come up by
    // then are left out. Were only ways bounded, it would be a million.
    let left_out = told.lines().find_map(|line| line.strip_suffix(" ways not looked at: the longer ones"));
    let left_out: u64 = left_out.unwrap_or_else(|| panic!("{told}")).parse().unwrap();
    assert!((150_000..250_000).contains(&left_out), "{left_out}");
    assert!(told.contains("1000 circles in which a task can be passed; no more were looked for"), "{told}");
    assert!(told.contains("grants that nobody can use, on the ways that were looked at"), "{told}");
}
