//! Starts programs that end with this process, even if it is killed.

use std::process::{Child, Command};
use std::sync::{OnceLock, PoisonError, mpsc};

use anyhow::Context;

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts `program` so that the kernel kills it when this process ends, whatever ends it.
///
/// The kernel watches the *thread* that started it, so one thread that never ends starts all.
pub(super) fn start(program: &str, arguments: &[String]) -> anyhow::Result<Child> {
    static LAUNCHER: OnceLock<std::sync::Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let launcher = LAUNCHER.get_or_init(|| {
        let (orders, incoming) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in incoming {
                drop(answer.send(command.spawn()));
            }
        });
        std::sync::Mutex::new(orders)
    });
    let mut command = Command::new(program);
    command.args(arguments);
    let mut command = servers::bound(&command, None);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let (answer, started) = mpsc::channel();
    launcher
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .context("the launcher runs")?;
    started
        .recv()
        .context("the launcher answers")?
        .context("start setpriv (Debian's package util-linux)")
}

/// Sends a signal to one process.
pub(super) fn signal(name: &str, pid: u32) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .context("start kill")?;
    anyhow::ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}
