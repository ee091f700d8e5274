//! `cargo xtask simulate`: simulations from as many seeds as there is time for, until one is broken.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use platform::flaws::let_in;
use simulation::campaign::{Campaign, Plan};
use simulation::faults::Fault;
use simulation::minimise::minimise;
use simulation::setup::Numbers;
use simulation::{Setup, guards, simulate};

/// Allocations are a seventh of a simulation's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulates the marketplace with everything going wrong, from many seeds.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Args {
    /// The first seed; alone: this one only, with its whole story.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds [default: 100].
    #[arg(long)]
    seeds: Option<u64>,
    /// For how many minutes, instead of a number of seeds.
    #[arg(long, conflicts_with = "seeds")]
    minutes: Option<u64>,
    /// On how many threads; each simulation runs on one [default: one for each core].
    #[arg(long)]
    threads: Option<usize>,
    /// Every so many seeds one is told again, and must be the same story; 0: none.
    #[arg(long, default_value_t = 100)]
    again: u64,
    /// Prints everything that happened in a single seed, and what the services logged of it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// With how many people.
    #[arg(long)]
    people: Option<usize>,
    /// For how many simulated seconds people are busy.
    #[arg(long)]
    busy: Option<u64>,
    /// What may happen, and nothing else.
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Option<Vec<Fault>>,
    /// The numbers of strikes that are not to take place, such as 1-7,9.
    #[arg(long, requires = "seed")]
    skip: Option<Numbers>,
    /// Shows the whole run of a seed that is broken, and looks for no shorter one.
    #[arg(long)]
    whole: bool,
    /// Switches one guard after the other off, and says after how many seeds that was noticed.
    #[arg(long)]
    flaws: bool,
    /// Only the guards whose description holds these words.
    #[arg(long, requires = "flaws")]
    about: Option<String>,
}

/// How many seeds a flaw has to show itself, unless `--seeds` says otherwise.
const FLAW_SEEDS: u64 = 1000;

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let is_clean = if args.flaws {
        flaws(&args)?
    } else if let (Some(seed), None, None) = (args.seed, args.seeds, args.minutes) {
        one(&args, seed)?
    } else {
        let setup = |seed| setup(&args, seed);
        let campaign = Campaign::run(&plan(&args, &setup, 100), |campaign| {
            eprintln!("{}", campaign.progress());
        })?;
        tell(campaign, args.whole)?
    };
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn plan<'a>(args: &Args, setup: &'a (dyn Fn(u64) -> Setup + Sync), seeds: u64) -> Plan<'a> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Plan {
        setup,
        first: args.seed.unwrap_or(1),
        seeds: match args.minutes {
            Some(_) => u64::MAX,
            None => args.seeds.unwrap_or(seeds),
        },
        time: args
            .minutes
            .map(|minutes| Duration::from_secs(60 * minutes)),
        threads: args.threads.unwrap_or_else(cores),
        again_every: args.again,
    }
}

/// What is made of a seed: all that it has, unless something else is asked for.
fn setup(args: &Args, seed: u64) -> Setup {
    let mut setup = Setup::of(seed);
    setup.size.people = args.people.unwrap_or(setup.size.people);
    setup.size.busy = args.busy.map_or(setup.size.busy, Duration::from_secs);
    if let Some(faults) = &args.faults {
        setup.faults = faults.iter().copied().collect();
    }
    if let Some(Numbers(skip)) = &args.skip {
        setup.skip.clone_from(skip);
    }
    setup
}

fn one(args: &Args, seed: u64) -> anyhow::Result<bool> {
    if args.trace {
        let log = tracing_subscriber::fmt().without_time().with_ansi(false);
        log.with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .init();
        simulation::trace::print(true);
    }
    let mut campaign = Campaign::default();
    campaign.add(simulate(&setup(args, seed))?);
    // A run that is watched is not run again.
    tell(campaign, args.whole || args.trace)
}

/// Prints what simulations came to, those that are broken with as little in them as can be found.
/// Whether none is.
fn tell(campaign: Campaign, whole: bool) -> anyhow::Result<bool> {
    print!("{campaign}");
    if whole {
        return Ok(campaign.is_clean());
    }
    for report in campaign.broken() {
        eprintln!("looking for less that is broken in the same way");
        let least = minimise(report.clone(), &|setup| eprintln!("  {setup}"))?;
        print!("{least}");
    }
    Ok(campaign.is_clean())
}

/// Whether each flaw was noticed.
fn flaws(args: &Args) -> anyhow::Result<bool> {
    let mut all = true;
    let wanted = args.about.as_deref().unwrap_or_default();
    for flaw in guards::all() {
        if !flaw.name.contains(wanted) {
            continue;
        }
        anyhow::ensure!(
            let_in(Some(flaw)),
            "this program was built with all guards for good"
        );
        let setup = |seed| setup(args, seed);
        let plan = Plan {
            again_every: 0,
            ..plan(args, &setup, FLAW_SEEDS)
        };
        let campaign = Campaign::run(&plan, |_| {})?;
        let seeds = campaign.seeds();
        match campaign.broken().first() {
            Some(report) => {
                let first = report.violations.first().map_or("", String::as_str);
                let (name, seed) = (flaw.name, report.setup.seed);
                println!("{name}: noticed after {seeds} seeds (seed {seed}): {first}");
            }
            None => {
                all = false;
                println!("{}: NOT noticed in {seeds} seeds", flaw.name);
            }
        }
    }
    Ok(let_in(None) && all)
}
