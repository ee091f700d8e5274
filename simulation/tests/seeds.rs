//! A fixed sample of simulations: none is broken, all goals are reached, and a seed tells one story.

use simulation::campaign::{Campaign, Plan};
use simulation::{Size, simulate};

#[test]
fn a_seed_tells_one_story() {
    let (first, second) = (simulate(5, Size::default()), simulate(5, Size::default()));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.trace.len() > 500, "{} lines", first.trace.len());
    assert_eq!(first.trace, second.trace);
    assert_eq!((first.sum, first.steps), (second.sum, second.steps));
    let other = simulate(6, Size::default()).unwrap();
    assert_ne!(first.sum, other.sum);
}

#[test]
fn a_fixed_sample_is_not_broken_and_reaches_everything() {
    let plan = Plan {
        first: 1,
        seeds: 24,
        time: None,
        threads: 2,
    };
    let campaign = Campaign::run(&plan, |_| {}).unwrap();
    assert!(campaign.is_clean(), "{campaign}");
    assert_eq!(campaign.unreached(), [""; 0], "{campaign}");
}
