//! What a simulation is made of: a seed, how much goes on in it, and what is left out of that.

use std::collections::BTreeSet;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum as _;

use crate::faults::Fault;

/// How much goes on in a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many people there are.
    pub people: usize,
    /// How long they are busy, in simulated time.
    pub busy: Duration,
}

/// A simulation that can be run, again and again with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What everything is drawn from.
    pub seed: u64,
    /// How much goes on.
    pub size: Size,
    /// What may happen, if the seed has it.
    pub faults: BTreeSet<Fault>,
    /// The numbers of strikes that are left out, as they are counted from 1 on.
    pub skip: BTreeSet<u64>,
}

impl Size {
    /// How much goes on in the simulation of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self {
            // A few who do everything, and now and then a crowd.
            people: match seed % 16 {
                0 => 24,
                odd if odd % 2 == 1 => 4,
                _ => 8,
            },
            busy: Duration::from_secs(40),
        }
    }
}

impl Setup {
    /// All that a seed has.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            size: Size::of(seed),
            faults: Fault::ALL.into(),
            skip: BTreeSet::new(),
        }
    }

    /// A short one in which nothing goes wrong but that owners come back from backups, and money goes back
    /// by hand.
    #[must_use]
    pub fn restored(seed: u64) -> Self {
        Self {
            size: Size {
                people: 4,
                busy: Duration::from_secs(12),
            },
            faults: [Fault::Restored, Fault::GivenBack].into(),
            ..Self::of(seed)
        }
    }
}

impl fmt::Display for Setup {
    /// The command that runs it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cargo xtask simulate --seed {}", self.seed)?;
        let whole = Size::of(self.seed);
        if self.size.people != whole.people {
            write!(f, " --people {}", self.size.people)?;
        }
        if self.size.busy != whole.busy {
            write!(f, " --busy {}", self.size.busy.as_secs())?;
        }
        if self.faults.len() != Fault::ALL.len() {
            let names = self.faults.iter().filter_map(Fault::to_possible_value);
            let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
            write!(f, " --faults {}", names.join(","))?;
        }
        if !self.skip.is_empty() {
            write!(f, " --skip {}", Numbers(self.skip.clone()))?;
        }
        Ok(())
    }
}

/// Numbers, written as ranges: `1-7,9`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(pub BTreeSet<u64>);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &number in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        let ranges = ranges.into_iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        f.write_str(&ranges.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Numbers {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let mut numbers = BTreeSet::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            numbers.extend(first.parse::<u64>()?..=last.parse()?);
        }
        Ok(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_what_differs_from_the_seed() {
        let mut setup = Setup::of(4);
        assert_eq!(setup.to_string(), "cargo xtask simulate --seed 4");
        setup.size = Size {
            people: 2,
            busy: Duration::from_secs(7),
        };
        setup.faults = BTreeSet::from([Fault::PowerLoss, Fault::Lost]);
        setup.skip = BTreeSet::from([3, 12, 13]);
        let told = "cargo xtask simulate --seed 4 --people 2 --busy 7 --faults power-loss,lost \
                    --skip 3,12-13";
        assert_eq!(setup.to_string(), told);
    }

    #[test]
    fn numbers_survive_the_way_there_and_back() {
        for text in ["1", "1-3", "1-2,4,6-9"] {
            assert_eq!(text.parse::<Numbers>().unwrap().to_string(), text);
        }
        assert_eq!("3,1,2".parse::<Numbers>().unwrap().to_string(), "1-3");
        assert!("1-".parse::<Numbers>().is_err());
    }
}
