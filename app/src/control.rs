//! The socket in the data directory over which `check`, `events` and `backup` reach a running `up`.

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

fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Answers operators until the process stops.
///
/// # Errors
/// When the socket can't be made.
pub fn serve(operator: Operator, tasks: &Tasks) -> anyhow::Result<()> {
    let path = socket(&operator.data_dir);
    // The directory is locked: a socket that is there was left by a process that is gone.
    drop(std::fs::remove_file(&path));
    let listener = UnixListener::bind(&path).with_context(|| format!("{}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
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
    match UnixStream::connect(socket(data_dir)).await {
        Ok(stream) => ask_running(stream, &request).await,
        Err(_) => ask_stopped(data_dir, request).await,
    }
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
