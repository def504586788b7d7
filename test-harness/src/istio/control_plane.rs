//! The real `pilot-discovery`, which reads its objects from an API server that is none.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::binaries::Binaries;
use crate::artifact::workspace;
use crate::envoy::process::tied_to_parent;
use crate::pki::Authority;
use crate::service::Service;

/// The name by which proxies know it.
pub(super) const HOST: &str = "istiod.istio-system.svc";

/// What is not wanted, since it asks for a cluster or for extensions that a stock Envoy does not have.
const SETTINGS: [(&str, &str); 14] = [
    ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
    ("PILOT_ENABLE_ALPN_FILTER", "false"),
    ("PILOT_ENABLE_TELEMETRY_LABEL", "false"),
    ("PILOT_ENABLE_GATEWAY_API", "false"),
    ("PILOT_ENABLE_STATUS", "false"),
    ("PILOT_ENABLE_ANALYSIS", "false"),
    ("PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS", "false"),
    ("PILOT_ENABLE_AMBIENT", "false"),
    ("ENABLE_CA_SERVER", "false"),
    ("PILOT_CERT_PROVIDER", "none"),
    ("VALIDATION_WEBHOOK_CONFIG_NAME", ""),
    ("INJECTION_WEBHOOK_CONFIG_NAME", ""),
    // A change is passed on soon, not after Istio's tenth of a second of silence.
    ("PILOT_DEBOUNCE_AFTER", "10ms"),
    ("POD_NAMESPACE", "istio-system"),
];

/// A running control plane.
pub struct ControlPlane {
    service: Service,
    discovery: SocketAddr,
}

impl ControlPlane {
    /// Starts one that keeps its files in `directory`, and waits until it takes proxies: those with a certificate of the
    /// authority, which also gives it its own.
    ///
    /// # Errors
    ///
    /// With the end of its log when it does not start.
    pub fn start(
        binaries: &Binaries,
        api_server: &ApiServer,
        authority: &Authority,
        directory: &Path,
    ) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let files = authority.issue_server(HOST).write(directory)?;
        let roots = directory.join("root-cert.pem");
        fs::write(&roots, authority.pem())?;
        let mesh = directory.join("mesh.yaml");
        let logs = fs::read_to_string(workspace().join("istio/observability/mesh-config.yaml"))?;
        let logs: Value = serde_saphyr::from_str(&logs).map_err(io::Error::other)?;
        let providers = &logs["meshConfig"]["extensionProviders"];
        fs::write(&mesh, mesh_config(free_ports()?, providers).to_string())?;
        let kube_config = directory.join("kubeconfig.yaml");
        fs::write(&kube_config, kubeconfig(api_server.address()).to_string())?;
        let mut command: Command = tied_to_parent(&binaries.discovery);
        command.current_dir(directory).arg("discovery").arg("--kubeconfig").arg(&kube_config);
        command.arg("--meshConfig").arg(&mesh).args(["--registries=", "--httpsAddr="]);
        // It says itself which ports it gets.
        command.args([
            "--secureGRPCAddr=127.0.0.1:0",
            "--grpcAddr=127.0.0.1:0",
            "--httpAddr=127.0.0.1:0",
            "--monitoringAddr=",
        ]);
        command.arg("--tlsCertFile").arg(files.certificate).arg("--tlsKeyFile").arg(files.key);
        command.arg("--caCertFile").arg(roots);
        command.args(["--ctrlz_port=0", "--log_output_level=default:info,delta:debug"]);
        command.envs(SETTINGS);
        let mut service = Service::start(command, &directory.join("istiod.log"))?;
        let line = service.wait_for_line("starting secure gRPC discovery service at ")?;
        let address = line.rsplit_once(" at ").and_then(|(_, address)| address.trim().parse().ok());
        let discovery = address.ok_or_else(|| service.failure("istiod says no address"))?;
        Ok(Self { service, discovery })
    }

    /// Where proxies ask it.
    #[must_use]
    pub fn discovery(&self) -> SocketAddr {
        self.discovery
    }

    /// What it has said so far.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> io::Result<String> {
        self.service.log()
    }
}

/// No telemetry, which would take extensions of Istio's own proxy. Of access logs only what can be turned on.
///
/// `ports` are those of proxies that are set up for capture: the usual ones may be somebody else's here.
fn mesh_config(ports: [u16; 2], providers: &Value) -> Value {
    let [outbound, inbound] = ports;
    json!({
        "proxyListenPort": outbound,
        "proxyInboundListenPort": inbound,
        "trustDomain": "cluster.local",
        "rootNamespace": "istio-system",
        "enablePrometheusMerge": false,
        "defaultProviders": {},
        "extensionProviders": providers,
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
    })
}

/// Two ports that nothing listens on.
fn free_ports() -> io::Result<[u16; 2]> {
    let hold = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
    let held = (hold()?, hold()?);
    Ok([held.0.local_addr()?.port(), held.1.local_addr()?.port()])
}

fn kubeconfig(api_server: SocketAddr) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": format!("http://{api_server}")}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {}}],
    })
}
