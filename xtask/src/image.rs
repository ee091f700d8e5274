//! `cargo xtask image`: the program as one static file, and an image that holds it and what it is made of.

mod elf;
mod program;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::{process, workspace};

/// What an image may weigh, in bytes: a node that has none of it fetches it before a pod starts.
pub const SIZE_MAX: u64 = 60_000_000;

#[derive(clap::Args)]
pub struct Args {
    /// How the program is compiled: `dist` is what people get, `dev` what the tests have compiled already.
    #[arg(long, value_enum, default_value_t = Profile::Dist)]
    profile: Profile,
    /// What makes the image: the first of these that is installed.
    #[arg(long, value_enum)]
    builder: Option<Builder>,
    /// The image's name; `ticketing` and the version unless it is given.
    #[arg(long)]
    tag: Option<String>,
    /// Only the folder that the image is made of, which any builder takes.
    #[arg(long)]
    context_only: bool,
}

/// How the program is compiled.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// As people get it; takes minutes.
    Dist,
    /// As tests have it; larger and slower, without waiting.
    Dev,
}

/// What makes images.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Builder {
    Docker,
    Podman,
    Buildah,
}

impl Builder {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// Whether it is installed; Docker's command alone makes nothing without its daemon.
    fn is_ready(self) -> bool {
        let daemon = || process::program("docker", &["info"]).output();
        let answers = || daemon().is_ok_and(|output| output.status.success());
        process::is_there(self.name()) && (self != Self::Docker || answers())
    }
}

/// Makes the image.
///
/// # Errors
/// When the program does not build, is not static or is too large, or when nothing is there that makes images.
pub fn run(args: &Args) -> Result<ExitCode> {
    let builder = match args.builder {
        _ if args.context_only => None,
        Some(builder) => Some(builder),
        None => Some(installed()?),
    };
    let context = context(args.profile)?;
    if let Some(builder) = builder {
        let tag = match &args.tag {
            Some(tag) => tag.clone(),
            None => format!("ticketing:{}", env!("CARGO_PKG_VERSION")),
        };
        process::run(build(builder, &context, &tag))?;
        println!("made {tag}");
    }
    println!("from {}", context.display());
    Ok(ExitCode::SUCCESS)
}

fn installed() -> Result<Builder> {
    let mut all = Builder::value_variants().iter().copied();
    all.find(|builder| builder.is_ready())
        .context("nothing that makes images is installed: docker, podman or buildah")
}

/// The command that makes the image of a context.
fn build(builder: Builder, context: &Path, tag: &str) -> Command {
    let mut command = process::program(builder.name(), &["build", "--tag", tag]);
    let labels = [
        ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("REVISION", git(&["rev-parse", "HEAD"])),
        // The change's time, not the build's: the same source makes the same labels.
        ("CREATED", git(&["log", "-1", "--format=%cI"])),
    ];
    for (name, value) in labels {
        command.args(["--build-arg", &format!("{name}={value}")]);
    }
    command.arg(context);
    command
}

fn git(args: &[&str]) -> String {
    let said = process::program("git", args).output();
    let said = said.ok().filter(|output| output.status.success());
    let text = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|| "unknown".to_owned())
}

/// The folder that an image is made of: the program, its bill of materials, the licence and the
/// Dockerfile.
///
/// # Errors
/// When the program does not build, is not static or is too large.
pub fn context(profile: Profile) -> Result<PathBuf> {
    let folder = workspace::image(profile == Profile::Dev);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let program = folder.join("ticketing");
    program::build(profile, &program)?;
    ensure!(
        elf::is_static(&fs::read(&program)?)?,
        "{} needs libraries that an image without any does not have",
        program.display()
    );
    fs::write(folder.join("sbom.cdx.json"), sbom::document()?)?;
    for file in ["LICENSE", "deploy/Dockerfile"] {
        let from = workspace::root().join(file);
        let name = from.file_name().context("a file has a name")?;
        fs::copy(&from, folder.join(name)).with_context(|| from.display().to_string())?;
    }
    let size = size(&folder)?;
    ensure!(
        size < SIZE_MAX,
        "the image has {size} bytes; the limit is {SIZE_MAX}"
    );
    println!("the image has {:.1} MB", megabytes(size));
    Ok(folder)
}

fn size(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        size += entry?.metadata()?.len();
    }
    Ok(size)
}

#[expect(clippy::as_conversions, reason = "for people, in one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builder_gets_the_same_labels() {
        for builder in Builder::value_variants() {
            let command = build(*builder, Path::new("folder"), "ticketing:test");
            let words: Vec<_> = command
                .get_args()
                .map(|word| word.to_string_lossy())
                .collect();
            assert_eq!(command.get_program(), builder.name());
            assert_eq!(words.first().unwrap(), "build");
            assert_eq!(words.last().unwrap(), "folder");
            for label in ["VERSION=", "REVISION=", "CREATED="] {
                assert!(
                    words.iter().any(|word| word.starts_with(label)),
                    "{words:?}"
                );
            }
        }
    }
}
