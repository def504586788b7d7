//! A mesh of Istio's own parts, and what a test does with it.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use ambit_harness::client::{Client, Endpoint, MAX_WAIT, Request, Response, tls};
use ambit_harness::istio::api_server::ApiServer;
use ambit_harness::istio::control_plane::ControlPlane;
use ambit_harness::istio::pod::{Placed, Pod, Running, SERVICE_PORT};
use ambit_harness::pki::Authority;
use ambit_harness::registry::Registry;
use ambit_harness::upstream::{Call, Reply};
use ambit_harness::{artifact, service};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{LABEL, Programs, SUPPORT, say};

/// Sixteen bytes and more that are no secret.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// A mesh of two pods: `admin-agent`, which calls the database as it is told to, and `orders-db`.
pub(crate) struct Mesh<'a> {
    // What depends on others comes first, so that it ends first.
    pub(crate) admin: Running,
    pub(crate) database: Running,
    pub(crate) control_plane: ControlPlane,
    pub(crate) api_server: ApiServer,
    pub(crate) registry: Option<Registry>,
    pub(crate) authority: Authority,
    pub(crate) programs: &'a Programs,
    pub(crate) directory: PathBuf,
    /// What the API server has, by kind, namespace and name.
    pub(crate) applied: BTreeMap<String, Value>,
    pub(crate) image: String,
    generation: u64,
    requests: u64,
}

impl<'a> Mesh<'a> {
    /// Starts everything but the policy. If the registry has a user, this command knows the password, and agents do not.
    pub(crate) fn start(programs: &'a Programs, name: &str, user: Option<&User>) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("lineage.key"), KEY).unwrap();
        copy_policy(&directory.join("policy"));
        let users = directory.join("users");
        if let Some(user) = user {
            fs::write(&users, format!("{}\n", user.entry)).unwrap();
        }
        let users = user.is_some().then_some(users.as_path());
        let registry = Registry::start(&programs.registry, &directory.join("registry"), users).unwrap();
        if let Some(user) = user {
            let config = user.docker_config(&registry.address().to_string(), user.password);
            fs::write(directory.join("config.json"), config).unwrap();
        }
        let module = artifact::filter(&say).unwrap();
        let reference = format!("{}/ambit/filter:test", registry.address());
        let image = ambit(
            &directory,
            &["image", "push", &reference, "--plain-http", "--module", module.to_str().unwrap()],
        );

        let api_server = ApiServer::start().unwrap();
        let authority = Authority::new(name);
        let control_plane =
            ControlPlane::start(&programs.istio, &api_server, &authority, &directory.join("istiod")).unwrap();
        let admin = pod("ops", "admin-agent").place(do_as_told).unwrap();
        let database = pod("data", "orders-db").place(|_| Reply::new(200, "rows")).unwrap();
        for object in admin.objects().iter().chain(&database.objects()) {
            api_server.apply(object).unwrap();
        }
        let start = |placed: Placed, name: &str| {
            let files = directory.join(name);
            let Programs { istio, envoy, .. } = programs;
            placed.start(istio, envoy, &control_plane, &authority, registry.address(), &files).unwrap()
        };
        let mut admin = start(admin, "admin-agent");
        let mut database = start(database, "orders-db");
        admin.wait_ready().unwrap();
        database.wait_ready().unwrap();
        Self {
            admin,
            database,
            control_plane,
            api_server,
            registry: Some(registry),
            authority,
            programs,
            directory,
            applied: BTreeMap::new(),
            image: image.trim().to_owned(),
            generation: 0,
            requests: 0,
        }
    }

    /// Renders the policy and brings the API server to it, as `kubectl apply --prune` does, or Argo CD and Flux.
    pub(crate) fn deliver(&mut self, more: &[&str]) {
        self.generation += 1;
        let (generation, image) = (self.generation.to_string(), self.image.clone());
        let arguments =
            ["render", "-f", "policy", "-o", "-", "--lineage-key", "lineage.key", "--image", &image];
        let arguments = [&arguments[..], &["--generation", &generation], more].concat();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&ambit(&self.directory, &arguments)).unwrap();
        let title = |object: &Value| {
            let metadata = &object["metadata"];
            format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"])
        };
        let objects: BTreeMap<String, Value> =
            objects.into_iter().filter(Value::is_object).map(|object| (title(&object), object)).collect();
        for (title, object) in &self.applied {
            if !objects.contains_key(title) {
                self.api_server.delete(object).unwrap();
            }
        }
        for (title, object) in &objects {
            if self.applied.get(title) != Some(object) {
                self.api_server.apply(object).unwrap();
            }
        }
        self.applied = objects;
    }

    /// Changes one file of the policy.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.directory.join("policy").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// A connection to a pod as somebody.
    pub(crate) fn connect(&self, spiffe: &str, to: &Running) -> Client {
        self.endpoint(spiffe, to).connect().unwrap()
    }

    pub(crate) fn endpoint(&self, spiffe: &str, to: &Running) -> Endpoint {
        let identity = self.authority.issue(&[spiffe]);
        let mut config = (*tls::client_config(&self.authority, Some(&identity)).unwrap()).clone();
        // By this Istio's proxies tell their TLS from that of applications, where a pod takes both.
        config.alpn_protocols = vec![b"istio".to_vec()];
        Endpoint { address: to.inbound(), authority: to.pod().host(), tls: Some(Arc::new(config)) }
    }

    /// A request with a trace of its own, as everybody's tracing library makes it.
    pub(crate) fn traced(&mut self, request: Request) -> Request {
        self.requests += 1;
        let parent = format!("00-4bf92f3577b34da6{:016x}-00f067aa0ba902b7-01", self.requests);
        request.header("traceparent", parent)
    }

    /// Has support ask admin to do something with the database: across two sidecars.
    pub(crate) fn support_has_admin_do(&mut self, what: &str) -> Response {
        let request = self.traced(Request::post_json("/tasks", "{}").header("x-do", what));
        self.endpoint(SUPPORT, &self.admin).send(&request).unwrap()
    }

    /// What admin's own application asks of the database, on nobody's behalf.
    pub(crate) fn admin_does(&mut self, method: &str, path: &str) -> Response {
        let request = self.traced(Request::new(method, path));
        let endpoint = Endpoint::plain(self.admin.outbound(), &self.database_host());
        endpoint.send(&request).unwrap()
    }

    fn database_host(&self) -> String {
        format!("{}:{}", self.database.pod().host(), SERVICE_PORT)
    }

    /// An error that shows the ends of all logs.
    pub(crate) fn logs(&self) -> String {
        let parts = [
            ("istiod", self.control_plane.log()),
            ("admin-agent", self.admin.log()),
            ("orders-db", self.database.log()),
        ];
        parts.map(|(name, log)| format!("== {name}\n{}\n", ending(&log.unwrap_or_default()))).concat()
    }

    /// Waits until a request is answered in some way: what was delivered takes its time to arrive.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + MAX_WAIT;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}\n{}", self.logs());
            std::thread::sleep(service::POLL);
        }
    }
}

/// Somebody whom a registry knows.
pub(crate) struct User {
    /// The name.
    pub(crate) name: &'static str,
    /// The password.
    pub(crate) password: &'static str,
    /// Both as `htpasswd -B` writes them.
    pub(crate) entry: &'static str,
}

impl User {
    /// What `docker login` keeps.
    pub(crate) fn docker_config(&self, registry: &str, password: &str) -> String {
        let auth = STANDARD.encode(format!("{}:{password}", self.name));
        json!({"auths": {registry: {"auth": auth}}}).to_string()
    }
}

fn ending(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A pod with an address that no other has: two of its bytes are of this process.
pub(crate) fn pod(namespace: &str, service_account: &str) -> Pod {
    static PODS: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id().to_le_bytes();
    let number = PODS.fetch_add(1, Ordering::Relaxed);
    Pod {
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        labels: BTreeMap::from([(LABEL.to_owned(), service_account.to_owned())]),
        address: Ipv4Addr::new(127, 64 + process[1] % 64, process[0], number),
        is_captured: false,
    }
}

/// The application of `admin-agent`: it asks the database what the header `x-do` says, handing on the trace.
fn do_as_told(call: &Call) -> Reply {
    let Some((method, path)) = call.request.header("x-do").and_then(|what| what.split_once(' ')) else {
        return Reply::new(200, "nothing to do");
    };
    let request = Request::new(method, path)
        .host(&format!("orders-db.data.svc.cluster.local:{SERVICE_PORT}"))
        .carry(&call.request.headers, &["traceparent", "x-request-id"]);
    match call.forward(&request) {
        Ok(response) => {
            let reply = Reply::new(response.status, response.body.clone());
            response
                .header("x-ambit-code")
                .into_iter()
                .fold(reply, |reply, code| reply.header("x-code", code))
        }
        Err(error) => Reply::new(500, error.to_string()),
    }
}

fn copy_policy(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/seed");
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Runs the command in a directory, and gives what it prints.
fn ambit(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ambit"));
    command.env_remove("XDG_RUNTIME_DIR").env_remove("REGISTRY_AUTH_FILE").env("DOCKER_CONFIG", directory);
    let output = command.current_dir(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lineage of what an application received last, as its sidecar was told it.
pub(crate) fn lineage_at(pod: &Running) -> Option<String> {
    Some(pod.received().last()?.header("x-ambit-lineage")?.to_owned())
}

/// Changes of a proxy's listeners so far; each drains connections.
pub(crate) fn listener_changes(pod: &Running) -> u64 {
    let stats = pod.admin().stats("listener_manager.listener_").unwrap();
    let count =
        |name: &str| stats.get(&format!("listener_manager.listener_{name}")).copied().unwrap_or_default();
    count("modified") + count("in_place_updated")
}
