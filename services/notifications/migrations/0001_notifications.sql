-- Copy of auth's users: where messages go. A closed account has no address any more.
create table user_copies (
    id text primary key,
    email text not null,
    language text not null
);

-- Copy of orders' orders: the price that the buyer accepted, for the seller's message.
create table order_copies (
    id text primary key,
    price_minor bigint not null,
    currency text not null
);

-- Messages, each once for its template and the event that it tells of. After a while only that is
-- left of them.
create table messages (
    id text primary key,
    template text not null,
    event_id text not null,
    user_id text not null,
    recipient text not null,
    subject text not null,
    body_text text not null,
    body_html text not null,
    state text not null,
    tries bigint not null,
    next_try_at bigint not null,
    error text not null,
    created_at bigint not null,
    unique (template, event_id)
);
create index messages_due on messages (next_try_at) where state in ('queued', 'sending');
create index messages_age on messages (created_at) where state in ('sent', 'failed') and recipient <> '';
