-- What the platform keeps in every service's database.

-- Facts about the database itself: its incarnation, whether it was closed cleanly.
create table meta (
    name text primary key,
    value bigint not null
);

-- The event log: the system of record. Rows are never changed.
create table events (
    position integer primary key,
    aggregate text not null,
    subject text not null,
    version bigint not null,
    incarnation bigint not null,
    envelope text not null,
    unique (aggregate, subject, version)
);

-- The newest version of each aggregate, and the life of the log that it was written in.
create table heads (
    aggregate text not null,
    subject text not null,
    version bigint not null,
    incarnation bigint not null,
    partition bigint not null,
    primary key (aggregate, subject)
) without rowid;

-- Events that the bus has not confirmed.
create table outbox (
    position integer primary key
);

-- How far each consumer has come with each aggregate: version and incarnation of one event.
create table cursors (
    consumer text not null,
    aggregate text not null,
    subject text not null,
    version bigint not null,
    incarnation bigint not null,
    partition bigint not null,
    primary key (consumer, aggregate, subject)
) without rowid;

-- Events that came before their time.
create table parked (
    consumer text not null,
    aggregate text not null,
    subject text not null,
    version bigint not null,
    incarnation bigint not null,
    envelope text not null,
    parked_at bigint not null,
    primary key (consumer, aggregate, subject, version)
) without rowid;

-- Keys that do not advance by themselves, and what is to be done about it.
create table stuck (
    consumer text not null,
    aggregate text not null,
    subject text not null,
    reason text not null,
    waits_aggregate text,
    waits_subject text,
    attempts bigint not null,
    tries bigint not null,
    error text not null,
    since bigint not null,
    next_try_at bigint not null,
    primary key (consumer, aggregate, subject)
) without rowid;
create index stuck_due on stuck (consumer, aggregate, next_try_at);
create index stuck_waits on stuck (waits_aggregate, waits_subject) where waits_subject is not null;

-- What consumers were refused by the rules, and what operators did.
create table audit (
    id text primary key,
    at bigint not null,
    act text not null,
    consumer text not null,
    aggregate text not null,
    subject text not null,
    version bigint not null,
    note text not null
);

-- Answers that are given again for the same idempotency key.
create table idempotency_keys (
    scope text not null,
    key text not null,
    fingerprint text not null,
    status bigint not null,
    headers text not null,
    body text not null,
    created_at bigint not null,
    primary key (scope, key)
) without rowid;
create index idempotency_keys_age on idempotency_keys (created_at);

-- Sessions that are no longer to be believed, until their tokens expire.
create table revoked_sessions (
    id text primary key,
    expires_at bigint not null
);
