//! Every process is replaced under load, one after the other, with a way back. The release that runs
//! first is a copy of the present one here; `cargo xtask upgrade --from REVISION` builds an earlier one
//! from its own source and tells the same of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::{Cluster, Marketplace};
use servers::postgres::WITH_DATA;

use super::PATIENCE;
use super::load::lived_through;
use crate::crash::SETTINGS;
use crate::crash::history::History;

/// How many people are at it, and where their choices begin.
const PEOPLE: (usize, u64) = (6, 23);

/// How much must be acknowledged after each step before the next one comes, a payment among it.
const PROGRESS: usize = 10;

/// Where a program is installed: a link that leads to one release or the other.
struct Installed {
    directory: tempfile::TempDir,
    earlier: PathBuf,
    present: PathBuf,
}

impl Installed {
    fn earlier() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let present = fs::canonicalize(e2e::program().unwrap()).unwrap();
        let earlier = match std::env::var_os("UPGRADE_FROM") {
            Some(earlier) => {
                let differs = fs::read(&earlier).unwrap() != fs::read(&present).unwrap();
                assert!(differs, "both releases are one program");
                fs::canonicalize(earlier).unwrap()
            }
            None => {
                let copy = fs::canonicalize(&directory).unwrap().join("earlier");
                fs::copy(&present, &copy).unwrap();
                copy
            }
        };
        let installed = Self {
            directory,
            earlier,
            present,
        };
        installed.install(&installed.earlier);
        installed
    }

    fn link(&self) -> PathBuf {
        self.directory.path().join("ticketing")
    }

    fn install(&self, program: &Path) {
        let new = self.directory.path().join("new");
        symlink(program, &new).unwrap();
        fs::rename(new, self.link()).unwrap();
    }
}

/// Replaces processes by such of this program, one after the other; between them, people go on.
async fn replace(
    (cluster, history): (&Cluster, &History),
    names: impl IntoIterator<Item = String>,
    (installed, program): (&Installed, &Path),
) {
    installed.install(program);
    for name in names {
        let step = format!("{name} becomes {}", program.display());
        history.goes_on(&step, PROGRESS, PATIENCE).await;
        cluster.restart(&name).await.unwrap();
        cluster.wait_until_ready().await.unwrap();
        assert_eq!(cluster.program(&name).unwrap(), program);
    }
}

fn replicas(number: u8) -> impl Iterator<Item = String> {
    let services = WITH_DATA.into_iter().chain(["web"]);
    services.map(move |service| format!("{service}-{number}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_replaced_under_load_and_returned_to() {
    let installed = Installed::earlier();
    let (earlier, present) = (&*installed.earlier, &*installed.present);
    let marketplace = Marketplace::start_program_replicated(&installed.link(), SETTINGS)
        .await
        .unwrap();
    lived_through(marketplace, PEOPLE, async |marketplace, history| {
        let cluster = Cluster::of(marketplace);
        let live = (&cluster, history);
        history
            .goes_on("the earlier release", PROGRESS, PATIENCE)
            .await;
        installed.install(present);
        let migrated = marketplace.command(&["migrate"]).await.unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        replace(live, replicas(1), (&installed, present)).await;
        // Both run beside each other, and then some go back.
        let back = ["orders-1", "payments-1", "notifications-1"].map(str::to_owned);
        replace(live, back.clone(), (&installed, earlier)).await;
        replace(live, back, (&installed, present)).await;
        replace(live, replicas(2), (&installed, present)).await;
        replace(live, ["gateway".to_owned()], (&installed, present)).await;
        history
            .goes_on("the present release", PROGRESS, PATIENCE)
            .await;
    })
    .await;
}
