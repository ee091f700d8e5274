//! Pods: processes as a manifest says, each in its namespace.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::Client;
use rustix::process::Signal;
use serde_json::Value;
use servers::Process;
use tempfile::TempDir;

use super::Lan;
use super::names::DOMAIN;
use crate::manifests::{list, text};

/// The port that every service listens on in a cluster.
const PORT: u16 = 3000;

/// Nobody's user, as the image has it.
const USER: &str = "65532";

/// Variables, by name.
type Settings = Vec<(String, String)>;

/// What pods are made of.
pub struct Blueprint {
    /// Holds the program, and what stands for a pod's own files.
    folder: TempDir,
    objects: Vec<Value>,
    /// What no manifest says: secrets, and what this stand-in changes.
    told: Settings,
}

impl Blueprint {
    /// Of these manifests, with the program of the tests' image.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn new(objects: Vec<Value>, told: Vec<(&str, String)>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Nobody's user comes in.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let program = crate::image::context()?.join("ticketing");
        fs::copy(&program, folder.path().join("ticketing"))?;
        // As a cluster's node writes it: short names are completed.
        let etc = folder.path().join("etc");
        fs::create_dir(&etc)?;
        let resolver = format!(
            "nameserver {}\nsearch {DOMAIN} svc.cluster.local cluster.local\noptions ndots:5\n",
            Lan::ADDRESS
        );
        fs::write(etc.join("resolv.conf"), resolver)?;
        let mail = folder.path().join("mail");
        fs::create_dir(&mail)?;
        fs::set_permissions(&mail, fs::Permissions::from_mode(0o777))?;
        let mut told: Settings = told
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        // There is no mail server here.
        told.push(("TICKETING_MAIL_DIR".to_owned(), mail.display().to_string()));
        Ok(Self {
            folder,
            objects,
            told,
        })
    }

    /// A command of the program, told nothing: what our own environment says is not meant for it.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command.args(arguments).env_clear();
        command
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("ticketing")
    }

    /// What the log of a pod says.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// The arguments and settings of a service.
    fn of(&self, service: &str) -> Result<(Vec<String>, Settings)> {
        let find = |kind: &str, name: &str| {
            let mut objects = self.objects.iter();
            let found = objects.find(|object| {
                text(object, "/kind") == kind && text(object, "/metadata/name") == name
            });
            found.with_context(|| format!("no {kind} {name}"))
        };
        let deployment = find("Deployment", service)?;
        let container = deployment.pointer("/spec/template/spec/containers/0");
        let container = container.context("it has a container")?;
        let map = find("ConfigMap", text(container, "/envFrom/0/configMapRef/name"))?;
        let data = map.pointer("/data").and_then(Value::as_object);
        let settings = data.context("it has settings")?.iter();
        let settings = settings
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let arguments = list(container, "/args").iter().filter_map(Value::as_str);
        Ok((
            arguments.map(str::to_owned).collect(),
            settings.chain(self.told.iter().cloned()).collect(),
        ))
    }
}

/// A pod that runs. It is killed with this value.
pub struct Pod {
    /// Such as `orders-3`.
    pub name: String,
    /// Its service.
    pub service: String,
    /// Its address.
    pub ip: Ipv4Addr,
    process: Process,
}

impl Pod {
    /// Starts one, with an address that no other has had.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(blueprint: &Blueprint, lan: &Lan, service: &str) -> Result<Self> {
        let (namespace, ip) = lan.add_pod()?;
        let name = format!("{service}-{}", ip.octets().last().unwrap_or(&0));
        let (arguments, settings) = blueprint.of(service)?;
        let mut command = confined(&namespace, blueprint.folder.path());
        command.arg(blueprint.program()).args(arguments);
        command
            .env_clear()
            .envs(settings)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("TICKETING_LISTEN", format!("0.0.0.0:{PORT}"));
        let log = File::create(blueprint.log(&name))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = Process::spawn(name.clone(), command)?;
        Ok(Self {
            name,
            service: service.to_owned(),
            ip,
            process,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((self.ip, PORT))
    }

    /// Whether it says that it is ready, as a node's kubelet asks it.
    pub async fn is_ready(&self) -> bool {
        let ask = async {
            let mut probe = Client::connect(self.address()).await?;
            anyhow::Ok(probe.get("/readyz").await?.status.is_success())
        };
        let answer = tokio::time::timeout(Duration::from_secs(1), ask).await;
        matches!(answer, Ok(Ok(true)))
    }

    /// Tells it to stop.
    ///
    /// # Errors
    /// When it is gone.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal(Signal::TERM)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.wait(Duration::ZERO)
    }

    /// Ends it as the loss of its node does.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }
}

/// A command in a namespace, as nobody's user without any right, with a cluster's files in the place of
/// this machine's `/etc`; killed when whoever starts it ends.
fn confined(namespace: &Path, folder: &Path) -> Command {
    const MOUNT: &str = "mount --bind \"$0\" /etc && exec \"$@\"";
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", namespace.display()))
        .arg("--");
    command.args(["unshare", "--mount", "--", "sh", "-c", MOUNT]);
    command.arg(folder.join("etc"));
    command.args([
        "setpriv",
        "--reuid",
        USER,
        "--regid",
        USER,
        "--clear-groups",
    ]);
    command.args(["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]);
    command.args(["--pdeathsig", "KILL", "--"]);
    command
}
