-- What a buyer holds or has bought. An order's version is that of its newest event.
create table orders (
    id text primary key,
    version bigint not null,
    ticket_id text not null,
    buyer_id text not null,
    seller_id text not null,
    title text not null,
    price_minor bigint not null,
    currency text not null,
    offer_version bigint not null,
    epoch bigint not null,
    created_at bigint not null,
    -- Creation plus the hold.
    hold_until bigint not null,
    -- The same, or later while a payment has extended it.
    expires_at bigint not null,
    -- created, awaiting_payment, capturing, complete, refunding, refunded or cancelled.
    status text not null,
    -- awaiting_payment: the payment that has extended it; later: the chosen one.
    payment_id text,
    -- awaiting_payment: 1 once the payment that had extended it has failed.
    grace_spent bigint not null,
    refunded_minor bigint not null,
    -- refunding: what was asked back, and what becomes of the ticket (relist or withdraw).
    refund_minor bigint,
    refund_fate text,
    -- cancelled: why.
    cancel_reason text
);

-- The judge of every race: a ticket has one live order at most.
create unique index orders_live on orders (ticket_id)
    where status in ('created', 'awaiting_payment', 'capturing', 'complete', 'refunding');

-- A buyer's orders, newest first.
create index orders_buyer on orders (buyer_id, created_at, id);

-- What a buyer holds without having paid.
create index orders_unpaid on orders (buyer_id) where status in ('created', 'awaiting_payment');

-- The fencing token that each ticket's newest hold was given. Own state, never rebuilt.
create table epochs (
    ticket_id text primary key,
    epoch bigint not null
) without rowid;

-- What orders needs to know of a ticket; written by the consumer of `ticket` alone.
create table ticket_copies (
    ticket_id text primary key,
    version bigint not null,
    offer_version bigint not null,
    seller_id text not null,
    title text not null,
    price_minor bigint not null,
    currency text not null,
    -- listed, locked, sold or withdrawn.
    status text not null
) without rowid;
