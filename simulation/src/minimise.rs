//! Of a simulation that is broken, one that is broken in the same way with as little going on in it
//! as can be found: whatever can be left out is left out.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::faults::Fault;
use crate::setup::Setup;
use crate::simulate::{ONE_STORY, Report, simulate};

/// How many simulations are tried at most: each takes up to a second.
const TRIES_MAX: u32 = 160;

/// A search for less.
struct Search<'a> {
    best: Report,
    rule: String,
    tries: u32,
    show: &'a dyn Fn(&Setup),
}

/// A simulation that breaks the same rule with less going on: fewer people and faults, less time,
/// single strikes left out. Shows each that is found.
///
/// # Errors
/// When a simulation can't be run.
pub fn minimise(broken: Report, show: &dyn Fn(&Setup)) -> anyhow::Result<Report> {
    let Some(rule) = broken.violations.first().map(|line| rule(line).to_owned()) else {
        return Ok(broken);
    };
    // One run alone can't show it.
    if rule == ONE_STORY {
        return Ok(broken);
    }
    let mut search = Search {
        best: broken,
        rule,
        tries: 0,
        show,
    };
    loop {
        let before = search.best.setup.clone();
        search.less_time()?;
        search.fewer_faults()?;
        search.fewer_people()?;
        search.fewer_strikes()?;
        if search.best.setup == before || search.tries >= TRIES_MAX {
            return Ok(search.best);
        }
    }
}

/// The name of the rule that a line says is broken, such as `T1`.
fn rule(line: &str) -> &str {
    let line = line.strip_prefix("violation ").unwrap_or(line);
    line.split([':', ' ']).next().unwrap_or_default()
}

impl Search<'_> {
    /// Takes this one if it is broken in the same way; whether it was.
    fn try_one(&mut self, setup: &Setup) -> anyhow::Result<bool> {
        if self.tries >= TRIES_MAX {
            return Ok(false);
        }
        self.tries += 1;
        let report = simulate(setup)?;
        let is_same = report
            .violations
            .first()
            .is_some_and(|line| rule(line) == self.rule);
        if is_same {
            self.best = report;
            (self.show)(setup);
        }
        Ok(is_same)
    }

    fn less_time(&mut self) -> anyhow::Result<()> {
        self.shrink(|best| {
            let busy = best.setup.size.busy.as_secs();
            // It was noticed then: what came later had no part in it.
            let noticed = best.simulated.as_secs() + 1;
            let fewer = [noticed, busy / 2, busy * 3 / 4].into_iter();
            let fewer = fewer.filter(|&less| less > 0 && less < busy);
            let setups = fewer.map(|less| {
                let mut setup = best.setup.clone();
                setup.size.busy = Duration::from_secs(less);
                setup
            });
            setups.collect()
        })
    }

    fn fewer_people(&mut self) -> anyhow::Result<()> {
        self.shrink(|best| {
            let people = best.setup.size.people;
            let fewer = [people / 2, people.saturating_sub(1)].into_iter();
            let fewer = fewer.filter(|&fewer| fewer > 0 && fewer < people);
            let setups = fewer.map(|fewer| {
                let mut setup = best.setup.clone();
                setup.size.people = fewer;
                setup
            });
            setups.collect()
        })
    }

    /// Takes the first of what is smaller that is broken too, as long as there is one.
    fn shrink(&mut self, smaller: impl Fn(&Report) -> Vec<Setup>) -> anyhow::Result<()> {
        'found: loop {
            for setup in smaller(&self.best) {
                if self.try_one(&setup)? {
                    continue 'found;
                }
            }
            return Ok(());
        }
    }

    fn fewer_faults(&mut self) -> anyhow::Result<()> {
        let struck: Vec<Fault> = self.best.faults.keys().copied().collect();
        let mut setup = self.best.setup.clone();
        setup.faults = struck.iter().copied().collect();
        self.try_one(&setup)?;
        self.leave_out(&struck, |setup, faults| {
            setup.faults.retain(|fault| !faults.contains(fault));
        })
    }

    fn fewer_strikes(&mut self) -> anyhow::Result<()> {
        let strikes: Vec<u64> = (1..=self.best.strikes).collect();
        self.leave_out(&strikes, |setup, strikes| setup.skip.extend(strikes))
    }

    /// Leaves out as many of these as possible: halves, then quarters, down to single ones.
    fn leave_out<T: Copy + Ord>(
        &mut self,
        all: &[T],
        leave: impl Fn(&mut Setup, BTreeSet<T>),
    ) -> anyhow::Result<()> {
        let mut left: Vec<T> = all.to_vec();
        let mut size = left.len().div_ceil(2);
        while size > 0 && !left.is_empty() {
            let mut kept = Vec::new();
            for chunk in left.chunks(size) {
                let mut setup = self.best.setup.clone();
                leave(&mut setup, chunk.iter().copied().collect());
                if setup == self.best.setup || !self.try_one(&setup)? {
                    kept.extend_from_slice(chunk);
                }
            }
            left = kept;
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_known_by_its_name() {
        assert_eq!(rule("T1: ticket 7 has two live orders"), "T1");
        assert_eq!(rule("violation M2 payment 3 was taken"), "M2");
        assert_eq!(rule("violation N1: order 3"), "N1");
        assert_eq!(rule(""), "");
    }
}
