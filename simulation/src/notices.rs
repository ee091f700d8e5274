//! The payment provider's notices on their way to payments: late, twice, in another order or not at
//! all; and what others send in its name, or it says and is not so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use payments::domain::charge::{Charge, Returned, Standing};
use payments::provider::notice::Notice;
use payments::provider::sandbox::notices::Parcel;
use payments::provider::signature::{Secret, sign};
use platform::Clock as _;
use platform::clock::earlier;

use crate::clock::Machine;
use crate::executor::FOREVER;
use crate::faults::Fault;
use crate::world::{Heard, World};

/// How many notices the provider takes at a time.
const AT_ONCE: i64 = 64;

/// How often the provider looks whether something is to be sent.
const LOOK: Duration = Duration::from_secs(1);

/// How long the provider waits for an answer to a notice that was lost.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// How long a notice is held back for a later one that may not come.
const HELD_BACK: Duration = Duration::from_secs(5);

/// How old a notice is that is found somewhere and sent again: more than any clock here is off.
const OLD: Duration = Duration::from_secs(60 * 60);

/// What carries notices. Cheap to clone.
#[derive(Clone)]
pub struct Carrier {
    world: World,
    /// The provider's clock, which is right.
    clock: Arc<Machine>,
    /// A secret that nobody knows.
    stranger: Secret,
    journeys: Arc<Mutex<Journeys>>,
}

#[derive(Default)]
struct Journeys {
    /// Notices by their ids, numbered in the order in which they were first sent.
    numbers: BTreeMap<String, u64>,
    /// The highest number that has arrived, for each charge.
    arrived: BTreeMap<String, u64>,
}

impl Journeys {
    fn number(&mut self, parcel: &Parcel) -> u64 {
        let next = u64::try_from(self.numbers.len()).unwrap_or(u64::MAX);
        *self.numbers.entry(parcel.id.clone()).or_insert(next)
    }

    fn arrive(&mut self, parcel: &Parcel, number: u64) {
        let highest = self.arrived.entry(parcel.reference.clone()).or_default();
        *highest = number.max(*highest);
    }

    fn has_been_overtaken(&self, parcel: &Parcel, number: u64) -> bool {
        let highest = self.arrived.get(&parcel.reference);
        highest.is_some_and(|highest| *highest > number)
    }
}

impl Carrier {
    /// Carries notices from now on.
    pub fn start(world: &World) {
        let carrier = Self {
            world: world.clone(),
            clock: Machine::new(&world.executor),
            stranger: Secret::generate(world.choices.as_ref()),
            journeys: Arc::default(),
        };
        world.executor.spawn(FOREVER, carrier.carry());
    }

    async fn carry(self) {
        let (world, news) = (&self.world, self.world.provider.news());
        loop {
            let due = world.provider.due(AT_ONCE).await.unwrap_or_default();
            for parcel in &due.parcels {
                let number = self.journeys().number(parcel);
                let (carrier, parcel) = (self.clone(), parcel.clone());
                world.executor.spawn(FOREVER, async move {
                    carrier.bring(parcel, number).await;
                });
            }
            if due.parcels.is_empty() {
                tokio::select! {
                    biased;
                    () = news.notified() => {}
                    () = world.executor.sleep(due.next.unwrap_or(LOOK).min(LOOK)) => {}
                }
            }
        }
    }

    /// Brings a notice, and its answer back.
    async fn bring(&self, parcel: Parcel, number: u64) {
        let (world, weather) = (&self.world, self.world.network.weather());
        let (carrier, model) = (self.clone(), parcel.clone());
        world.executor.spawn(FOREVER, async move {
            carrier.pretend(&model).await;
        });
        if self.happens(weather.notices_late, Fault::NoticeLate) {
            let micros = world.choices.below(3_000_000);
            world.executor.sleep(Duration::from_micros(micros)).await;
        }
        if world.network.chance(weather.notices_overtaken) {
            self.hold_back(&parcel, number).await;
        }
        let is_heard = if self.happens(weather.notices_lost, Fault::NoticeLost) {
            world.executor.sleep(GIVEN_UP_AFTER).await;
            false
        } else {
            if self.happens(weather.notices_doubled, Fault::NoticeDoubled) {
                let (carrier, again) = (self.clone(), parcel.clone());
                world.executor.spawn(FOREVER, async move {
                    carrier.post(&again).await;
                });
            }
            matches!(self.post(&parcel).await, Some(200..300))
        };
        self.journeys().arrive(&parcel, number);
        // What is not noted is sent once more.
        drop(world.provider.sent(vec![(parcel, is_heard)]).await);
    }

    /// Waits until a later notice of the same charge has come before it.
    async fn hold_back(&self, parcel: &Parcel, number: u64) {
        let executor = &self.world.executor;
        let end = executor.now() + HELD_BACK;
        while executor.now() < end {
            if self.journeys().has_been_overtaken(parcel, number) {
                return self.world.tally.count(Fault::NoticeOvertaken);
            }
            executor.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends what the provider has not, or not now, or what is not so.
    async fn pretend(&self, parcel: &Parcel) {
        let weather = self.world.network.weather();
        let now = self.clock.now();
        let ours = std::slice::from_ref(&self.world.secret);
        let strangers = std::slice::from_ref(&self.stranger);
        let Some(untrue) = self.untrue(parcel) else {
            return;
        };
        let signed = |secrets: &[Secret], body: &str, at| Parcel {
            body: body.to_owned(),
            signature: sign(secrets, body.as_bytes(), at),
            ..parcel.clone()
        };
        if self.happens(weather.notices_forged, Fault::NoticeForged) {
            let forged = signed(strangers, &untrue, now);
            self.must_be_refused("forged", &forged).await;
        }
        if self.happens(weather.notices_old, Fault::NoticeOld) {
            let old = signed(ours, &parcel.body, earlier(now, OLD));
            self.must_be_refused("old", &old).await;
        }
        if self.happens(weather.notices_altered, Fault::NoticeAltered) {
            let altered = Parcel {
                body: untrue.clone(),
                ..parcel.clone()
            };
            self.must_be_refused("altered", &altered).await;
        }
        if self.happens(weather.notices_untrue, Fault::NoticeUntrue) {
            let lie = signed(ours, &untrue, now);
            let status = self.post(&lie).await;
            self.world
                .trace
                .say(|| format!("an untrue notice says {untrue} -> {status:?}"));
        }
    }

    async fn must_be_refused(&self, what: &str, parcel: &Parcel) {
        let status = self.post(parcel).await;
        let body = &parcel.body;
        self.world
            .trace
            .say(|| format!("notice, {what}: {body} -> {status:?}"));
        if matches!(status, Some(200..300)) {
            self.world
                .accuse(format!("W1: this notice was {what}, and taken: {body}"));
        }
    }

    /// Something else about the same charge.
    fn untrue(&self, parcel: &Parcel) -> Option<String> {
        let notice: Notice = serde_json::from_str(&parcel.body).ok()?;
        let charge = notice.charge().ok()??;
        let code = "card_declined".to_owned();
        let amount_minor = charge.amount.minor;
        let lie = match self.world.choices.below(5) {
            0 => Standing::Authorized,
            1 => Standing::Declined { code },
            2 => Standing::Voided,
            _ => Standing::Captured,
        };
        let mut untrue = Charge {
            standing: lie,
            ..charge
        };
        if untrue.standing == Standing::Captured && self.world.choices.below(2) == 0 {
            untrue.refunds.push(Returned {
                key: format!("{}:lie", parcel.id),
                amount_minor,
            });
        }
        let notice = Notice::of(format!("{}:lie", parcel.id), &untrue).ok()?;
        serde_json::to_string(&notice).ok()
    }

    /// Sends a notice; the status of its answer, if there is one.
    async fn post(&self, parcel: &Parcel) -> Option<u16> {
        let request = parcel.request().ok()?;
        match self.world.ask("payments", request).await {
            Heard::Answer(answer) => Some(answer.status.as_u16()),
            Heard::Refused | Heard::Nothing => None,
        }
    }

    fn happens(&self, per_thousand: u64, fault: Fault) -> bool {
        let does = self.world.network.chance(per_thousand);
        if does {
            self.world.tally.count(fault);
        }
        does
    }

    fn journeys(&self) -> MutexGuard<'_, Journeys> {
        self.journeys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
