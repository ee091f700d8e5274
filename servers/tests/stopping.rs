//! How a server of one's own is stopped.

use std::time::{Duration, Instant};

use servers::postgres::Postgres;

/// Within which a server ends that is not to write anything back.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long a process takes to end"
)]
fn what_was_not_written_back_in_time_is_read_from_the_log() {
    let mut server = Postgres::temporary(true).unwrap();
    let notes = |server: &Postgres, sql: &str| server.reached().psql("postgres", sql).unwrap();
    notes(&server, "create table notes (id int primary key)");
    for (round, limit) in (0..).zip([Duration::ZERO, Duration::from_secs(60)]) {
        let sql = format!("insert into notes select {round} * 1000 + generate_series(1, 1000)");
        notes(&server, &sql);
        let began = Instant::now();
        server.stop_within(limit).unwrap();
        assert!(began.elapsed() < limit + AT_ONCE);
        server.restart().unwrap();
        let kept = notes(&server, "select count(*) from notes");
        assert_eq!(kept.trim(), ((round + 1) * 1000).to_string());
    }
}
