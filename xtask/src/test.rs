//! `cargo xtask test`: the parts of CI one after the other, and what came of each.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::counts::Counts;
use crate::{browser, clippy, install, process, unit};

#[derive(clap::Args)]
pub struct Args {
    /// Run this part alone.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The browser, the servers and the packages that tests need.
    Install,
    /// The source is formatted.
    Fmt,
    /// No lint objects.
    Clippy,
    /// Licences, sources and advisories of dependencies, where cargo-deny is installed.
    Deny,
    /// Every Rust test: unit, service, story and tidy.
    Unit,
    /// The pages in a real browser.
    Browser,
}

/// Runs all parts, or one, whatever became of the earlier ones; closes with the runners' summaries and the total.
pub fn run(args: &Args) -> ExitCode {
    let wanted = |part| args.only.is_none_or(|only| only == part);
    let mut total = Counts::default();
    let mut complaints = Vec::new();
    for &part in Part::value_variants().iter().filter(|&&part| wanted(part)) {
        println!("\n== {} ==", title(part));
        match carry_out(part) {
            Ok(counts) => {
                if counts.failed > 0 {
                    complaints.push(format!("{}: {} tests failed", title(part), counts.failed));
                }
                total += counts;
            }
            Err(error) => {
                println!("FAILED: {error:#}");
                complaints.push(format!("{}: FAILED: {error:#}", title(part)));
                total.failed += 1; // a part without a count of its own counts as one
            }
        }
    }
    println!("\n== Summary ==");
    for line in total.summary.iter().chain(&complaints) {
        println!("{line}");
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn title(part: Part) -> &'static str {
    match part {
        Part::Install => "What the tests need",
        Part::Fmt => "Formatting",
        Part::Clippy => "Lints",
        Part::Deny => "Supply chain",
        Part::Unit => "Rust tests",
        Part::Browser => "Browser tests",
    }
}

fn carry_out(part: Part) -> Result<Counts> {
    match part {
        Part::Install => install::for_the_tests()?,
        Part::Fmt => process::run(process::cargo(&["fmt", "--all", "--check"]))?,
        Part::Clippy => clippy::run()?,
        Part::Deny => install::cargo_deny_check()?,
        Part::Unit => return unit::run(),
        Part::Browser => return browser::run(),
    }
    Ok(Counts::default())
}
