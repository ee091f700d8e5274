//! Replicas share the work of a service anew when one comes or leaves: by words, without waiting for a
//! renewal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::Timestamp;
use platform::bus::Bus;
use platform::bus::in_process::InProcessBus;
use platform::clock::{Clock, SystemClock};
use platform::db::memory::{Disk, Pace};
use platform::gate::{Gate, GateSettings};
use platform::http::health::Readiness;
use platform::log::PARTITIONS;
use platform::random::SystemRandom;
use platform::run::{Process, begin, open_simulated, prepare};
use platform::shares;
use platform::tasks::Tasks;

use crate::toys::{Moods, board};

/// A clock that stands still: no renewal ever comes.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            std::future::pending::<()>().await;
        }
    }
}

/// Another replica of the board.
async fn join(disk: &Disk, bus: &Arc<dyn Bus>) -> Gate {
    let process = Process {
        clock: Arc::new(Still),
        random: Arc::new(SystemRandom),
        bus: Arc::clone(bus),
        tasks: Tasks::default(),
        public_keys: Vec::new(),
        public_url: None,
        readiness: Readiness::default(),
        gate: GateSettings::default(),
    };
    let service = board(&Moods::default());
    let pace: Pace = Arc::new(|| Duration::ZERO);
    let db = open_simulated(&process, (disk, pace), service.schema()).unwrap();
    let prepared = prepare(&process, service, db).await.unwrap();
    begin(prepared).await.unwrap().0
}

/// Waits until the replicas have so many of the numbers of some work.
async fn until_shared(disk: &Disk, work: &str, wanted: &[i64]) {
    let sql = format!(
        "select count(*) || '' from leases where name like '{work}/%' \
         and name not like '{work}/replica/%' group by holder"
    );
    let wanted: Vec<String> = wanted.iter().map(i64::to_string).collect();
    let mut found = Vec::new();
    for _ in 0..2000 {
        // It may be worked on at this moment.
        found = disk.ask(&sql).unwrap_or_default();
        if found == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the shares of {work} are {found:?} where {wanted:?} is fair");
}

#[tokio::test]
async fn who_comes_and_who_leaves_is_heard_of() {
    let disk = Disk::shared().unwrap();
    let bus = InProcessBus::new(Arc::new(SystemClock::default()), Tasks::default());
    let bus: Arc<dyn Bus> = Arc::new(bus);
    let one = join(&disk, &bus).await;
    until_shared(&disk, "relay", &[PARTITIONS]).await;
    until_shared(&disk, "hear", &[2]).await;
    let two = join(&disk, &bus).await;
    until_shared(&disk, "relay", &[PARTITIONS / 2; 2]).await;
    until_shared(&disk, "hear", &[1; 2]).await;
    shares::leave(&one.context).await.unwrap();
    until_shared(&disk, "relay", &[PARTITIONS]).await;
    until_shared(&disk, "hear", &[2]).await;
    // Whoever has left takes nothing any more, however many words it hears.
    let three = join(&disk, &bus).await;
    until_shared(&disk, "relay", &[PARTITIONS / 2; 2]).await;
    until_shared(&disk, "hear", &[1; 2]).await;
    drop((one, two, three));
}
