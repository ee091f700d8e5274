//! Tasks, time and chance.

use super::*;

fn order(seed: u64) -> Vec<u64> {
    let executor = Executor::new(seed);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for task in 0..20 {
        let (seen, executor) = (Arc::clone(&seen), executor.clone());
        executor.clone().spawn(FOREVER, async move {
            executor.sleep(Duration::from_millis(task % 4)).await;
            locked(&seen).push(task);
        });
    }
    let waiting = executor.clone();
    executor
        .run(async move { waiting.sleep(Duration::from_secs(1)).await })
        .unwrap();
    let seen = locked(&seen);
    seen.clone()
}

#[test]
fn a_seed_gives_one_order_and_another_seed_another() {
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
    let mut all = order(9);
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}

#[test]
fn time_passes_only_when_nobody_can_go_on() {
    let executor = Executor::new(1);
    let clock = executor.clone();
    let hour = Duration::from_secs(3600);
    let past = executor.run(async move {
        clock.sleep(hour).await;
        clock.now()
    });
    assert_eq!(past.unwrap(), hour);
}

#[test]
fn what_is_killed_is_dropped_where_it_stands() {
    let executor = Executor::new(1);
    let group = executor.group();
    let held = Arc::new(());
    let (holding, sleeping) = (Arc::clone(&held), executor.clone());
    executor.spawn(group, async move {
        let _held = holding;
        sleeping.sleep(Duration::from_secs(9)).await;
    });
    let killing = executor.clone();
    executor
        .run(async move {
            killing.sleep(Duration::from_secs(1)).await;
            killing.kill(group);
        })
        .unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(!executor.pass(), "nobody waits for the nine seconds");
}

#[test]
fn a_standstill_is_noticed() {
    let executor = Executor::new(1);
    let never = std::future::pending::<()>();
    assert!(executor.run(never).is_err());
}

#[test]
fn a_paused_group_stands_still_and_goes_on_where_it_stood() {
    let executor = Executor::new(1);
    let group = executor.group();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noting, sleeping) = (Arc::clone(&seen), executor.clone());
    executor.spawn(group, async move {
        for _ in 0..2 {
            sleeping.sleep(Duration::from_secs(1)).await;
            locked(&noting).push(sleeping.now().as_secs());
        }
    });
    let pausing = executor.clone();
    executor
        .run(async move {
            pausing.sleep(Duration::from_millis(500)).await;
            pausing.pause(group);
            pausing.sleep(Duration::from_secs(5)).await;
            pausing.resume(group);
            pausing.sleep(Duration::from_secs(5)).await;
        })
        .unwrap();
    assert_eq!(*locked(&seen), [5, 6]);
}
