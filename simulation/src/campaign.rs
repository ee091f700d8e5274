//! Many simulations: what they came to together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::coverage::{Coverage, missing};
use crate::faults::Fault;
use crate::history::Act;
use crate::setup::Setup;
use crate::simulate::{Report, simulate, tell_again};

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Which simulations are to be run.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// What is made of each seed.
    pub setup: &'a (dyn Fn(u64) -> Setup + Sync),
    /// The first seed; the others follow it.
    pub first: u64,
    /// How many at most.
    pub seeds: u64,
    /// For how long at most.
    pub time: Option<Duration>,
    /// On how many threads; each simulation runs on one.
    pub threads: usize,
    /// Every so many seeds one is told again, and must be the same story. None is if this is 0.
    pub again_every: u64,
}

/// What many simulations came to.
#[derive(Debug, Clone, Default)]
pub struct Campaign {
    seeds: u64,
    again: u64,
    events: u64,
    orders: u64,
    steps: u64,
    simulated: Duration,
    faults: BTreeMap<Fault, u64>,
    coverage: Coverage,
    requests: BTreeMap<Act, [u64; 3]>,
    broken: Vec<Report>,
    took: Option<(Duration, usize)>,
}

impl Campaign {
    /// Runs simulations until one is broken, or the plan is done; shows its progress now and then.
    ///
    /// # Errors
    /// When a simulation can't be run.
    #[expect(
        clippy::disallowed_methods,
        reason = "it measures how much is simulated in the machine's own time"
    )]
    pub fn run(plan: &Plan<'_>, show: impl Fn(&Self) + Sync) -> anyhow::Result<Self> {
        let began = Instant::now();
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let shared = Mutex::new((Self::default(), Duration::ZERO));
        let work = || -> anyhow::Result<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let is_over = plan.time.is_some_and(|time| began.elapsed() >= time);
                if number >= plan.seeds || is_over || stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let mut report = simulate(&(plan.setup)(plan.first.saturating_add(number)))?;
                let again = plan.again_every > 0 && number.is_multiple_of(plan.again_every);
                if again && report.violations.is_empty() {
                    report.violations.extend(tell_again(&report)?);
                }
                if !report.violations.is_empty() {
                    stop.store(true, Ordering::Relaxed);
                }
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                shared.0.add(report);
                shared.0.again += u64::from(again);
                if began.elapsed().saturating_sub(shared.1) >= SHOW_EVERY {
                    shared.1 = began.elapsed();
                    show(&shared.0);
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..plan.threads.max(1))
                .map(|_| scope.spawn(work))
                .collect();
            workers.into_iter().try_for_each(|worker| {
                let ended = worker.join();
                ended.unwrap_or_else(|_| Err(anyhow!("a simulation panicked")))
            })
        })?;
        let (mut campaign, _) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        campaign.took = Some((began.elapsed(), plan.threads));
        Ok(campaign)
    }

    /// Adds a simulation.
    pub fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.events += report.events;
        self.orders += report.orders;
        self.steps += report.steps;
        self.simulated += report.simulated;
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (transition, count) in &report.coverage {
            *self.coverage.entry(transition.clone()).or_default() += count;
        }
        for (act, counts) in &report.requests {
            let sums = self.requests.entry(*act).or_default();
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
        if !report.violations.is_empty() {
            self.broken.push(report);
        }
    }

    /// How many simulations there were.
    #[must_use]
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    /// How often something went wrong.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or(0)
    }

    /// Whether nothing was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    /// The simulations in which something was broken.
    #[must_use]
    pub fn broken(&self) -> &[Report] {
        &self.broken
    }

    /// What no simulation has reached: transitions and faults.
    #[must_use]
    pub fn unreached(&self) -> Vec<String> {
        let transitions = missing(&self.coverage).into_iter().map(str::to_owned);
        let faults = Fault::ALL
            .into_iter()
            .filter(|fault| !self.faults.contains_key(fault));
        transitions
            .chain(faults.map(|fault| format!("fault: {fault:?}")))
            .collect()
    }

    /// A line about how far it has come.
    #[must_use]
    pub fn progress(&self) -> String {
        format!(
            "{} seeds ({} told again), {} orders, {} events, {:.1} h simulated, {} faults, {} of {} goals reached",
            self.seeds,
            self.again,
            self.orders,
            self.events,
            self.simulated.as_secs_f64() / 3600.0,
            self.faults.values().sum::<u64>(),
            self.goals() - self.unreached().len(),
            self.goals(),
        )
    }

    fn goals(&self) -> usize {
        crate::coverage::TRANSITIONS.len() + Fault::ALL.len()
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.broken {
            write!(f, "{report}")?;
        }
        writeln!(f, "requests (acknowledged, refused, unknown):")?;
        for (act, [done, refused, unknown]) in &self.requests {
            writeln!(f, "  {act:?}: {done}, {refused}, {unknown}")?;
        }
        writeln!(f, "faults:")?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {fault:?}: {count}")?;
        }
        writeln!(f, "transitions:")?;
        for (transition, count) in &self.coverage {
            writeln!(f, "  {transition}: {count}")?;
        }
        for goal in self.unreached() {
            writeln!(f, "not reached: {goal}")?;
        }
        writeln!(f, "{}", self.progress())?;
        if let Some((time, threads)) = self.took {
            let seconds = time.as_secs_f64();
            writeln!(
                f,
                "{seconds:.1} s on {threads} threads: {:.0} orders and {:.0} events a second",
                self.per_second(self.orders, seconds),
                self.per_second(self.events, seconds),
            )?;
        }
        Ok(())
    }
}

impl Campaign {
    #[expect(
        clippy::as_conversions,
        reason = "a figure for people, of a count far below 2^52"
    )]
    fn per_second(&self, count: u64, seconds: f64) -> f64 {
        count as f64 / seconds.max(f64::MIN_POSITIVE)
    }
}
