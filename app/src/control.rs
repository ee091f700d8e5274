//! The socket in the data directory over which `check`, `events` and `backup` reach a running `up`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use platform::tasks::Tasks;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::operator::{Operator, Request, offline};

/// What the running process answers, one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Line(String),
    Failed(String),
    Exit(u8),
}

/// How many bytes the path of a socket has at most (`sun_path` of unix(7), less its end).
const PATH_MAX: usize = 107;

/// The socket in a data directory.
struct Socket {
    path: PathBuf,
    /// Keeps the short way to a directory with a long name.
    _directory: Option<File>,
}

impl Socket {
    fn of(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("control.sock");
        if path.as_os_str().len() <= PATH_MAX {
            return Ok(Self {
                path,
                _directory: None,
            });
        }
        let directory = File::open(data_dir)?;
        let path = format!("/proc/self/fd/{}/control.sock", directory.as_raw_fd());
        Ok(Self {
            path: path.into(),
            _directory: Some(directory),
        })
    }
}

/// Answers operators until the process stops.
///
/// # Errors
/// When the socket can't be made.
pub fn serve(operator: Operator, tasks: &Tasks) -> anyhow::Result<()> {
    let place = || format!("--data-dir {}: control.sock", operator.data_dir.display());
    let socket = Socket::of(&operator.data_dir).with_context(place)?;
    // The directory is locked: a socket that is there was left by a process that is gone.
    drop(std::fs::remove_file(&socket.path));
    let listener = UnixListener::bind(&socket.path).with_context(place)?;
    std::fs::set_permissions(&socket.path, std::fs::Permissions::from_mode(0o600))?;
    drop(socket);
    let each = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let operator = operator.clone();
            each.spawn(async move {
                if let Err(error) = answer(stream, &operator).await {
                    tracing::debug!(%error, "an operator went away");
                }
            });
        }
    });
    Ok(())
}

async fn answer(stream: UnixStream, operator: &Operator) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let question = BufReader::new(read)
        .lines()
        .next_line()
        .await?
        .unwrap_or_default();
    let request: Request = serde_json::from_str(&question)?;
    let (lines, mut answers) = mpsc::channel(64);
    let work = async {
        let outcome = operator.execute(request, &lines).await;
        drop(lines);
        outcome
    };
    let send = async {
        while let Some(line) = answers.recv().await {
            write.write_all(&written(&Reply::Line(line))).await?;
        }
        anyhow::Ok(())
    };
    let (outcome, sent) = tokio::join!(work, send);
    sent?;
    let end = match outcome {
        Ok(code) => Reply::Exit(code),
        Err(error) => Reply::Failed(format!("{error:#}")),
    };
    write.write_all(&written(&end)).await?;
    Ok(())
}

fn written(reply: &Reply) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(reply).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Asks the running marketplace or, if none runs, works on the stopped one; prints the answer.
///
/// # Errors
/// When neither can be done.
pub async fn ask(data_dir: &Path, request: Request) -> anyhow::Result<ExitCode> {
    if let Ok(socket) = Socket::of(data_dir)
        && let Ok(stream) = UnixStream::connect(&socket.path).await
    {
        return ask_running(stream, &request).await;
    }
    ask_stopped(data_dir, request).await
}

async fn ask_running(stream: UnixStream, request: &Request) -> anyhow::Result<ExitCode> {
    let (read, mut write) = stream.into_split();
    let mut question = serde_json::to_vec(request)?;
    question.push(b'\n');
    write.write_all(&question).await?;
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Reply::Line(line) => println!("{line}"),
            Reply::Failed(error) => anyhow::bail!(error),
            Reply::Exit(code) => return Ok(ExitCode::from(code)),
        }
    }
    anyhow::bail!("the running marketplace stopped while it was asked")
}

async fn ask_stopped(data_dir: &Path, request: Request) -> anyhow::Result<ExitCode> {
    if matches!(request, Request::Tail) {
        anyhow::bail!(
            "--data-dir {}: no marketplace is running there",
            data_dir.display()
        );
    }
    work_on(offline(data_dir).await?, request).await
}

/// Does what is asked and prints the answer.
///
/// # Errors
/// When it can't be done.
pub async fn work_on(operator: Operator, request: Request) -> anyhow::Result<ExitCode> {
    let (lines, mut answers) = mpsc::channel(64);
    let work = async {
        let outcome = operator.execute(request, &lines).await;
        drop(lines);
        outcome
    };
    let print = async {
        while let Some(line) = answers.recv().await {
            println!("{line}");
        }
    };
    let (outcome, ()) = tokio::join!(work, print);
    operator.close();
    Ok(ExitCode::from(outcome?))
}
