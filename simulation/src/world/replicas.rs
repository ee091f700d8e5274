//! The processes of a service: one, or several on one database.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use platform::gate::Gate;

use super::{SERVICES, World};
use crate::executor::{FOREVER, Group};
use crate::trace::FAULT;

/// One of the processes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    /// The service.
    pub service: &'static str,
    /// Which one, from 0 on.
    pub number: usize,
}

impl Replica {
    /// What there is one of.
    #[must_use]
    pub fn only(service: &'static str) -> Self {
        Self { service, number: 0 }
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(self.service),
            number => write!(f, "{}/{number}", self.service),
        }
    }
}

/// A process that runs.
pub(super) struct Running {
    group: Group,
    /// What it is once it answers.
    answering: Option<(Router, Gate)>,
}

impl World {
    /// The replicas of a service, whether they run or not.
    pub fn replicas(&self, service: &'static str) -> impl Iterator<Item = Replica> + use<> {
        (0..self.terms.replicas).map(move |number| Replica { service, number })
    }

    /// Starts a service's process, again and again until it runs.
    pub fn start(&self, replica: Replica) {
        let group = self.executor.group();
        let running = Running {
            group,
            answering: None,
        };
        self.processes().insert(replica, running);
        let world = self.clone();
        self.executor.spawn(group, async move {
            match world.open(replica, group).await {
                Ok(answering) => {
                    world.trace.say(|| format!("{replica} runs"));
                    if let Some(running) = world.processes().get_mut(&replica) {
                        running.answering = Some(answering);
                    }
                }
                Err(error) => {
                    world
                        .trace
                        .say(|| format!("{FAULT}{replica} does not start: {error:#}"));
                    world.start_later(replica, group);
                }
            }
        });
    }

    fn start_later(&self, replica: Replica, group: Group) {
        let world = self.clone();
        self.executor.spawn(FOREVER, async move {
            world.executor.sleep(Duration::from_secs(1)).await;
            let is_same = world.group(replica) == Some(group);
            if is_same {
                world.kill(replica);
                world.start(replica);
            }
        });
    }

    fn group(&self, replica: Replica) -> Option<Group> {
        self.processes().get(&replica).map(|running| running.group)
    }

    /// Ends a service's process in the middle of whatever it does. Whether there was one.
    pub fn kill(&self, replica: Replica) -> bool {
        let Some(running) = self.processes().remove(&replica) else {
            return false;
        };
        // What the killed tasks held asks for the processes when it is dropped.
        self.executor.kill(running.group);
        true
    }

    /// Ends all processes of a service. Those that there were.
    pub fn kill_all(&self, service: &'static str) -> Vec<Replica> {
        let all = self.replicas(service);
        all.filter(|replica| self.kill(*replica)).collect()
    }

    /// Lets a service's process stand still for a while.
    pub fn pause(&self, replica: Replica, time: Duration) {
        let Some(group) = self.group(replica) else {
            return;
        };
        self.executor.pause(group);
        let executor = self.executor.clone();
        self.executor.spawn(FOREVER, async move {
            executor.sleep(time).await;
            executor.resume(group);
        });
    }

    /// The inboxes of all services that run, by name: one of each.
    #[must_use]
    pub fn gates(&self) -> BTreeMap<&'static str, Gate> {
        let mut gates = BTreeMap::new();
        for (replica, running) in self.processes().iter() {
            if let Some((_, gate)) = &running.answering {
                gates.entry(replica.service).or_insert_with(|| gate.clone());
            }
        }
        gates
    }

    /// The processes that should run and do not answer.
    #[must_use]
    pub fn missing(&self) -> Vec<Replica> {
        let processes = self.processes();
        let answers = |replica: &Replica| {
            let running = processes.get(replica);
            running.is_some_and(|running| running.answering.is_some())
        };
        let all = SERVICES.iter().flat_map(|service| self.replicas(service));
        all.filter(|replica| !answers(replica)).collect()
    }

    /// The process of a service that takes the next request: any that answers, standing still or not.
    pub(super) fn answering(&self, service: &'static str) -> Option<(Group, Router)> {
        let processes = self.processes();
        let answering = self.replicas(service).filter_map(|replica| {
            let running = processes.get(&replica)?;
            let (router, _) = running.answering.as_ref()?;
            Some((running.group, router))
        });
        let answering: Vec<_> = answering.collect();
        let taken = match answering.as_slice() {
            [] => return None,
            [only] => only,
            several => self.choices.one_of(several)?,
        };
        Some((taken.0, taken.1.clone()))
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<Replica, Running>> {
        self.0
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
