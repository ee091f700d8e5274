//! The processes of a running cluster, for stories that kill them, hold them down or let them stand still.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http::StatusCode;
use serde_json::Value;
use tokio::process::Command;

use crate::{Answer, Client, Marketplace};

/// How long a process may take to be there again, or to be gone.
const CHANGES_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A cluster, seen through what its supervisor says of it.
#[derive(Debug, Clone)]
pub struct Cluster {
    directory: PathBuf,
}

/// One of its processes.
#[derive(Debug, Clone)]
pub struct Member {
    /// Such as `orders-1`, `nats-2`, `postgres`.
    pub name: String,
    /// Its process; none while it is held down.
    pub pid: Option<u32>,
    /// Where it says whether it is ready, if it is one of ours.
    pub address: Option<SocketAddr>,
}

impl Member {
    /// Whether a name means this one: its own, or the one of its service.
    fn is(&self, name: &str) -> bool {
        let service = self.name.rsplit_once('-').map(|(service, _)| service);
        self.name == name || service == Some(name)
    }
}

impl Cluster {
    /// The one that this marketplace is, apart.
    #[must_use]
    pub fn of(marketplace: &Marketplace) -> Self {
        Self {
            directory: marketplace.data_dir(),
        }
    }

    /// The supervisor's process.
    ///
    /// # Errors
    /// When no cluster runs there.
    pub fn supervisor(&self) -> anyhow::Result<u32> {
        let pid = self.state()?.get("pid").and_then(Value::as_u64);
        Ok(u32::try_from(pid.context("no pid")?)?)
    }

    /// Every process that a name means: `orders-1` one, `orders` all of that service.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn members(&self, name: &str) -> anyhow::Result<Vec<Member>> {
        let mut members = self.all()?;
        members.retain(|member| member.is(name));
        ensure!(!members.is_empty(), "the cluster has no {name}");
        Ok(members)
    }

    /// Every process.
    ///
    /// # Errors
    /// When no cluster runs there.
    pub fn all(&self) -> anyhow::Result<Vec<Member>> {
        let state = self.state()?;
        let members = state.get("members").and_then(Value::as_array);
        let members = members.context("no members")?.iter();
        members.map(member).collect()
    }

    /// Where the database of a service is, for whoever takes part as one of its replicas.
    ///
    /// # Errors
    /// When no cluster runs there.
    pub fn database_url(&self, service: &str) -> anyhow::Result<String> {
        Ok(self.said("database_url")?.replace("{service}", service))
    }

    /// Where the bus is.
    ///
    /// # Errors
    /// When no cluster runs there.
    pub fn nats_url(&self) -> anyhow::Result<String> {
        self.said("nats_url")
    }

    fn said(&self, name: &str) -> anyhow::Result<String> {
        let state = self.state()?;
        let said = state.get(name).and_then(Value::as_str);
        said.map(str::to_owned)
            .with_context(|| format!("no {name}"))
    }

    fn state(&self) -> anyhow::Result<Value> {
        let text = fs::read(self.directory.join("cluster.json"))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Ends a process as a crash does, and waits until the supervisor has started another.
    ///
    /// # Errors
    /// When it does not run, or is not started again.
    pub async fn kill(&self, name: &str) -> anyhow::Result<()> {
        self.again(name, "KILL").await
    }

    /// Ends a process in order, and waits until the supervisor has started another.
    ///
    /// # Errors
    /// When it does not run, does not end, or is not started again.
    pub async fn restart(&self, name: &str) -> anyhow::Result<()> {
        self.again(name, "TERM").await
    }

    async fn again(&self, name: &str, by: &str) -> anyhow::Result<()> {
        let before = self.pid(name)?;
        signal(before, by).await?;
        let started = async || {
            Ok(self
                .members(name)?
                .iter()
                .all(|member| member.pid.is_some_and(|pid| pid != before)))
        };
        until(&format!("{name} is started again"), started).await
    }

    /// Lets a process stand still: its connections stay, nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn pause(&self, name: &str) -> anyhow::Result<()> {
        signal(self.pid(name)?, "STOP").await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn resume(&self, name: &str) -> anyhow::Result<()> {
        signal(self.pid(name)?, "CONT").await
    }

    /// The program that a process runs.
    ///
    /// # Errors
    /// When it does not run.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let pid = self.pid(name)?;
        Ok(fs::read_link(format!("/proc/{pid}/exe"))?)
    }

    fn pid(&self, name: &str) -> anyhow::Result<u32> {
        let members = self.members(name)?;
        let pid = members.first().and_then(|member| member.pid);
        pid.with_context(|| format!("{name} does not run"))
    }

    /// Ends what a name means, and keeps it down.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn hold(&self, name: &str) -> anyhow::Result<()> {
        fs::write(self.directory.join("held").join(name), "")?;
        let ended = async || {
            Ok(self
                .members(name)?
                .iter()
                .all(|member| member.pid.is_none()))
        };
        until(&format!("{name} is down"), ended).await
    }

    /// Lets it run again, and waits until it does and everything is ready.
    ///
    /// # Errors
    /// When it does not.
    pub async fn release(&self, name: &str) -> anyhow::Result<()> {
        fs::remove_file(self.directory.join("held").join(name))?;
        let runs = async || {
            Ok(self
                .members(name)?
                .iter()
                .all(|member| member.pid.is_some()))
        };
        until(&format!("{name} runs"), runs).await?;
        self.wait_until_ready().await
    }

    /// Waits until every process of ours says that it is ready, and the load balancer has heard it.
    ///
    /// # Errors
    /// When one does not in time.
    pub async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let ready = async || {
            for member in self.all()? {
                let Some(address) = member.address else {
                    continue;
                };
                if !readiness(address)
                    .await
                    .is_ok_and(|(status, _)| status == StatusCode::OK)
                {
                    return Ok(false);
                }
            }
            self.is_balanced().await
        };
        until("everything is ready", ready).await
    }

    /// Whether the load balancer sends requests to every replica.
    async fn is_balanced(&self) -> anyhow::Result<bool> {
        let figures = self.figures("gateway").await?;
        let mut upstreams = figures
            .lines()
            .filter(|line| line.starts_with("ticketing_gateway_upstream_up{"));
        Ok(upstreams.all(|line| line.ends_with(" 1")))
    }

    /// The figures of all that a name means, one after the other, as Prometheus reads them.
    async fn figures(&self, name: &str) -> anyhow::Result<String> {
        let mut figures = String::new();
        for member in self.members(name)? {
            let address = member.address.context("it does not listen")?;
            let answer = ask(address, "/metrics").await?;
            figures.push_str(&String::from_utf8_lossy(&answer.body));
        }
        Ok(figures)
    }

    /// Waits until what a name means says that it is not ready because of a check.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn wait_until_unready(&self, name: &str, check: &str) -> anyhow::Result<()> {
        let says = async || {
            for member in self.members(name)? {
                let address = member.address.context("it does not listen")?;
                let (status, said) = readiness(address).await?;
                let checks = said.get("checks").and_then(|checks| checks.get(check));
                if status != StatusCode::SERVICE_UNAVAILABLE || checks != Some(&Value::Bool(false))
                {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        until(&format!("{name} is not ready for want of {check}"), says).await
    }

    /// Ends the supervisor with a signal, and waits until nothing is left of the cluster.
    ///
    /// # Errors
    /// When something is, after `limit`.
    pub async fn end(&self, name: &str, limit: Duration) -> anyhow::Result<()> {
        signal(self.supervisor()?, name).await?;
        let ended = tokio::time::timeout(limit, async {
            while !self.left()?.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(())
        });
        match ended.await {
            Ok(ended) => ended,
            Err(_) => bail!("{limit:?} after SIG{name} there are {:?}", self.left()?),
        }
    }

    /// The processes on this machine that have to do with the cluster's directory: that work in it, or
    /// were told of it. Those that have ended and wait to be noticed don't count.
    ///
    /// # Errors
    /// When the machine's processes can't be listed.
    pub fn left(&self) -> anyhow::Result<Vec<String>> {
        let mut left = Vec::new();
        for process in fs::read_dir("/proc")? {
            let process = process?.path();
            let is_own = process.ends_with(std::process::id().to_string());
            if !is_own && has_to_do(&process, &self.directory) {
                let told = fs::read(process.join("cmdline")).unwrap_or_default();
                let told = String::from_utf8_lossy(&told).replace('\0', " ");
                left.push(format!("{}: {told}", process.display()));
            }
        }
        Ok(left)
    }
}

fn member(said: &Value) -> anyhow::Result<Member> {
    let name = said.get("name").and_then(Value::as_str);
    let pid = said.get("pid").and_then(Value::as_u64);
    let address = said.get("address").and_then(Value::as_str);
    Ok(Member {
        name: name.context("no name")?.to_owned(),
        pid: pid.map(u32::try_from).transpose()?,
        address: address.map(str::parse).transpose()?,
    })
}

async fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let mut kill = Command::new("kill");
    let status = kill.arg(format!("-{name}")).arg(pid.to_string()).status();
    ensure!(status.await?.success(), "there is no process {pid}");
    Ok(())
}

/// What a process says of itself at `/readyz`.
async fn readiness(address: SocketAddr) -> anyhow::Result<(StatusCode, Value)> {
    let answer = ask(address, "/readyz").await?;
    Ok((answer.status, answer.json()))
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    let ask = async { Client::connect(address).await?.get(path).await };
    tokio::time::timeout(Duration::from_secs(2), ask).await?
}

fn has_to_do(process: &Path, directory: &Path) -> bool {
    // Its place is forgotten when it has ended; its name goes on until its parent looks.
    let place = fs::read_link(process.join("cwd"));
    if place
        .as_ref()
        .is_ok_and(|place| place.starts_with(directory))
    {
        return true;
    }
    let text = directory.as_os_str().as_encoded_bytes();
    ["cmdline", "environ"].iter().any(|file| {
        let told = fs::read(process.join(file)).unwrap_or_default();
        told.windows(text.len()).any(|part| part == text)
    })
}

/// Waits until something is so.
async fn until(what: &str, is: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + CHANGES_WITHIN;
    // Something may be unreadable, or unreachable, because it is just changing.
    let mut last = String::new();
    while tokio::time::Instant::now() < end {
        match is().await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last = format!(": {error:#}"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("it is not so within {CHANGES_WITHIN:?} that {what}{last}")
}
