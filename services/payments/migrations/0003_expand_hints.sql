-- Payments of which the provider said something new: they are to be looked up there. `said` counts how
-- often it did, so that what is said during a look is looked at again.
create table hints (
    payment_id text primary key,
    said bigint not null,
    attempts bigint not null,
    next_try_at bigint not null,
    traceparent text,
    correlation text
);
create index hints_due on hints (next_try_at);
