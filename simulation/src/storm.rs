//! The first phase: for as long as it lasts, something goes wrong again and again.

mod provider;

use std::collections::BTreeSet;
use std::time::Duration;

use platform::Clock as _;
use platform::db::memory::{Disk, Trouble};

use crate::executor::FOREVER;
use crate::faults::Fault;
use crate::network::{Connection, Weather};
use crate::newer;
use crate::setup::Setup;
use crate::world::{Lost, Replica, SERVICES, World};

/// What goes wrong in this simulation: some of everything, so that faults also come without others
/// that would hide them.
#[derive(Debug, Clone)]
pub struct Forecast {
    faults: BTreeSet<Fault>,
    /// The numbers of strikes that do not take place.
    skip: BTreeSet<u64>,
    /// How long it is between two that are about a process, at most.
    pause: Duration,
}

impl Forecast {
    /// Draws a forecast.
    #[must_use]
    pub fn draw(world: &World, setup: &Setup) -> Self {
        let share = 20 + world.choices.below(80);
        let drawn = Fault::ALL
            .into_iter()
            .filter(|fault| world.choices.below(100) < share && setup.faults.contains(fault));
        Self {
            faults: drawn.collect(),
            skip: setup.skip.clone(),
            pause: Duration::from_millis(500 + world.choices.below(6000)),
        }
    }

    fn weather(&self, world: &World) -> Weather {
        let rate = |fault, most| {
            let drawn = 1 + world.choices.below(most);
            if self.faults.contains(&fault) {
                drawn
            } else {
                0
            }
        };
        Weather {
            lost: rate(Fault::Lost, 80),
            doubled: rate(Fault::Doubled, 80),
            delayed: rate(Fault::Delayed, 80),
            unconfirmed: rate(Fault::Unconfirmed, 60),
            acknowledgements_lost: rate(Fault::AcknowledgementLost, 60),
            unheard: rate(Fault::Unheard, 500),
            unanswered: rate(Fault::Unanswered, 300),
            answers_lost: rate(Fault::AnswerLost, 50),
            clients_left: rate(Fault::ClientLeft, 50),
            notices_lost: rate(Fault::NoticeLost, 200),
            notices_doubled: rate(Fault::NoticeDoubled, 200),
            notices_late: rate(Fault::NoticeLate, 300),
            notices_overtaken: rate(Fault::NoticeOvertaken, 300),
            notices_forged: rate(Fault::NoticeForged, 100),
            notices_old: rate(Fault::NoticeOld, 100),
            notices_altered: rate(Fault::NoticeAltered, 100),
            notices_untrue: rate(Fault::NoticeUntrue, 200),
        }
    }
}

/// What strikes a process, a machine or the provider; the rest is weather.
const STRIKES: [Fault; 19] = [
    Fault::Crash,
    Fault::PowerLoss,
    Fault::DatabaseCrash,
    Fault::Paused,
    Fault::DiskFull,
    Fault::DiskFailing,
    Fault::Restored,
    Fault::BusEmptied,
    Fault::PlaceLost,
    Fault::CutOutgoing,
    Fault::CutIncoming,
    Fault::SlowConsumer,
    Fault::ClockJump,
    Fault::ClockRunsOff,
    Fault::ProviderLate,
    Fault::ProviderAnswerLost,
    Fault::ProviderUnavailable,
    Fault::ProviderDeclinesCaptures,
    Fault::GivenBack,
];

/// Lets what is forecast happen until the time is up.
///
/// # Errors
/// When a disk can't be got at.
pub async fn rage(world: &World, forecast: &Forecast, until: Duration) -> anyhow::Result<()> {
    world.network.set(forecast.weather(world));
    let mail = [Fault::MailRefused, Fault::MailAnswerLost];
    if mail.iter().any(|fault| forecast.faults.contains(fault)) {
        world.post.set(100);
    }
    let strikes: Vec<Fault> = STRIKES
        .into_iter()
        .chain([Fault::NewerVersion])
        .filter(|fault| forecast.faults.contains(fault))
        .collect();
    loop {
        world
            .executor
            .sleep(drawn(world, Duration::from_millis(100), forecast.pause))
            .await;
        if world.executor.now() >= until {
            return Ok(());
        }
        let drawn = world.choices.one_of(&strikes);
        let is_skipped = forecast.skip.contains(&world.tally.strike());
        if let Some(&fault) = drawn
            && !is_skipped
        {
            strike(world, fault).await?;
        }
    }
}

/// Ends everything that is wrong, and starts what does not run.
///
/// # Errors
/// When a disk can't be got at.
pub fn clear(world: &World) -> anyhow::Result<()> {
    world.network.set(Weather::default());
    world.post.set(0);
    world.provider.behave(world.usual_provider());
    for (service, host) in &world.machines {
        for replica in world.replicas(service) {
            world.network.connect(replica, Connection::default());
        }
        host.disk.set(Trouble::None)?;
        host.clocks.iter().for_each(|clock| clock.set_right());
    }
    world.trace.say(|| "all faults have stopped".to_owned());
    Ok(())
}

fn drawn(world: &World, least: Duration, most: Duration) -> Duration {
    let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(0);
    least + Duration::from_micros(world.choices.below(span + 1))
}

fn drawn_replica(world: &World) -> Replica {
    let service = world.choices.one_of(&SERVICES).copied();
    let all: Vec<Replica> = world.replicas(service.unwrap_or("orders")).collect();
    match all.as_slice() {
        [only] => *only,
        several => {
            let one = world.choices.one_of(several).copied();
            one.unwrap_or(Replica::only("orders"))
        }
    }
}

/// Does something later, whatever else happens.
fn later(world: &World, after: Duration, act: impl FnOnce(&World) + Send + 'static) {
    let world = world.clone();
    world.executor.clone().spawn(FOREVER, async move {
        world.executor.sleep(after).await;
        act(&world);
    });
}

async fn strike(world: &World, fault: Fault) -> anyhow::Result<()> {
    let replica = drawn_replica(world);
    let service = replica.service;
    let lasts = drawn(world, Duration::from_millis(50), Duration::from_secs(4));
    match fault {
        Fault::Crash => {
            if world.kill(replica) {
                world.fault(fault, || format!("{replica}: {fault:?}"));
                later(world, lasts, move |world| world.start(replica));
            }
        }
        Fault::PowerLoss => lose_power(world, service, lasts)?,
        Fault::DatabaseCrash => crash_database(world, service, lasts)?,
        Fault::DiskFull => spoil(world, service, (fault, Trouble::Full), lasts)?,
        Fault::DiskFailing => spoil(world, service, (fault, Trouble::Failing), lasts)?,
        Fault::Paused => {
            world.fault(fault, || format!("{replica} stands still for {lasts:?}"));
            world.pause(replica, lasts);
        }
        Fault::Restored => restore(world, lasts).await?,
        Fault::BusEmptied => {
            world.trace.say(|| "fault: the bus forgets all".to_owned());
            world.network.empty();
        }
        Fault::PlaceLost => world.network.lose_place(),
        Fault::CutOutgoing | Fault::CutIncoming | Fault::SlowConsumer => {
            cut(world, replica, fault, lasts);
        }
        Fault::ClockJump => {
            let micros = i64::try_from(world.choices.below(40_000_000))? - 20_000_000;
            world.fault(fault, || {
                format!("the clock of {replica} jumps by {micros} us")
            });
            world.host(service)?.clock(replica)?.jump(micros);
        }
        Fault::ClockRunsOff => {
            let micros = i64::try_from(world.choices.below(100_000))? - 50_000;
            world.fault(fault, || {
                format!("the clock of {replica} gains {micros} us/s")
            });
            world.host(service)?.clock(replica)?.run_off(micros);
        }
        Fault::GivenBack => provider::give_back(world)?,
        Fault::NewerVersion => newer_version(world).await,
        _ => provider::misbehave(world, fault, lasts),
    }
    Ok(())
}

/// The machine of a service ends, and what runs on it; after a while all is there again.
fn lose_power(world: &World, service: &'static str, lasts: Duration) -> anyhow::Result<()> {
    let fallen = world.kill_all(service);
    if fallen.is_empty() {
        return Ok(());
    }
    world.fault(Fault::PowerLoss, || format!("{service}: PowerLoss"));
    world.host(service)?.disk.lose_power()?;
    later(world, lasts, move |world| {
        fallen.into_iter().for_each(|replica| world.start(replica));
    });
    Ok(())
}

/// A database that several processes share forgets what was not synced, and takes nothing for a while.
fn crash_database(world: &World, service: &'static str, lasts: Duration) -> anyhow::Result<()> {
    if world.terms.replicas == 1 {
        return Ok(());
    }
    world.host(service)?.disk.lose_power()?;
    let crash = (Fault::DatabaseCrash, Trouble::Failing);
    spoil(world, service, crash, lasts)
}

/// A disk has trouble, and after a while has none.
fn spoil(
    world: &World,
    service: &'static str,
    (fault, trouble): (Fault, Trouble),
    lasts: Duration,
) -> anyhow::Result<()> {
    world.fault(fault, || format!("the disk of {service}: {trouble:?}"));
    world.host(service)?.disk.set(trouble)?;
    later(world, lasts, move |world| {
        let host = world.host(service);
        drop(host.and_then(|host| host.disk.set(Trouble::None)));
    });
    Ok(())
}

/// A connection is cut in one direction or slow, and after a while is whole again.
fn cut(world: &World, replica: Replica, fault: Fault, lasts: Duration) {
    let is_slow = fault == Fault::SlowConsumer;
    let connection = Connection {
        outgoing_cut: fault == Fault::CutOutgoing,
        incoming_cut: fault == Fault::CutIncoming,
        slowed: if is_slow { lasts / 4 } else { Duration::ZERO },
    };
    world.fault(fault, || {
        format!("the connection of {replica}: {connection:?}")
    });
    world.network.connect(replica, connection);
    later(world, lasts, move |world| {
        world.network.connect(replica, Connection::default());
    });
}

/// Who comes back from a backup.
const RESTORED: [&str; 6] = [
    "auth",
    "expiration",
    "tickets",
    "orders",
    "notifications",
    "payments",
];

/// What people had said that a lost part of a log told of.
const SAID: &str = "'ticketing.user.registered.v1', 'ticketing.ticket.listed.v1', 'ticketing.ticket.updated.v1', \
                    'ticketing.ticket.withdrawn.v1', 'ticketing.order.created.v1', \
                    'ticketing.order.cancelled.v1', 'ticketing.order.refund_requested.v1'";

/// An owner falls, and comes back from a backup that was made a while before. What others say is in
/// their logs; what people alone had said since is lost for good, and no promise about it is held.
async fn restore(world: &World, age: Duration) -> anyhow::Result<()> {
    let owner = world.choices.one_of(&RESTORED).copied();
    let owner = owner.unwrap_or("orders");
    let host = world.host(owner)?;
    let backup: Disk = host.disk.copy()?;
    let newest = backup.ask("select coalesce(max(position), 0) || '' from events")?;
    world.executor.sleep(age).await;
    let fallen = world.kill_all(owner);
    if fallen.is_empty() {
        return Ok(());
    }
    world.fault(Fault::Restored, || {
        format!("{owner} is put back by {age:?}")
    });
    let newest = newest.first().map_or("0", String::as_str);
    let about = |kinds: &str| {
        let sql = format!(
            "select distinct subject from events where position > {newest} and \
             json_extract(envelope, '$.type') in ({kinds})"
        );
        host.disk.ask(&sql)
    };
    world.lose(Lost {
        said: about(SAID)?.into_iter().collect(),
        locks: about("'ticketing.ticket.locked.v1'")?.into_iter().collect(),
        payments: about("'ticketing.payment.started.v1'")?
            .into_iter()
            .collect(),
        sign_outs: !about("'ticketing.session.revoked.v1'")?.is_empty(),
        any: true,
    });
    host.disk.put_back(&backup)?;
    // Whoever puts it back does so on the machine of one of its processes.
    let operator = host.clock(Replica::only(owner))?;
    host.disk.begin_new_life(operator.now())?;
    fallen.into_iter().for_each(|replica| world.start(replica));
    Ok(())
}

async fn newer_version(world: &World) {
    let Some(tickets) = world.gates().remove("tickets") else {
        return;
    };
    // It is a process of its own, and ends with tickets: its transaction may be lost.
    let seated = tokio::select! {
        biased;
        seated = newer::seat_one(&tickets.context.db) => seated,
        () = world.executor.sleep(Duration::from_secs(1)) => return,
    };
    if let Ok(Some(ticket)) = seated {
        world.fault(Fault::NewerVersion, || {
            format!("ticket {ticket} has a seat")
        });
    }
}
