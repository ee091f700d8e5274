//! The network: a bridge in a namespace of its own, and a namespace for each pod on it.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::tools::said_by;

/// How the names of our namespaces begin; the id of the process that made them follows.
const PREFIX: &str = "ticketing-";

/// Where namespaces are kept (ip-netns(8)).
const NAMESPACES: &str = "/run/netns";

/// A network. It and the namespaces of its pods are gone with this value.
pub struct Lan {
    name: String,
    pods: AtomicU16,
}

impl Lan {
    /// Makes one, after it has removed those whose processes are gone.
    ///
    /// # Errors
    /// When this process may not: it takes root.
    pub fn new() -> Result<Self> {
        remove_abandoned()?;
        let lan = Self {
            name: format!("{PREFIX}{}", std::process::id()),
            pods: AtomicU16::new(0),
        };
        ip(&["netns", "add", &lan.name]).context("network namespaces take root")?;
        let address = format!("{}/16", Self::ADDRESS);
        for words in [
            &["link", "add", "switch", "type", "bridge"][..],
            &["addr", "add", &address, "dev", "switch"],
            &["link", "set", "switch", "up"],
            &["link", "set", "lo", "up"],
        ] {
            lan.ip(words)?;
        }
        Ok(lan)
    }

    /// Where those outside of all pods are: names are told here, and servers forwarded.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    /// A namespace for a pod, and its address.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn add_pod(&self) -> Result<(PathBuf, Ipv4Addr)> {
        let number = self.pods.fetch_add(1, Ordering::Relaxed) + 1;
        let [high, low] = number.to_be_bytes();
        let address = Ipv4Addr::new(10, 77, 1 + high, low);
        let (pod, cable) = (format!("{}-{number}", self.name), format!("pod{number}"));
        ip(&["netns", "add", &pod])?;
        self.ip(&[
            "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pod,
        ])?;
        self.ip(&["link", "set", &cable, "master", "switch", "up"])?;
        let with_mask = format!("{address}/16");
        for words in [
            &["addr", "add", &with_mask, "dev", "eth0"][..],
            &["link", "set", "eth0", "up"],
            &["link", "set", "lo", "up"],
        ] {
            ip(&[&["-n", &pod], words].concat())?;
        }
        Ok((Path::new(NAMESPACES).join(pod), address))
    }

    /// Its own namespace.
    #[must_use]
    pub fn namespace(&self) -> PathBuf {
        Path::new(NAMESPACES).join(&self.name)
    }

    fn ip(&self, words: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.name], words].concat())
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        // The ends of cables go with the namespaces.
        for namespace in namespaces().unwrap_or_default() {
            if namespace == self.name || namespace.starts_with(&format!("{}-", self.name)) {
                ip(&["netns", "delete", &namespace]).ok();
            }
        }
    }
}

/// Moves this thread into a namespace: whatever it opens from now on, and whomever it starts, is there.
///
/// # Errors
/// When there is none, or this process may not.
pub fn inside(namespace: &Path) -> Result<()> {
    let file = File::open(namespace).with_context(|| namespace.display().to_string())?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(())
}

fn ip(words: &[&str]) -> Result<()> {
    said_by(Command::new("ip").args(words)).map(drop)
}

fn namespaces() -> Result<Vec<String>> {
    let folder = match std::fs::read_dir(NAMESPACES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder?,
    };
    let names = folder.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

/// Removes what a process has left that was killed.
fn remove_abandoned() -> Result<()> {
    for namespace in namespaces()? {
        let Some(rest) = namespace.strip_prefix(PREFIX) else {
            continue;
        };
        let owner = rest.split('-').next().unwrap_or_default();
        ensure!(owner.parse::<u32>().is_ok(), "{namespace} is not ours");
        if !Path::new("/proc").join(owner).exists() {
            ip(&["netns", "delete", &namespace])?;
        }
    }
    Ok(())
}
