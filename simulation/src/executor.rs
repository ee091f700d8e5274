//! One thread runs all tasks, one step at a time; which is next is drawn from the seed. Time passes
//! only when no task can go on, and then to the next moment that one waits for.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use anyhow::bail;
use futures::future::BoxFuture;
use testing::random::Seeded;

/// Runs tasks. Cheap to clone.
#[derive(Clone)]
pub struct Executor(Arc<Core>);

/// Tasks that end together: a process, or what is never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(u64);

/// What is never ended.
pub const FOREVER: Group = Group(0);

struct Core {
    tasks: Mutex<BTreeMap<u64, Task>>,
    ready: Arc<Mutex<Vec<u64>>>,
    timers: Mutex<BTreeMap<Moment, Waker>>,
    /// Groups that stand still, with those of their tasks that could go on.
    paused: Mutex<BTreeMap<Group, Vec<u64>>>,
    /// Microseconds since the beginning.
    now: AtomicU64,
    /// How many steps were made.
    steps: AtomicU64,
    /// Numbers tasks, groups and timers.
    numbers: AtomicU64,
    choices: Seeded,
}

/// When somebody is to be woken: the time, and a number that tells one sleeper from another.
type Moment = (u64, u64);

struct Task {
    group: Group,
    /// `None` while it runs.
    future: Option<BoxFuture<'static, ()>>,
    ready: Arc<Ready>,
}

/// Puts a task among those that can go on.
struct Ready {
    task: u64,
    is_among_them: AtomicBool,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_among_them.swap(true, Ordering::Relaxed) {
            locked(&self.ready).push(self.task);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Executor {
    /// An executor whose choices are drawn from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Core {
            tasks: Mutex::default(),
            ready: Arc::default(),
            timers: Mutex::default(),
            paused: Mutex::default(),
            now: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            numbers: AtomicU64::new(1),
            choices: Seeded::new(seed),
        }))
    }

    /// Time since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.0.now.load(Ordering::Relaxed))
    }

    /// How many steps were made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    /// A new group without tasks.
    #[must_use]
    pub fn group(&self) -> Group {
        Group(self.number())
    }

    /// Runs a task besides the others.
    pub fn spawn(&self, group: Group, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(group, Box::pin(task));
    }

    fn spawn_boxed(&self, group: Group, future: BoxFuture<'static, ()>) {
        let task = self.number();
        let ready = Arc::new(Ready {
            task,
            is_among_them: AtomicBool::new(false),
            ready: Arc::clone(&self.0.ready),
        });
        ready.wake_by_ref();
        let entry = Task {
            group,
            future: Some(future),
            ready,
        };
        locked(&self.0.tasks).insert(task, entry);
    }

    /// Lets a group stand still, as a process that the system does not schedule; time goes on.
    pub fn pause(&self, group: Group) {
        locked(&self.0.paused).entry(group).or_default();
    }

    /// Lets a group go on.
    pub fn resume(&self, group: Group) {
        let held = locked(&self.0.paused).remove(&group);
        locked(&self.0.ready).extend(held.unwrap_or_default());
    }

    /// Drops all tasks of a group where they stand.
    pub fn kill(&self, group: Group) {
        self.resume(group);
        let mut killed = Vec::new();
        locked(&self.0.tasks).retain(|_, task| {
            let is_spared = task.group != group;
            if !is_spared {
                killed.extend(task.future.take());
            }
            is_spared
        });
        // What they hold may wake others and start tasks when it is dropped.
        drop(killed);
    }

    /// Waits for time to pass.
    pub async fn sleep(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let until = self.0.now.load(Ordering::Relaxed).saturating_add(micros);
        let sleep = Sleep {
            executor: self.clone(),
            moment: (until, self.number()),
        };
        sleep.await;
    }

    /// Runs everything until this is done.
    ///
    /// # Errors
    /// When nothing can ever happen any more, and this is not done.
    pub fn run<T: Send + 'static>(
        &self,
        main: impl Future<Output = T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let slot = Arc::new(Mutex::new(None));
        let outcome = Arc::clone(&slot);
        self.spawn(FOREVER, async move {
            let done = main.await;
            *locked(&slot) = Some(done);
        });
        loop {
            if let Some(done) = locked(&outcome).take() {
                return Ok(done);
            }
            if !self.step() && !self.pass() {
                bail!("everybody waits for somebody else");
            }
        }
    }

    /// Ends everything.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut *locked(&self.0.tasks));
        drop(tasks);
        locked(&self.0.timers).clear();
    }

    /// Lets one of those that can go on do so; whether there was one.
    fn step(&self) -> bool {
        let task = {
            let mut ready = locked(&self.0.ready);
            if ready.is_empty() {
                return false;
            }
            let count = u64::try_from(ready.len()).unwrap_or(1);
            let drawn = usize::try_from(self.0.choices.below(count)).unwrap_or(0);
            ready.swap_remove(drawn)
        };
        let Some((mut future, ready)) = self.take(task) else {
            return true;
        };
        ready.is_among_them.store(false, Ordering::Relaxed);
        let waker = Waker::from(ready);
        self.0.steps.fetch_add(1, Ordering::Relaxed);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut tasks = locked(&self.0.tasks);
        match polled {
            Poll::Ready(()) => drop(tasks.remove(&task)),
            Poll::Pending => {
                if let Some(entry) = tasks.get_mut(&task) {
                    entry.future = Some(future);
                    return true;
                }
            }
        }
        drop(tasks);
        true
    }

    /// A task that can be made a step of: it has not ended, and its group does not stand still.
    fn take(&self, task: u64) -> Option<(BoxFuture<'static, ()>, Arc<Ready>)> {
        let mut tasks = locked(&self.0.tasks);
        let entry = tasks.get_mut(&task)?;
        if let Some(held) = locked(&self.0.paused).get_mut(&entry.group) {
            held.push(task);
            return None;
        }
        Some((entry.future.take()?, Arc::clone(&entry.ready)))
    }

    /// Goes to the next moment that somebody waits for; whether there is one.
    fn pass(&self) -> bool {
        let mut timers = locked(&self.0.timers);
        let Some((&(now, _), _)) = timers.first_key_value() else {
            return false;
        };
        self.0.now.store(now, Ordering::Relaxed);
        while let Some(entry) = timers.first_entry()
            && entry.key().0 == now
        {
            entry.remove().wake();
        }
        true
    }

    fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

struct Sleep {
    executor: Executor,
    moment: Moment,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let core = &self.executor.0;
        if core.now.load(Ordering::Relaxed) >= self.moment.0 {
            return Poll::Ready(());
        }
        locked(&core.timers).insert(self.moment, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        locked(&self.executor.0.timers).remove(&self.moment);
    }
}

/// A group of an executor, as a process's tasks see it.
#[derive(Clone)]
pub struct Member(pub Executor, pub Group);

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Member").field(&self.1).finish()
    }
}

impl platform::tasks::Executor for Member {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn_boxed(self.1, task);
    }
}

#[cfg(test)]
mod tests;
