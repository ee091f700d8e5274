//! One simulation, from its seed to its verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::client::Client;
use crate::coverage::{self, Coverage};
use crate::executor::{Executor, FOREVER};
use crate::faults::Fault;
use crate::history::{Act, History};
use crate::notices::Carrier;
use crate::people::{Market, Person};
use crate::promises;
use crate::setup::Setup;
use crate::storm::{self, Forecast};
use crate::verdict;
use crate::world::{SERVICES, Terms, World};

/// How often it is looked at while it is stormy.
const LOOK: Duration = Duration::from_secs(1);

/// Within which time everything has to come to rest once the faults have stopped: a comparison of
/// sums comes every minute, a hold and its grace take less, and a payment whose request may still
/// arrive is asked about for two minutes.
pub const REST_WITHIN: Duration = Duration::from_secs(15 * 60);

/// What came of a simulation.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was run.
    pub setup: Setup,
    /// How many events were committed.
    pub events: u64,
    /// How many orders were placed.
    pub orders: u64,
    /// How many steps were made.
    pub steps: u64,
    /// How much time went by in it.
    pub simulated: Duration,
    /// How many strikes there were.
    pub strikes: u64,
    /// How often each fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// Which transitions were seen.
    pub coverage: Coverage,
    /// How many requests of each kind were acknowledged, refused and of unknown outcome.
    pub requests: BTreeMap<Act, [u64; 3]>,
    /// The sum of everything that happened.
    pub sum: u64,
    /// What must not be.
    pub violations: Vec<String>,
    /// How it came to that, in words.
    pub story: Vec<String>,
    /// Everything that happened, as far back as it is kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Report {
    /// What is broken, and how it came to that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} is broken:", self.setup.seed)?;
        for line in &self.violations {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "how it came to that:")?;
        for line in &self.story {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "again: {}\n", self.setup)
    }
}

/// Runs a simulation.
///
/// # Errors
/// When it can't be run, which is no verdict.
pub fn simulate(setup: &Setup) -> anyhow::Result<Report> {
    let seed = setup.seed;
    let executor = Executor::new(seed);
    let world = World::new(&executor, seed ^ 0x5851_f42d_4c95_7f2d, Terms::of(seed))?;
    let history = Arc::new(History::default());
    let (play, told, plan) = (world.clone(), Arc::clone(&history), setup.clone());
    let outcome = executor.run(async move { play_out(&play, &told, &plan).await });
    let violations = match outcome {
        Ok(violations) => violations?,
        Err(error) => vec![format!("L1: {error}")],
    };
    let report = report(setup, &world, &history, violations);
    executor.end();
    report
}

/// The rule that a seed tells one story.
pub const ONE_STORY: &str = "again";

/// Runs a simulation once more; what is wrong if that was another story. Without this, nothing that is
/// found could be looked at again.
///
/// # Errors
/// When it can't be run.
pub fn tell_again(first: &Report) -> anyhow::Result<Option<String>> {
    let again = simulate(&first.setup)?;
    if (again.sum, again.steps, &again.trace) == (first.sum, first.steps, &first.trace) {
        return Ok(None);
    }
    let mut lines = first.trace.iter().zip(&again.trace);
    let differ = lines.find(|(first, again)| first != again);
    Ok(Some(format!(
        "{ONE_STORY}: the seed tells another story the second time: {} steps and {}, first {differ:?}",
        first.steps, again.steps
    )))
}

impl Terms {
    /// Those of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let holds = [4, 8, 15, 30];
        let place = usize::try_from(seed % 4).unwrap_or(0);
        Self {
            hold: Duration::from_secs(holds.get(place).copied().unwrap_or(8)),
            grace: Duration::from_secs(3 + seed / 4 % 3),
            takes_at_once: seed % 8 == 5,
            // Eight with one process of each service, as in one program; eight with two, as apart.
            replicas: if (seed / 8).is_multiple_of(2) { 1 } else { 2 },
        }
    }
}

async fn play_out(
    world: &World,
    history: &Arc<History>,
    setup: &Setup,
) -> anyhow::Result<Vec<String>> {
    for service in SERVICES {
        world
            .replicas(service)
            .for_each(|replica| world.start(replica));
    }
    Carrier::start(world);
    let Setup { size, .. } = setup;
    let (end, market) = (world.executor.now() + size.busy, Market::default());
    let mut lives = Vec::new();
    for number in 0..size.people {
        let person = Person {
            client: Client::new(world, history, number),
            market: market.clone(),
        };
        let (tell, told) = oneshot::channel();
        lives.push(told);
        world.executor.spawn(FOREVER, async move {
            person.live(end).await;
            tell.send(()).ok();
        });
    }
    world.provider.behave(world.usual_provider());
    let forecast = Forecast::draw(world, setup);
    world.trace.say(|| format!("{forecast:?}"));
    let watch = async {
        while world.executor.now() < end {
            world.executor.sleep(LOOK).await;
            let found = verdict::now(world)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    };
    let (raged, found): (_, anyhow::Result<Vec<String>>) =
        futures::join!(storm::rage(world, &forecast, end), watch);
    raged?;
    let found = found?;
    if !found.is_empty() {
        return Ok(found);
    }
    storm::clear(world)?;
    // Until everybody has heard what came of the last request.
    futures::future::join_all(lives).await;
    come_to_rest(world, history).await
}

/// Within this time the processes of a service know of sign-outs that one of them has asked for: they look
/// every five seconds, should the bus have lost them.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(6);

async fn come_to_rest(world: &World, history: &History) -> anyhow::Result<Vec<String>> {
    let end = world.executor.now() + REST_WITHIN;
    loop {
        let found = verdict::now(world)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let left = verdict::under_way(world).await?;
        let found = if left.is_empty() {
            world.without_lost(verdict::at_rest(world).await?)
        } else {
            left.into_iter().map(|what| format!("L1: {what}")).collect()
        };
        if found.is_empty() {
            if world.terms.replicas > 1 {
                world.executor.sleep(TAKEN_OVER_WITHIN).await;
            }
            let found = promises::broken(world, &history.told()).await?;
            return Ok(world.without_lost(found));
        }
        if world.executor.now() >= end {
            return Ok(found);
        }
        world.executor.sleep(Duration::from_secs(10)).await;
    }
}

fn report(
    setup: &Setup,
    world: &World,
    history: &History,
    violations: Vec<String>,
) -> anyhow::Result<Report> {
    let mut coverage = Coverage::new();
    let mut events = 0;
    for host in world.machines.values() {
        let log = "select envelope from events order by position";
        let log = verdict::look(&host.disk, "events", log)?;
        events += u64::try_from(log.len())?;
        coverage::add(&mut coverage, &log);
    }
    let orders = coverage.get("order: none, created -> created").copied();
    let told = history.told();
    Ok(Report {
        setup: setup.clone(),
        events,
        orders: orders.unwrap_or(0),
        steps: world.executor.steps(),
        simulated: world.executor.now(),
        strikes: world.tally.strikes(),
        faults: world.tally.counts(),
        coverage,
        requests: told.counts,
        sum: world.trace.sum(),
        story: story(world, &violations),
        trace: world.trace.all(),
        violations,
    })
}

/// How many lines a story has at most.
const STORY: usize = 60;

/// The last lines of what happened to whatever the violations are about.
fn story(world: &World, violations: &[String]) -> Vec<String> {
    if violations.is_empty() {
        return Vec::new();
    }
    let words = violations.iter().flat_map(|violation| {
        violation.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
    });
    let ids: Vec<String> = words
        .filter(|word| is_id(word))
        .map(str::to_owned)
        .collect();
    world.trace.about(&ids, STORY)
}

/// Whether a word has the form of a UUID.
fn is_id(word: &str) -> bool {
    word.len() == 36 && word.split('-').count() == 5
}
