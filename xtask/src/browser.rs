//! The pages in a real browser: stories that start the marketplace's binary themselves and stop it by its id.

use anyhow::{Result, ensure};

use crate::counts::{self, Counts};
use crate::{install, process, unit, workspace};

/// What the stories are told on.
const COMPOSITIONS: [(&str, &str); 2] = [
    ("in one process", "embedded"),
    ("on services apart", "apart"),
];

/// Installs what is missing, builds the binary and runs the Node project in `e2e/browser` on both
/// compositions.
///
/// # Errors
/// When something can't be installed or built, or no test ran.
pub fn run() -> Result<Counts> {
    install::for_the_tests()?;
    unit::build_binary()?;
    let mut total = Counts::default();
    for (title, composition) in COMPOSITIONS {
        println!("\n-- the pages, {title} --");
        total += tell(composition)?;
    }
    Ok(total)
}

fn tell(composition: &str) -> Result<Counts> {
    let mut command = process::program("npm", &["test", "--silent"]);
    command
        .current_dir(workspace::browser_tests())
        .env("TICKETING_BIN", workspace::binary())
        // Not the running one: a build may have replaced it.
        .env("XTASK_BIN", workspace::binary().with_file_name("xtask"))
        .env("STORIES", composition)
        .env("PICTURES", workspace::target().join("browser-failures"));
    let ended = process::run_and_keep(command)?;
    let counts = counts::of_node(&ended.text);
    ensure!(counts.passed + counts.failed > 0, "no browser test ran");
    ensure!(
        ended.success || counts.failed > 0,
        "node failed without naming a test"
    );
    Ok(counts)
}
