//! Time goes on as a test wants it.

use std::time::Duration;

use payments::store;
use platform::Tx;

use super::Desk;

impl Desk {
    /// Moves all clocks.
    pub fn advance(&self, by: Duration) {
        self.sandbox_clock.advance(by);
        self.world.clock.advance(by);
    }

    /// Waits while time goes on, by so much four times a second.
    pub async fn in_time(&self, step: Duration, wait: impl Future<Output = ()>) {
        let time_goes_on = async {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                self.advance(step);
            }
        };
        tokio::select! {
            () = wait => {}
            () = time_goes_on => {}
        }
    }

    /// Waits until so many looks at all that the provider has have ended in this life, as time goes on.
    pub async fn until_all_compared(&self, times: i64) {
        let db = self.db();
        let look = async || {
            let newest = async |tx: &mut Tx| store::walks::newest(tx).await;
            let ended = db.read(newest).await?.map_or(0, |walk| walk.ended);
            Ok((ended >= times).then_some(()))
        };
        let wait = async { self.world.until(look).await.unwrap() };
        self.in_time(Duration::from_secs(31), wait).await;
    }
}
