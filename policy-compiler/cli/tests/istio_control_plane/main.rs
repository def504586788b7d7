//! What `ambit` writes, in the hands of Istio itself: rendered objects go to a real istiod, which distributes them; real
//! istio-agents pull the image that `ambit image push` brought to a real registry; and requests cross two real sidecars.
//!
//! Istio is built out of its own Go module, which takes ten minutes of processor time and 4 GiB, once.
//! So this runs where `AMBIT_ISTIO=1` asks for it, as CI does. Where it is not asked for, or where something that it
//! needs cannot be had, the tests count as ignored, and a loud line says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "tests may panic"
)]

mod calls_outside;
mod mesh;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use ambit_harness::client::{Endpoint, Request, Response};
use ambit_harness::debian::{self, Unpacked};
use ambit_harness::envoy;
use ambit_harness::istio::binaries::{self, Binaries};
use ambit_harness::istio::pod::Running;
use ambit_harness::registry;
use ambit_harness::upstream::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

use mesh::{Mesh, User, lineage_at, listener_changes, pod};

/// Asks for these tests.
const ASKED: &str = "AMBIT_ISTIO";

/// By which plugins find pods.
const LABEL: &str = "app.kubernetes.io/name";
const SELECTED: [&str; 2] = ["--selector-label", LABEL];

const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";
const PLANNER: &str = "spiffe://cluster.local/ns/planning/sa/planner-agent";
const STRANGER: &str = "spiffe://cluster.local/ns/default/sa/stranger";

fn say(line: &str) {
    eprintln!("{line}");
}

/// All that is run besides this command.
#[derive(Clone)]
struct Programs {
    istio: Binaries,
    envoy: PathBuf,
    registry: Unpacked,
}

impl Programs {
    fn find() -> io::Result<Self> {
        if std::env::var_os(ASKED).is_none() {
            return Err(io::Error::other(format!("set `{ASKED}=1` to build Istio and run it")));
        }
        // Before anything is built: without name spaces of their own, agents would write into the machine's directories.
        let tried = Command::new("unshare")
            .args(["--map-root-user", "--mount", "--pid", "--fork", "true"])
            .output()?;
        if !tried.status.success() {
            return Err(io::Error::other("`unshare` may not make name spaces here"));
        }
        Ok(Self {
            registry: debian::program(registry::PROGRAM, &say)?,
            envoy: envoy::binary::locate(&say)?,
            istio: binaries::locate(&say)?,
        })
    }
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let programs = if arguments.list { Err(io::Error::other("")) } else { Programs::find() };
    if let (Err(problem), false) = (&programs, arguments.list) {
        eprintln!("*** NOT CHECKED: Istio's own control plane and agent: {problem}");
    }
    let missing = programs.is_err();
    let trial = |name: &str, run: fn(&Programs)| {
        let programs = programs.as_ref().ok().cloned();
        let trial = Trial::test(name, move || {
            run(&programs.ok_or("Istio is not here")?);
            Ok(())
        });
        trial.with_ignored_flag(missing)
    };
    let trials = vec![
        trial("requests_cross_two_sidecars", requests_cross_two_sidecars),
        trial("every_form_of_delivery", every_form_of_delivery),
        trial("an_image_that_cannot_be_had_denies", an_image_that_cannot_be_had_denies),
        trial("a_pull_secret_reaches_the_agents", a_pull_secret_reaches_the_agents),
        trial("calls_outside_have_no_other_way", calls_outside::have_no_other_way),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// What the application that was asked last was told, as the one before it passes that on.
fn onward(response: &Response) -> (u16, Option<&str>) {
    (response.status, response.header("x-code"))
}

const READ: &str = "GET /tables/orders/rows/7";
const DROP: &str = "DELETE /tables/orders";

/// What the seed says of rows, which support may have read for it, and of tables, which it may not have dropped.
fn is_enforced(mesh: &mut Mesh<'_>) {
    mesh.until("a policy that denies", |mesh| {
        onward(&mesh.support_has_admin_do(DROP)) == (403, Some("not-granted"))
    });
    mesh.until("a policy that allows", |mesh| {
        let read = mesh.support_has_admin_do(READ);
        (onward(&read), read.text().as_str()) == ((200, None), "rows")
    });
}

fn requests_cross_two_sidecars(programs: &Programs) {
    let mut mesh = Mesh::start(programs, "istio-sidecars", None);
    // Without policy everybody may do everything, in this mesh as in any.
    assert_eq!(onward(&mesh.support_has_admin_do(DROP)), (200, None), "{}", mesh.logs());
    let mut early = mesh.connect(PLANNER, &mesh.database);
    assert_eq!(early.send(&Request::get("/")).unwrap().status, 200);
    assert_eq!(listener_changes(&mesh.database), 0);

    mesh.deliver(&SELECTED);
    // What admin does on its own account is asked before support asks for anything: within half a minute of that it
    // could be on support's behalf.
    mesh.until("calls that are stamped", |mesh| {
        mesh.admin_does("DELETE", "/tables/tmp").status == 200 && lineage_at(&mesh.database).is_some()
    });
    let root = lineage_at(&mesh.database).unwrap();
    assert!(root.ends_with("via=()"), "{root}");
    is_enforced(&mut mesh);
    let lineage = lineage_at(&mesh.database).unwrap();
    assert!(lineage.ends_with(&format!("via=(\"{SUPPORT}\")")), "{lineage}");
    // The first plugin came with listeners, and connections of before end with the old ones.
    let changes = listener_changes(&mesh.database);
    assert!(changes > 0);
    let told =
        early.send(&Request::get("/")).is_ok_and(|response| response.header("connection") == Some("close"));
    assert!(told || early.send(&Request::get("/")).is_err());

    // Nothing but mTLS gets in, and nobody but those who hold a grant.
    let plain = Endpoint { tls: None, ..mesh.endpoint(PLANNER, &mesh.database) };
    assert!(plain.send(&Request::get("/tables/orders/rows/7")).is_err());
    let read = Request::get("/tables/orders/rows/7");
    let direct = |mesh: &Mesh<'_>, spiffe: &str| mesh.endpoint(spiffe, &mesh.database).send(&read).unwrap();
    let stranger = direct(&mesh, STRANGER);
    assert_eq!((stranger.status, stranger.header("x-ambit-code")), (403, Some("caller-unmapped")));
    // Support holds its grant through others only.
    let support = direct(&mesh, SUPPORT);
    assert_eq!(
        (support.status, support.header("x-ambit-code")),
        (403, Some("not-granted-this-way")),
        "{support:?}"
    );

    // A change of policy, and the change back, reach the proxy as it runs: listeners and connections stay.
    let mut kept = mesh.connect(STRANGER, &mesh.database);
    let mut still_denied = |mesh: &Mesh<'_>| {
        let response = kept.send(&read).unwrap_or_else(|error| panic!("{error}\n{}", mesh.logs()));
        assert_eq!((response.status, response.header("connection")), (403, None));
    };
    still_denied(&mesh);
    let granted = "actions: [orders-db/row.read]\n      through";
    mesh.edit("agents.yaml", granted, "actions: [orders-db/table.drop]\n      through");
    mesh.deliver(&SELECTED);
    mesh.until("the policy after", |mesh| {
        onward(&mesh.support_has_admin_do(READ)) == (403, Some("not-granted"))
    });
    assert_eq!(onward(&mesh.support_has_admin_do(DROP)), (200, None));
    still_denied(&mesh);
    mesh.edit("agents.yaml", "actions: [orders-db/table.drop]\n      through", granted);
    mesh.deliver(&SELECTED);
    mesh.until("the policy before", |mesh| onward(&mesh.support_has_admin_do(READ)) == (200, None));
    is_enforced(&mut mesh);
    still_denied(&mesh);
    assert_eq!(listener_changes(&mesh.database), changes);

    // No proxy has refused anything that it was sent.
    let log = mesh.control_plane.log().unwrap();
    assert!(!log.contains("ACK ERROR"), "{log}");
    // An agent pulls the image for each of its plugins at most, however many policies come.
    let log = mesh.registry.as_ref().unwrap().log().unwrap();
    let digest = mesh.image.rsplit_once('@').unwrap().1;
    let pulls = log.lines().filter(|line| {
        line.contains(&format!("GET /v2/ambit/filter/manifests/{digest}"))
            && line.contains("go-containerregistry")
    });
    assert!((1..=3).contains(&pulls.count()), "{log}");
}

/// The other objects that carry the filter, each in the place of the one before.
fn every_form_of_delivery(programs: &Programs) {
    let mut mesh = Mesh::start(programs, "istio-forms", None);
    let delivery = "apiVersion: ambit.dev/v1alpha1\nkind: Delivery\nspec:\n  selectorLabel: app.kubernetes.io/name\n  \
                    workloads:\n    - {namespace: data, serviceAccount: orders-db, holdHeaders: true}\n";
    fs::write(mesh.directory.join("holding.yaml"), delivery).unwrap();
    let api = ["--selector-label", LABEL, "--api", "traffic-extension"];
    let extension = "extensions.istio.io/trafficextension/data.ambit-orders-db-inbound";
    let forms: [(&[&str], &str, &str, bool); 3] = [
        (&api, "TrafficExtension", extension, false),
        (&["--delivery", "holding.yaml"], "EnvoyFilter", "ambit.data.orders-db.inbound", true),
        (&SELECTED, "WasmPlugin", &format!("{extension}~istio-translated-wasmplugin"), false),
    ];
    for (arguments, kind, filter, holds) in forms {
        mesh.deliver(arguments);
        let title = format!("\"{kind}\" \"data\"/\"ambit-orders-db-inbound\"");
        assert!(mesh.applied.contains_key(&title), "{:?}", mesh.applied.keys());
        // What is in force is said by the proxy itself; former listeners are still being drained.
        mesh.until(kind, |mesh| {
            let listeners = dumped(&mesh.database, "dynamic_listeners");
            let active = listeners.iter().map(|listener| listener["active_state"].to_string());
            let name = format!("\"name\":\"{filter}\"");
            let named = active.filter(|active| active.contains(&name)).count();
            let filters = dumped(&mesh.database, "ecds_filters");
            let config = filters.iter().find(|one| one.pointer("/ecds_filter/name") == Some(&json!(filter)));
            let config = config.and_then(|one| one.pointer("/ecds_filter/typed_config/config"));
            named == 1
                && config.is_some_and(|config| (config["allow_on_headers_stop_iteration"] == true) == holds)
        });
        is_enforced(&mut mesh);
    }
    // Access logs say nothing of it until they are told to.
    let said = "\"ambit\":\"verdict=deny code=not-granted id=";
    assert!(!mesh.database.log().unwrap().contains(said));
    mesh.deliver(&[&SELECTED[..], &["--access-logs", "mesh-config.yaml"]].concat());
    mesh.until("an access log", |mesh| {
        mesh.support_has_admin_do(DROP);
        mesh.database.log().unwrap().contains(said)
    });
}

/// Configurations of one kind that a proxy has; none where it says that there are none.
fn dumped(pod: &Running, what: &str) -> Vec<Value> {
    let page = pod.admin().page(&format!("/config_dump?resource={what}"));
    let page: Option<Value> = page.ok().and_then(|page| serde_json::from_str(&page).ok());
    page.and_then(|mut page| page["configs"].as_array_mut().map(std::mem::take)).unwrap_or_default()
}

/// What a proxy answers whose agent has no module for it.
fn denied_by_agent(response: &Response) -> bool {
    response.status == 403 && response.text() == "RBAC: access denied"
}

/// Where an agent cannot get the image that an object names, its proxy denies; and it takes up the right one when it can.
fn an_image_that_cannot_be_had_denies(programs: &Programs) {
    let mut mesh = Mesh::start(programs, "istio-pull", None);
    mesh.deliver(&SELECTED);
    is_enforced(&mut mesh);
    let right = mesh.image.clone();
    // A digest that the registry does not have.
    mesh.image = format!("{}@sha256:{}", right.rsplit_once('@').unwrap().0, "0".repeat(64));
    mesh.deliver(&SELECTED);
    mesh.until("a proxy that denies", |mesh| denied_by_agent(&mesh.support_has_admin_do(READ)));
    mesh.image = right;
    mesh.deliver(&SELECTED);
    is_enforced(&mut mesh);

    // A pod that starts while the registry is away.
    mesh.registry = None;
    let address = mesh.image.split('/').next().unwrap().parse().unwrap();
    let planner = pod("planning", "planner-agent").place(|_| Reply::new(200, "planned")).unwrap();
    for object in planner.objects() {
        mesh.api_server.apply(&object).unwrap();
    }
    let Programs { istio, envoy, .. } = mesh.programs;
    let files = mesh.directory.join("planner-agent");
    let mut planner =
        planner.start(istio, envoy, &mesh.control_plane, &mesh.authority, address, &files).unwrap();
    planner.wait_ready().unwrap();
    let task = mesh.traced(Request::post_json("/tasks", "{}"));
    let response = mesh.endpoint(SUPPORT, &planner).send(&task).unwrap();
    assert!(denied_by_agent(&response), "{response:?}\n{}", planner.log().unwrap());
    assert_eq!(planner.received(), []);
    // Those that run have the module, and go on; a policy needs no registry.
    is_enforced(&mut mesh);
    mesh.edit(
        "agents.yaml",
        "actions: [orders-db/row.read]\n      through",
        "actions: [orders-db/table.drop]\n      through",
    );
    mesh.deliver(&SELECTED);
    mesh.until("the policy after", |mesh| {
        onward(&mesh.support_has_admin_do(READ)) == (403, Some("not-granted"))
    });
}

/// A registry that wants credentials: those in the `Secret` that plugins name are what agents pull with.
fn a_pull_secret_reaches_the_agents(programs: &Programs) {
    let user = User {
        name: "ana",
        password: "pass:word",
        entry: "ana:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki",
    };
    let mut mesh = Mesh::start(programs, "istio-secret", Some(&user));
    mesh.deliver(&[&SELECTED[..], &["--image-pull-secret", "registry"]].concat());
    mesh.until("proxies that deny", |mesh| denied_by_agent(&mesh.support_has_admin_do(READ)));
    let registry = mesh.image.split('/').next().unwrap().to_owned();
    let secrets = |mesh: &Mesh<'_>, password: &str| {
        for namespace in ["data", "ops"] {
            let config = STANDARD.encode(user.docker_config(&registry, password));
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {"namespace": namespace, "name": "registry"},
                "data": {".dockerconfigjson": config},
            });
            mesh.api_server.apply(&secret).unwrap();
        }
    };
    secrets(&mesh, "wrong");
    mesh.until("a pull with the wrong password", |mesh| {
        mesh.registry.as_ref().unwrap().log().unwrap().contains("error authenticating user")
    });
    assert!(denied_by_agent(&mesh.support_has_admin_do(READ)));
    secrets(&mesh, user.password);
    is_enforced(&mut mesh);
}
