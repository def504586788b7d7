//! A stand-in for Kubernetes' API server: objects that can be listed and watched, which is all that istiod asks for. No
//! authentication, no validation, no history beyond what was said since the start. It listens on loopback.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::upstream::{App, Call, Reply, ReplyStream};

/// The kinds that istiod is told of as custom resources, with their plurals.
const CUSTOM: [(&str, &str); 13] = [
    ("AuthorizationPolicy", "authorizationpolicies.security.istio.io"),
    ("DestinationRule", "destinationrules.networking.istio.io"),
    ("EnvoyFilter", "envoyfilters.networking.istio.io"),
    ("Gateway", "gateways.networking.istio.io"),
    ("PeerAuthentication", "peerauthentications.security.istio.io"),
    ("RequestAuthentication", "requestauthentications.security.istio.io"),
    ("ServiceEntry", "serviceentries.networking.istio.io"),
    ("Sidecar", "sidecars.networking.istio.io"),
    ("Telemetry", "telemetries.telemetry.istio.io"),
    ("TrafficExtension", "trafficextensions.extensions.istio.io"),
    ("VirtualService", "virtualservices.networking.istio.io"),
    ("WasmPlugin", "wasmplugins.extensions.istio.io"),
    ("WorkloadEntry", "workloadentries.networking.istio.io"),
];

/// Kubernetes' own kinds that tests give objects of.
const BUILT_IN: [(&str, &str); 3] = [
    ("Namespace", "namespaces"),
    // Istio asks for none.
    ("NetworkPolicy", "networkpolicies.networking.k8s.io"),
    ("Secret", "secrets"),
];

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// A running server. Ends when dropped.
pub struct ApiServer {
    app: App,
    store: Arc<Store>,
}

#[derive(Default)]
struct Store(Mutex<State>);

#[derive(Default)]
struct State {
    version: u64,
    /// By resource (`plural.group`), namespace and name.
    objects: BTreeMap<(String, String, String), Value>,
    /// All that happened: at which version, to which resource, and what is said of it.
    events: Vec<(u64, String, Value)>,
    watches: Vec<Watch>,
}

/// Somebody who is told what happens to a resource.
struct Watch {
    request: Request,
    stream: ReplyStream,
}

/// What is asked for.
#[derive(Clone)]
struct Request {
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
    /// `group/version`, as it is to be written in objects.
    api_version: String,
    metadata_only: bool,
}

impl ApiServer {
    /// Starts a server without objects.
    ///
    /// # Errors
    ///
    /// When there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let store = Arc::new(Store::default());
        {
            let mut state = store.state();
            for (_, resource) in CUSTOM {
                state.put(DEFINITIONS, definition(resource));
            }
        }
        let serving = Arc::clone(&store);
        let app = App::start(move |call| answer(&serving, call))?;
        Ok(Self { app, store })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.app.address()
    }

    /// Makes an object, or puts it in the place of the one of that name.
    ///
    /// # Errors
    ///
    /// When it has no name, or is of a kind that nobody here knows.
    pub fn apply(&self, object: &Value) -> io::Result<()> {
        let resource = resource_of(object)?;
        self.store.state().put(resource, object.clone());
        Ok(())
    }

    /// Removes an object, if there is such.
    ///
    /// # Errors
    ///
    /// When it has no name, or is of a kind that nobody here knows.
    pub fn delete(&self, object: &Value) -> io::Result<()> {
        let resource = resource_of(object)?;
        self.store.state().remove(resource, object);
        Ok(())
    }
}

fn resource_of(object: &Value) -> io::Result<&'static str> {
    let known = CUSTOM.iter().chain(&BUILT_IN).find(|(kind, _)| object["kind"] == *kind);
    let (_, resource) =
        known.ok_or_else(|| io::Error::other(format!("an object of unknown kind {}", object["kind"])))?;
    if object["metadata"]["name"].is_string() {
        return Ok(resource);
    }
    Err(io::Error::other("an object without a name"))
}

/// That a custom resource exists; nobody looks at its schema.
fn definition(resource: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource},
    })
}

impl Store {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, resource: &str, mut object: Value) {
        self.version += 1;
        let key = key(resource, &object);
        let former = self.objects.get(&key);
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.version.to_string());
        metadata["uid"] = match former {
            Some(former) => former["metadata"]["uid"].clone(),
            None => json!(format!("00000000-0000-4000-8000-{:012}", self.version)),
        };
        // Istio orders by age what is of one priority; the same age leaves that to names.
        metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        let what = if former.is_some() { "MODIFIED" } else { "ADDED" };
        self.tell(resource, what, &object);
        self.objects.insert(key, object);
    }

    fn remove(&mut self, resource: &str, object: &Value) {
        if let Some(mut object) = self.objects.remove(&key(resource, object)) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.tell(resource, "DELETED", &object);
        }
    }

    fn tell(&mut self, resource: &str, what: &str, object: &Value) {
        self.events.push((self.version, resource.to_owned(), json!({"type": what, "object": object})));
        // Who does not listen any more is forgotten.
        self.watches.retain(|watch| {
            watch.request.resource != resource
                || !watch.request.covers(object)
                || watch.stream.send(watch.request.event(what, object))
        });
    }

    fn matching<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a Value> {
        let objects = self.objects.iter().filter(|((resource, ..), _)| *resource == request.resource);
        objects.map(|(_, object)| object).filter(|object| request.covers(object))
    }
}

fn key(resource: &str, object: &Value) -> (String, String, String) {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (resource.to_owned(), text("namespace"), text("name"))
}

impl Request {
    /// Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`, and nothing else.
    fn parse(path: &str, accept: &str) -> Option<Self> {
        let mut parts = path.trim_matches('/').split('/');
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let mut rest: Vec<&str> = parts.collect();
        let mut namespace = None;
        if let ["namespaces", name, _, ..] = rest.as_slice() {
            namespace = Some((*name).to_owned());
            rest.drain(..2);
        }
        let (plural, name) = match rest.as_slice() {
            [plural] => (*plural, None),
            [plural, name] => (*plural, Some((*name).to_owned())),
            _ => return None,
        };
        let dotted = |separator: &str, first: &str, second: &str| match (first, second) {
            ("", one) | (one, "") => one.to_owned(),
            (first, second) => format!("{first}{separator}{second}"),
        };
        Some(Self {
            resource: dotted(".", plural, group),
            namespace,
            name,
            api_version: dotted("/", group, version),
            metadata_only: accept.contains("as=PartialObjectMetadata"),
        })
    }

    fn covers(&self, object: &Value) -> bool {
        let is = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| object["metadata"][name] == wanted)
        };
        is(&self.namespace, "namespace") && is(&self.name, "name")
    }

    /// An object as it was asked for.
    fn shape(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if self.metadata_only {
            return json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "PartialObjectMetadata",
                "metadata": object["metadata"],
            });
        }
        object["apiVersion"] = json!(self.api_version);
        object
    }

    fn event(&self, what: &str, object: &Value) -> Vec<u8> {
        format!("{}\n", json!({"type": what, "object": self.shape(object)})).into_bytes()
    }
}

fn answer(store: &Store, call: &Call) -> Reply {
    let (path, query) = call.request.target.split_once('?').unwrap_or((&call.request.target, ""));
    let accept = call.request.header("accept").unwrap_or_default();
    let asks = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    match (call.request.method.as_str(), Request::parse(path, accept)) {
        ("GET", Some(request)) if matches!(asks("watch"), Some("true" | "1")) => {
            if asks("sendInitialEvents").is_some() {
                // Clients then list and watch as they did before there was such.
                return failure(422, "Invalid", "no initial events in a watch");
            }
            watch(store, request, asks("resourceVersion"))
        }
        ("GET", Some(request)) => read(store, &request),
        ("GET", None) if path == "/version" => {
            json_reply(200, &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"}))
        }
        ("GET", None) if matches!(path, "/api" | "/apis") => {
            json_reply(200, &json!({"kind": "APIGroupList", "groups": []}))
        }
        // Istiod writes what it finds worth telling others; there are none.
        ("POST" | "PUT" | "PATCH", Some(_)) => {
            let written = serde_json::from_slice(&call.request.body).unwrap_or(Value::Null);
            json_reply(201, &written)
        }
        _ => not_found(path),
    }
}

/// A list, or one object.
fn read(store: &Store, request: &Request) -> Reply {
    let state = store.state();
    if let Some(name) = &request.name {
        return match state.matching(request).next() {
            Some(object) => json_reply(200, &request.shape(object)),
            None => not_found(name),
        };
    }
    let items: Vec<Value> = state.matching(request).map(|object| request.shape(object)).collect();
    let mut list = json!({"metadata": {"resourceVersion": state.version.to_string()}, "items": items});
    if request.metadata_only {
        list["apiVersion"] = json!("meta.k8s.io/v1");
        list["kind"] = json!("PartialObjectMetadataList");
    }
    json_reply(200, &list)
}

/// What happens from a version on.
fn watch(store: &Store, request: Request, since: Option<&str>) -> Reply {
    let (reply, stream) = Reply::stream(200);
    let reply = reply.header("content-type", "application/json");
    let since: u64 = since.and_then(|since| since.parse().ok()).unwrap_or_default();
    let mut state = store.state();
    let later = state.events.iter().filter(|(version, resource, event)| {
        *version > since && *resource == request.resource && request.covers(&event["object"])
    });
    let first: Vec<u8> = later
        .flat_map(|(.., event)| request.event(event["type"].as_str().unwrap_or_default(), &event["object"]))
        .collect();
    if first.is_empty() || stream.send(first) {
        state.watches.push(Watch { request, stream });
    }
    reply
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string()).header("content-type", "application/json")
}

fn not_found(what: &str) -> Reply {
    failure(404, "NotFound", &format!("`{what}` is not here"))
}

fn failure(code: u16, reason: &str, message: &str) -> Reply {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": message,
    });
    json_reply(code, &status)
}
