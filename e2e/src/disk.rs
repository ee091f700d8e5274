//! A small disk that can be filled up: a file system in memory that only one program sees.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// Who mounts it, says so, and stays for as long as it is wanted.
const HOLDER: &str = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && echo && exec sleep infinity";

/// The name of the file that takes up the room that is left.
const BALLAST: &str = "ballast";

/// A disk of its own for a program. It is there for as long as the value is; nobody else sees it.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    path: PathBuf,
    namespaces: &'static [&'static str],
}

impl SmallDisk {
    /// A disk of so many MiB, which the program finds under this path.
    ///
    /// # Errors
    /// When the machine does not let anybody mount one.
    pub async fn mount(mib: u32, path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        // Whoever is not root is it in a namespace of users.
        let is_root = Command::new("id").arg("-u").output().await?.stdout == b"0\n";
        let (unshare, namespaces): (&[&str], &'static [&'static str]) = if is_root {
            (&["--mount"], &["--mount"])
        } else {
            let enter = &["--user", "--mount", "--preserve-credentials"];
            (&["--map-root-user", "--mount"], enter)
        };
        // It does not outlive a test that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "unshare"]);
        command.args(unshare).args(["sh", "-c", HOLDER, "sh"]);
        command.arg(format!("{mib}m")).arg(path);
        let mut holder = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let mut told = [0];
        let output = holder.stdout.as_mut().context("no output")?;
        let mounted = output.read(&mut told).await?;
        ensure!(mounted == 1, "a small disk can't be mounted");
        Ok(Self {
            holder,
            path: path.to_owned(),
            namespaces,
        })
    }

    /// A command that finds the disk where its path is.
    ///
    /// # Errors
    /// When the disk is gone.
    pub fn command(&self, program: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder()?]);
        command.args(self.namespaces).arg("--").arg(program);
        Ok(command)
    }

    /// Takes up all room that is left.
    ///
    /// # Errors
    /// When something else than the room is missing.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.outside()?.join(BALLAST))?;
        for size in [1 << 16, 1 << 12, 1] {
            let block = vec![b'x'; size];
            loop {
                match ballast.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives back the room that was taken up.
    ///
    /// # Errors
    /// When none was.
    pub fn make_room(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.outside()?.join(BALLAST))?)
    }

    /// Where everybody finds the disk.
    fn outside(&self) -> anyhow::Result<PathBuf> {
        let inside = self.path.strip_prefix("/")?;
        let root = Path::new("/proc").join(self.holder()?).join("root");
        Ok(root.join(inside))
    }

    fn holder(&self) -> anyhow::Result<String> {
        let id = self.holder.id().context("the small disk is gone")?;
        Ok(id.to_string())
    }
}
