//! Every Rust test of the workspace, under nextest where it is installed: all of them on the databases
//! of one process, then again what must hold on those of many.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use servers::postgres::Postgres;

use crate::counts::{self, Counts};
use crate::{image, process, space, workspace};

/// One run of tests.
struct Run {
    /// What it is about.
    title: &'static str,
    /// What tests are told besides the shared server's port.
    environment: &'static [(&'static str, &'static str)],
    /// Which test binaries, of whichever package has one of that name; empty for everything.
    binaries: &'static [&'static str],
    /// Which tests of these, as nextest's `-E` says it. Without nextest it is all of them.
    filter: Option<&'static str>,
}

/// What is run, one after the other. All binaries are built by the first; the others only tell their
/// tests something else, so that nothing is compiled twice.
const RUNS: &[Run] = &[
    Run {
        title: "everything, on SQLite",
        environment: &[],
        binaries: &[],
        // Clusters and simulations beside it would take the time that stories of one process are told by.
        filter: Some(
            "not (package(e2e) & test(/^faults::/)) and not (package(simulation) & kind(test)) and not binary(cluster)",
        ),
    },
    Run {
        title: "the simulation, on all cores",
        environment: &[],
        binaries: &["seeds", "flaws"],
        filter: None,
    },
    Run {
        title: "the delivery protocol and the services' doors, on PostgreSQL",
        environment: &[("TESTS_DATABASE", "postgres")],
        binaries: &["delivery", "doors"],
        filter: None,
    },
    Run {
        title: "the stories, on services apart, what faults do to them, and a cluster's upgrade",
        // A cluster for each story: one after the other, by nextest's profile of that name.
        environment: &[("STORIES", "apart"), ("NEXTEST_PROFILE", "apart")],
        binaries: &["stories", "cluster"],
        // What is about files and one process is told in the first run.
        filter: Some("not test(/^(data|start)::/)"),
    },
];

/// Names the port of the PostgreSQL server that the tests of a run share.
const SHARED_SERVER: &str = "TESTS_POSTGRES";

/// Names the folder that the tests' image is made of.
const IMAGE: &str = "TESTS_IMAGE";

/// Builds the binaries that stories start, and carries out all runs.
///
/// # Errors
/// When something does not build, the disk is full, or no test ran.
pub fn run() -> Result<Counts> {
    build_binary()?;
    let image = image::context(image::Profile::Dev)?;
    space::suffices()?;
    // Making a server takes longer than most tests.
    let server = Postgres::temporary(false).context("the tests' PostgreSQL server")?;
    let port = server.reached().port.to_string();
    let mut total = Counts::default();
    for run in RUNS {
        println!("\n-- {} --", run.title);
        let shared = [(SHARED_SERVER, port.as_ref()), (IMAGE, image.as_os_str())];
        let counts = carry_out(run, &shared).with_context(|| format!("tests of {}", run.title))?;
        total += counts;
    }
    Ok(total)
}

fn carry_out(run: &Run, shared: &[(&str, &OsStr)]) -> Result<Counts> {
    let nextest = process::is_there("cargo-nextest");
    if !nextest {
        println!(
            "cargo-nextest is not installed (`cargo install cargo-nextest --locked`): cargo test runs the tests"
        );
    }
    let mut command = if nextest {
        under_nextest(run)
    } else {
        under_cargo_test(run)
    };
    command
        .env("TICKETING_BIN", workspace::binary())
        .envs(shared.iter().copied())
        .envs(run.environment.iter().copied());
    let ended = process::run_and_keep(command)?;
    let mut counts = if nextest {
        counts::of_nextest(&ended.text)
    } else {
        counts::of_cargo_test(&ended.text)
    };
    ensure!(counts.passed + counts.failed > 0, "no Rust test ran");
    ensure!(
        ended.success || counts.failed > 0,
        "the test runner failed without naming a test"
    );
    for line in &mut counts.summary {
        *line = format!("{line} ({})", run.title);
    }
    Ok(counts)
}

fn under_nextest(run: &Run) -> Command {
    let mut arguments = vec!["nextest", "run", "--no-fail-fast"];
    arguments.extend(selection(run));
    if let Some(filter) = run.filter {
        arguments.extend(["-E", filter]);
    }
    process::cargo(&arguments)
}

fn under_cargo_test(run: &Run) -> Command {
    let mut arguments = vec!["test", "--no-fail-fast"];
    if run.binaries.is_empty() {
        arguments.extend(["--lib", "--bins", "--tests"]);
    }
    arguments.extend(selection(run));
    process::cargo(&arguments)
}

/// What is selected, as both runners take it.
fn selection(run: &Run) -> Vec<&'static str> {
    let mut arguments = vec!["--workspace"];
    for binary in run.binaries {
        arguments.extend(["--test", binary]);
    }
    arguments
}

/// The marketplace, and what runs it as a cluster, in the dev profile, with the features that the
/// tests' build has, so that nothing is compiled twice.
///
/// # Errors
/// When they do not build.
pub fn build_binary() -> Result<()> {
    process::run(process::cargo(&[
        "build",
        "--workspace",
        "--bin",
        "ticketing",
        "--bin",
        "xtask",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        let words = command.get_args().map(|word| word.to_string_lossy());
        words.map(String::from).collect()
    }

    #[test]
    fn a_run_selects_the_same_under_both_runners() {
        let run = Run {
            title: "some",
            environment: &[],
            binaries: &["delivery", "doors"],
            filter: Some("test(a)"),
        };
        let selected = ["--workspace", "--test", "delivery", "--test", "doors"];
        let nextest = ["nextest", "run", "--no-fail-fast"];
        let expected: Vec<_> = [&nextest[..], &selected, &["-E", "test(a)"]].concat();
        assert_eq!(words(&under_nextest(&run)), expected);
        let expected: Vec<_> = [&["test", "--no-fail-fast"][..], &selected].concat();
        assert_eq!(words(&under_cargo_test(&run)), expected);
    }

    #[test]
    fn what_the_first_run_leaves_out_is_in_later_ones() {
        let (first, last) = (RUNS.first().unwrap(), RUNS.last().unwrap());
        assert!(first.environment.is_empty());
        let left_out = first.filter.unwrap();
        assert_eq!(
            left_out,
            "not (package(e2e) & test(/^faults::/)) and not (package(simulation) & kind(test)) and not binary(cluster)"
        );
        assert!(last.binaries.contains(&"cluster"));
        let simulation = RUNS.iter().find(|run| run.binaries.contains(&"seeds"));
        assert!(simulation.unwrap().binaries.contains(&"flaws"));
        assert!(last.binaries.contains(&"stories") && !last.filter.unwrap().contains("faults"));
        assert_eq!(selection(first), ["--workspace"]);
        let words = words(&under_cargo_test(first));
        assert!(words.contains(&"--tests".to_owned()), "{words:?}");
    }
}
