//! A pod: an application in this process, and Istio's agent with a stock Envoy beside it.
//!
//! Nothing is captured as `iptables` does it, since there is but one network here. Each pod has an address of its own in
//! 127.0.0.0/8 instead; a `Sidecar` object says at which of its ports requests come in, and where its application finds
//! the mesh.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use serde_json::{Value, json};

use super::binaries::Binaries;
use super::control_plane::{self, ControlPlane};
use crate::client::Endpoint;
use crate::envoy::admin::Admin;
use crate::envoy::process::tied_to_parent;
use crate::pki::Authority;
use crate::service::Service;
use crate::upstream::{App, Call, Received, Reply};

/// The port of every service, and the one at which applications find them: without capture these must be the same.
pub const SERVICE_PORT: u16 = 18_080;

/// Where a pod takes requests.
const INBOUND_PORT: u16 = 18_443;

/// What a pod is.
#[derive(Debug, Clone)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its service account, after which it is named, too.
    pub service_account: String,
    /// Its labels, by which plugins find it.
    pub labels: BTreeMap<String, String>,
    /// Its address, which nobody else may have.
    pub address: Ipv4Addr,
    /// Whether its proxy is set up for capture, as in a cluster: then no object says where its application finds the mesh.
    /// Here nothing captures, so that nothing gets through it; its configuration is what there is to see.
    pub is_captured: bool,
}

/// A pod whose application runs.
pub struct Placed {
    pod: Pod,
    app: App,
}

/// A pod that runs altogether. Ends when dropped.
pub struct Running {
    agent: Service,
    placed: Placed,
    admin: Admin,
}

impl Pod {
    /// Starts the application.
    ///
    /// # Errors
    ///
    /// When there is no port or no thread to be had.
    pub fn place(self, handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> io::Result<Placed> {
        let app = App::start(handler)?;
        app.set_outbound(Endpoint::plain((self.address, SERVICE_PORT).into(), "nowhere"));
        Ok(Placed { pod: self, app })
    }

    /// The host by which others call it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.service_account, self.namespace)
    }

    /// Its identity.
    #[must_use]
    pub fn spiffe(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/{}", self.namespace, self.service_account)
    }
}

impl Placed {
    /// What tells istiod of it: its namespace, its service, and its sidecar.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let Pod { namespace, service_account, labels, address, .. } = &self.pod;
        let port = |number: u16| json!({"number": number, "name": "http", "protocol": "HTTP"});
        let metadata = json!({"namespace": namespace, "name": service_account});
        let mut objects = vec![
            json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
            }),
            json!({
                "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata,
                "spec": {
                    "hosts": [self.pod.host()],
                    "ports": [port(SERVICE_PORT)],
                    "location": "MESH_INTERNAL",
                    "resolution": "STATIC",
                    "endpoints": [{
                        "address": address,
                        "ports": {"http": INBOUND_PORT},
                        "labels": labels,
                        "serviceAccount": service_account,
                    }],
                },
            }),
            json!({
                "apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": metadata,
                "spec": {
                    "workloadSelector": {"labels": labels},
                    "ingress": [{
                        "port": port(INBOUND_PORT),
                        "bind": address,
                        "captureMode": "NONE",
                        "defaultEndpoint": self.app.address().to_string(),
                    }],
                    "egress": [{
                        "port": port(SERVICE_PORT),
                        "bind": address,
                        "captureMode": "NONE",
                        "hosts": ["*/*"],
                    }],
                },
            }),
        ];
        if self.pod.is_captured {
            objects.truncate(1);
        }
        objects
    }

    /// Starts the agent, which starts Envoy. It keeps its files in `directory`, and pulls images from `registry` whether
    /// or not that speaks TLS.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(
        self,
        binaries: &Binaries,
        envoy: &Path,
        control_plane: &ControlPlane,
        authority: &Authority,
        registry: SocketAddr,
        directory: &Path,
    ) -> io::Result<Running> {
        let Pod { namespace, service_account, labels, address, is_captured } = &self.pod;
        let interception = if *is_captured { "REDIRECT" } else { "NONE" };
        // Where the agent looks for certificates that somebody else has put there, from where it runs.
        let certificates = directory.join("var/run/secrets/workload-spiffe-credentials");
        fs::create_dir_all(&certificates)?;
        let files = authority.issue(&[&self.pod.spiffe()]).write(&certificates)?;
        fs::rename(files.certificate, certificates.join("cert-chain.pem"))?;
        fs::rename(files.key, certificates.join("key.pem"))?;
        fs::write(certificates.join("root-cert.pem"), authority.pem())?;

        let [admin, status, health, metrics] = free_ports()?;
        let proxy_config = json!({
            "binaryPath": envoy,
            "proxyBootstrapTemplatePath": binaries.bootstrap_template,
            "discoveryAddress": control_plane.discovery().to_string(),
            "interceptionMode": interception,
            "proxyAdminPort": admin,
            "statusPort": status,
            "concurrency": 2,
            "terminationDrainDuration": "1s",
        });
        // The agent keeps modules in a directory of the root's. It gets one of its own, in a name space in which it is
        // the first process, so that its Envoy ends with it.
        let mut command = tied_to_parent(Path::new("unshare"));
        command.args(["--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c"]);
        command.arg("mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec \"$@\"").arg("sh");
        command.arg(&binaries.agent).args([
            "proxy",
            "sidecar",
            "--proxyLogLevel=warning,wasm:info,config:info",
        ]);
        command.args(["--log_output_level=default:info,wasm:debug"]).current_dir(directory);
        command.env("PROXY_CONFIG", proxy_config.to_string());
        command.env("INSTANCE_IP", address.to_string());
        command.env("POD_NAME", service_account).env("POD_NAMESPACE", namespace);
        command.env("SERVICE_ACCOUNT", service_account).env("TRUST_DOMAIN", "cluster.local");
        command.env("ISTIO_META_INTERCEPTION_MODE", interception).env("ISTIO_META_CLUSTER_ID", "Kubernetes");
        command.env("ISTIO_METAJSON_LABELS", json!(labels).to_string());
        command
            .env("ENVOY_STATUS_PORT", health.to_string())
            .env("ENVOY_PROMETHEUS_PORT", metrics.to_string());
        command.env("PROXY_CONFIG_XDS_AGENT", "false").env("PEER_METADATA_DISCOVERY", "false");
        // It shows the same certificate to the control plane, whose own is of the same authority.
        command.env("PROV_CERT", &certificates).env("ISTIOD_SAN", control_plane::HOST);
        command.env("WASM_INSECURE_REGISTRIES", registry.to_string());
        // Clouds tell machines of themselves at an address of the network; nobody is asked.
        command.env("CLOUD_PLATFORM", "none");
        let agent = Service::start(command, &directory.join("agent.log"))?;
        let admin = Admin::new((Ipv4Addr::LOCALHOST, admin).into());
        Ok(Running { agent, placed: self, admin })
    }
}

impl Running {
    /// Waits until Envoy is live: it has all of its configuration then, plugins included.
    ///
    /// # Errors
    ///
    /// With the end of the log when it does not get ready.
    pub fn wait_ready(&mut self) -> io::Result<()> {
        let admin = self.admin;
        self.agent.wait_for("the proxy to be ready", |_| {
            Ok(admin.page("/ready").is_ok_and(|page| page.starts_with("LIVE")).then_some(()))
        })
    }

    /// What the pod is.
    #[must_use]
    pub fn pod(&self) -> &Pod {
        &self.placed.pod
    }

    /// Where callers with mTLS reach it.
    #[must_use]
    pub fn inbound(&self) -> SocketAddr {
        (self.pod().address, INBOUND_PORT).into()
    }

    /// Where its application finds the mesh.
    #[must_use]
    pub fn outbound(&self) -> SocketAddr {
        (self.pod().address, SERVICE_PORT).into()
    }

    /// What reached the application, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.placed.app.received()
    }

    /// Envoy's admin endpoint.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin
    }

    /// What the agent and Envoy have said so far.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> io::Result<String> {
        self.agent.log()
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    ///
    /// With the end of the log when the agent ended first, or it took too long; or the error of `look`.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        self.agent.wait_for(what, |_| look())
    }
}

/// Ports that nothing listens on.
fn free_ports() -> io::Result<[u16; 4]> {
    let mut held = Vec::new();
    let mut port = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        held.push(listener);
        io::Result::Ok(port)
    };
    Ok([port()?, port()?, port()?, port()?])
}
