-- Timers, and the copy of orders that they follow. Times are microseconds since the epoch.

-- Copy of `order`, written by its events alone.
create table order_copies (
    order_id text primary key,
    status text not null,
    expires_at bigint not null
) without rowid;

-- A timer for each order that still can expire.
create table timers (
    order_id text primary key,
    -- The time that it is set to.
    due_at bigint not null,
    -- How often it has rung for that time.
    rings bigint not null,
    -- When it rings next.
    next_at bigint not null
) without rowid;
create index timers_next on timers (next_at, order_id);
create index timers_rung on timers (rings) where rings > 0;
