//! One transaction's connection: statements, values, and what it has met.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::anyhow;
use deadpool_postgres::Object;
use futures::{FutureExt, TryFutureExt, TryStreamExt};
use tokio_postgres::Statement;
use tokio_postgres::types::{BorrowToSql, ToSql};

use super::pipeline::{Ahead, Journey, Mark, Queue, RowOf, Understood, in_order};
use super::together::{self, Asked, by_place, columns, given_as};
use super::{Flag, errors};
use crate::db::require::Otherwise;
use crate::db::row::{Row, Value};
use crate::failure::{Failure, Result};

/// A connection while a transaction has it.
pub(in crate::db) struct Session {
    client: Object,
    understood: Rc<Understood>,
    begin: &'static str,
    begun: Flag,
    ahead: Queue,
    /// What is to be held before anything is read.
    contended: Cell<Option<Contended>>,
    /// A statement failed, and the server refuses the rest of the transaction.
    failed: Flag,
    met: Flag,
    lost: Flag,
    /// The connection is not to be used again.
    spent: Flag,
}

/// An aggregate whose head moved under a transaction that is run again now.
pub(super) struct Contended {
    pub(super) aggregate: &'static str,
    pub(super) subject: String,
}

/// Holds names until the transaction ends.
const LOCK: &str = "select pg_advisory_xact_lock_shared(name) from unnest($2::bigint[]) name \
                    union all select pg_advisory_xact_lock(name) from unnest($1::bigint[]) name";

impl Session {
    pub(super) fn new(
        client: Object,
        understood: Rc<Understood>,
        begin: &'static str,
        contended: Option<Contended>,
    ) -> Self {
        Self {
            client,
            understood,
            begin,
            ahead: Queue::default(),
            contended: Cell::new(contended),
            begun: Flag::default(),
            failed: Flag::default(),
            met: Flag::default(),
            lost: Flag::default(),
            spent: Flag::default(),
        }
    }

    pub(super) fn met_another(&self) -> bool {
        self.met.get()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.get()
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failed.get()
    }

    pub(in crate::db) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        self.hold_contended().await?;
        let statement = self.prepare(sql).await?;
        let params = used(params, statement.params().len());
        self.send(sql, self.rows(&statement, params)).await
    }

    /// Runs queries all at once; those of one statement that stand side by side as one.
    pub(in crate::db) async fn query_all(
        &self,
        queries: &[(&str, Vec<Value>)],
    ) -> Result<Vec<Vec<Row>>> {
        self.hold_contended().await?;
        let are_alike = |(one, given): &(&str, Vec<Value>), (next, _): &(&str, Vec<Value>)| {
            one == next && !given.is_empty()
        };
        let groups = || queries.chunk_by(are_alike);
        let mut prepared = Vec::new();
        for group in groups() {
            prepared.push(self.prepare_group(group).await?);
        }
        let answers: Vec<_> = prepared.iter().map(|_| Cell::new(Vec::new())).collect();
        let work = async {
            let each = prepared.iter().zip(&answers);
            let journeys = each.map(|(Asked { statement, params }, answer)| {
                let journey = self.rows(statement, params.iter().map(AsRef::as_ref));
                journey.map_ok(|rows| answer.set(rows)).boxed_local()
            });
            let sent = in_order(journeys.collect()).await;
            sent.map_err(|(_, error)| error)
        };
        let sql = queries.first().map_or("", |(sql, _)| *sql);
        self.send(sql, work).await?;
        let mut all = Vec::with_capacity(queries.len());
        for (group, answer) in groups().zip(answers) {
            match group.len() {
                1 => all.push(answer.into_inner()),
                count => all.extend(by_place(answer.into_inner(), count)?),
            }
        }
        Ok(all)
    }

    /// A statement for one query, or for several that differ in their parameters.
    async fn prepare_group<'a>(&self, group: &'a [(&str, Vec<Value>)]) -> Result<Asked<'a>> {
        let Some((sql, first)) = group.first() else {
            return Err(Failure::Broken(anyhow!("no query")));
        };
        let statement = self.prepare(sql).await?;
        let count = statement.params().len();
        if group.len() == 1 {
            let params = first.iter().take(count).map(given_as).collect();
            return Ok(Asked { statement, params });
        }
        let sql = together::query_for_each(sql, statement.params());
        let params = columns(group.iter().map(|(_, params)| params.as_slice()), count);
        let params = params.into_iter().map(given_as).collect();
        let statement = self.prepare(&sql).await?;
        Ok(Asked { statement, params })
    }

    pub(in crate::db) async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        self.hold_contended().await?;
        let statement = self.prepare(sql).await?;
        self.send(sql, self.changes(&statement, params)).await
    }

    /// Runs a statement with the next one, or at the transaction's end.
    pub(in crate::db) async fn execute_later(&self, sql: &str, params: &[Value]) -> Result<()> {
        self.put_ahead(sql, params, None).await
    }

    /// Brings a row to a state, with the next statement or at the transaction's end, in one statement
    /// with other rows of its table.
    pub(in crate::db) async fn put_row(&self, row: RowOf<'_>) -> Result<()> {
        self.hold_contended().await?;
        let one = self.prepare(row.sql).await?;
        let mut many = None;
        if self.ahead.lacks_many(row.sql)
            && let Some(sql) = together::insert_for_each(row.sql, one.params())
        {
            many = Some(self.prepare(&sql).await?);
        }
        self.ahead.put_row(&row, one, many);
        Ok(())
    }

    /// The same for a statement that fails when it changes nothing: what that means.
    pub(in crate::db) async fn require(
        &self,
        sql: &str,
        params: &[Value],
        otherwise: Otherwise,
    ) -> Result<()> {
        self.put_ahead(sql, params, Some(otherwise)).await
    }

    async fn put_ahead(
        &self,
        sql: &str,
        params: &[Value],
        otherwise: Option<Otherwise>,
    ) -> Result<()> {
        self.hold_contended().await?;
        let statement = self.prepare(sql).await?;
        self.ahead.push(Ahead::Change {
            sql: sql.to_owned(),
            statement,
            params: params.to_vec(),
            otherwise,
        });
        Ok(())
    }

    /// Holds the head that had moved, so that those who want to raise it stand in line and none is run
    /// in vain forever. Names are locked before it, in this run as in the one before.
    async fn hold_contended(&self) -> Result<()> {
        let Some(Contended { aggregate, subject }) = self.contended.take() else {
            return Ok(());
        };
        let sql = "select 1 from heads where aggregate = $1 and subject = $2 for update";
        let params = [Value::Text(aggregate.to_owned()), Value::Text(subject)];
        let statement = self.prepare(sql).await?;
        self.send(sql, self.rows(&statement, params))
            .await
            .map(drop)
    }

    /// A savepoint's beginning or end, with the next statement.
    pub(in crate::db) fn control(&self, sql: &str) {
        self.ahead.push(Ahead::Control(sql.to_owned()));
    }

    /// Where the transaction stands, for [`Self::undo`].
    pub(in crate::db) fn mark(&self) -> Mark {
        self.ahead.mark()
    }

    /// Undoes what came after a mark, which stands before a savepoint of this name.
    pub(in crate::db) async fn undo(&self, mark: Mark, name: &str) -> Result<()> {
        if self.ahead.take_back(mark) {
            return Ok(());
        }
        let sql = format!("rollback to {name}; release {name}");
        self.send(&sql, self.client.batch_execute(&sql)).await?;
        // But not what a deadlock has ended: its locks are gone with the whole transaction.
        self.failed.set(false);
        Ok(())
    }

    /// Sends what waits, if an error in it would be somebody's, and hears what came of it.
    pub(in crate::db) async fn settle(&self) -> Result<()> {
        if self.ahead.has_changes() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends what waits, and nothing behind it.
    async fn flush(&self) -> Result<()> {
        self.send("", std::future::ready(Ok(()))).await
    }

    /// Holds these names until the transaction ends; others who ask for them wait. In one order, so
    /// that two who want the same never wait for each other. It is sent with the next statement.
    pub(in crate::db) async fn lock(&self, mut names: Vec<i64>, shared: Vec<i64>) -> Result<()> {
        names.sort_unstable();
        names.dedup();
        let statement = self.prepare(LOCK).await?;
        self.ahead.push(Ahead::Lock {
            statement,
            names,
            shared,
        });
        Ok(())
    }

    /// Lets an empty table stand in front of this one. Statements that were prepared before mean the
    /// real one, those from now on its stand-in: the connection is not used again.
    pub(in crate::db) async fn shadow(&self, table: &str) -> Result<()> {
        self.spent.set(true);
        self.client.statement_cache.clear();
        let sql = format!("create temp table {table} (like {table} including all) on commit drop");
        self.send(&sql, self.client.batch_execute(&sql)).await
    }

    /// One state for all reads, for as long as it takes.
    pub(in crate::db) async fn stand_still(&self) -> Result<()> {
        let sql = "set transaction isolation level repeatable read; \
                   set local idle_in_transaction_session_timeout = '10min'";
        self.send(sql, self.client.batch_execute(sql)).await
    }

    /// A statement that the server has read. One that may be wrong is shown to it only after what
    /// waits was sent: it would end the transaction before the savepoint that is to save it.
    async fn prepare(&self, sql: &str) -> Result<Statement> {
        if !self.understood.has(sql) && (self.begun.get() || !self.ahead.is_empty()) {
            self.flush().await?;
        }
        let statement = self.client.prepare_cached(sql).await;
        let statement = statement.map_err(|error| self.fail(error, sql))?;
        self.understood.add(sql);
        Ok(statement)
    }

    /// Sends a statement behind what waits, the transaction's beginning first of all.
    async fn send<T>(
        &self,
        sql: &str,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let mut ahead = self.ahead.take();
        if !self.begun.replace(true) {
            match ahead.first_mut() {
                Some(Ahead::Control(first)) => first.insert_str(0, &format!("{}; ", self.begin)),
                _ => ahead.insert(0, Ahead::Control(self.begin.to_owned())),
            }
        }
        let journeys = ahead.iter().map(|one| self.journey(one)).collect();
        let (before, outcome) = tokio::join!(biased; in_order(journeys), work);
        if let Err((number, error)) = before {
            let failed = ahead.get(number);
            let meaning = failed.filter(|_| errors::changed_nothing(&error));
            let failure = self.fail(error, failed.map_or(sql, Ahead::sql));
            return Err(meaning.and_then(Ahead::otherwise).unwrap_or(failure));
        }
        outcome.map_err(|error| self.fail(error, sql))
    }

    fn journey<'a>(&'a self, one: &'a Ahead) -> Journey<'a> {
        match one {
            Ahead::Control(sql) => self.client.batch_execute(sql).boxed_local(),
            Ahead::Lock {
                statement,
                names,
                shared,
            } => async move {
                let params: [&(dyn ToSql + Sync); 2] = [names, shared];
                self.client.execute(statement, &params).await.map(drop)
            }
            .boxed_local(),
            Ahead::Change {
                statement, params, ..
            } => self.changes(statement, params).map_ok(drop).boxed_local(),
            Ahead::Rows(rows) => async move {
                let (statement, params) = (rows.statement(), rows.params());
                let params = params.iter().map(AsRef::as_ref);
                self.client.execute_raw(statement, params).await.map(drop)
            }
            .boxed_local(),
        }
    }

    fn fail(&self, error: tokio_postgres::Error, sql: &str) -> Failure {
        self.failed.set(true);
        if errors::met_another(&error) {
            self.met.set(true);
            self.client.statement_cache.clear();
        }
        if errors::is_lost(&error) {
            self.lost.set(true);
        }
        errors::failure(error, sql)
    }

    async fn rows<P: BorrowToSql>(
        &self,
        statement: &Statement,
        params: impl IntoIterator<Item = P, IntoIter: ExactSizeIterator>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let rows = self.client.query_raw(statement, params).await?;
        let mut rows = std::pin::pin!(rows);
        let mut answer = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let columns = 0..row.len();
            let values: Result<Vec<Value>, _> = columns.map(|column| row.try_get(column)).collect();
            answer.push(Row(values?));
        }
        Ok(answer)
    }

    async fn changes(
        &self,
        statement: &Statement,
        params: &[Value],
    ) -> Result<u64, tokio_postgres::Error> {
        let params = used(params, statement.params().len());
        self.client.execute_raw(statement, params).await
    }

    /// Commits, with what still waits. If that fails: why, and whether it was because two
    /// transactions met.
    pub(super) async fn commit(&self) -> Result<(), (Failure, bool)> {
        if !self.begun.get() && !self.ahead.has_changes() {
            return Ok(());
        }
        // Behind a statement that failed, the server answers a commit with a rollback.
        let committed = self.send("commit", self.client.batch_execute("commit"));
        committed.await.map_err(|failure| (failure, self.met.get()))
    }

    /// Ends the transaction without a trace; a connection that can't is closed.
    pub(super) async fn roll_back(self: Rc<Self>) {
        if self.begun.get() && !self.lost.get() {
            drop(self.client.batch_execute("rollback").await);
        }
        if self.spent.get()
            && let Some(session) = Rc::into_inner(self)
        {
            drop(Object::take(session.client));
        }
    }
}

/// Parameters behind the last that the statement names are not sent.
fn used(params: &[Value], count: usize) -> impl ExactSizeIterator<Item = &Value> {
    params.iter().take(count)
}
