//! Guards that are switched off one after the other: each of these is missed within a few simulations.
//! `cargo xtask simulate --flaws` tells of all.

use platform::flaws::let_in;
use simulation::campaign::{Campaign, Plan};
use simulation::guards;

/// Within how many seeds a missing guard shows itself here. The slowest took 21 of those that begin
/// with the first.
const SEEDS: u64 = 60;

#[test]
fn every_missing_guard_is_noticed() {
    let plan = Plan {
        first: 1,
        seeds: SEEDS,
        time: None,
        threads: 2,
    };
    let mut unnoticed = Vec::new();
    for flaw in guards::all() {
        assert!(let_in(Some(flaw)), "tests are built with debug assertions");
        let campaign = Campaign::run(&plan, |_| {}).unwrap();
        match campaign.broken().first() {
            Some(report) => println!("{}: {:?}", flaw.name, report.violations.first()),
            None => unnoticed.push(flaw.name),
        }
    }
    assert!(let_in(None), "and all guards stand again");
    assert_eq!(unnoticed, [""; 0]);
}
