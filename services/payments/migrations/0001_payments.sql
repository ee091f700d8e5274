-- Orders' events: who may pay how much until when. Written by the consumer of `order` alone.
create table order_copies (
    id text primary key,
    buyer_id text not null,
    seller_id text not null,
    amount_minor bigint not null,
    currency text not null,
    expires_at bigint not null,
    status text not null,
    cancel_reason text,
    -- The payment that the order chose, or that extended it.
    payment_id text
);

-- Attempts to pay an order. `decision` is what orders said about it: open, take or undo.
create table payments (
    id text primary key,
    order_id text not null,
    buyer_id text not null,
    seller_id text not null,
    amount_minor bigint not null,
    currency text not null,
    status text not null,
    decision text not null,
    provider_key text not null unique,
    reference text,
    action_url text,
    failure_code text,
    version bigint not null,
    idempotency_key text,
    created_at bigint not null,
    changed_at bigint not null
);

-- At most one payment of an order that has not come to nothing.
create unique index payments_live on payments (order_id)
    where status in ('started', 'authorized', 'captured');

-- One effect for one idempotency key, also when a crash took the stored answer.
create unique index payments_key on payments (order_id, idempotency_key)
    where idempotency_key is not null;

create index payments_order on payments (order_id, created_at);

-- What the reconciler looks up.
create index payments_open on payments (id) where status in ('started', 'authorized');

-- Money to be given back, and given back. `key` is the provider's idempotency key.
create table refunds (
    key text primary key,
    payment_id text not null,
    amount_minor bigint not null,
    done bigint not null,
    asked_at bigint not null
);
create index refunds_payment on refunds (payment_id, asked_at);

-- What is to be asked of the provider next: at most one act for each payment. `token` is erased as
-- soon as the outcome of the authorisation is known.
create table work (
    payment_id text primary key,
    act text not null,
    key text not null,
    token text,
    attempts bigint not null,
    sent_at bigint,
    next_try_at bigint not null
);
create index work_due on work (next_try_at);

-- Double entry: the entries of a transaction sum to zero in each currency. A debit is positive.
create table ledger_entries (
    transaction_id text not null,
    account text not null,
    payment_id text not null,
    amount_minor bigint not null,
    currency text not null,
    at bigint not null,
    primary key (transaction_id, account)
);
create index ledger_entries_payment on ledger_entries (payment_id);
create index ledger_entries_account on ledger_entries (account, currency);

-- How far the reconciler has come with the provider's records.
create table reconciled (
    name text primary key,
    created_at bigint not null,
    reference text not null
);
