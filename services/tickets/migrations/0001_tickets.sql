-- Listings and the lock on each. Times are microseconds since the epoch. Texts are compared byte by
-- byte (in PostgreSQL: a database with the collation "C"), which is what paging and search rely on.
create table tickets (
    id text primary key,
    seller_id text not null,
    title text not null,
    -- The title's words for search, in lower case, each between two spaces.
    words text not null,
    price_minor bigint not null,
    currency text not null,
    status text not null check (status in ('listed', 'locked', 'sold', 'withdrawn')),
    -- The order that holds or has bought it.
    order_id text,
    offer_version bigint not null,
    epoch bigint not null,
    version bigint not null,
    created_at bigint not null,
    check ((order_id is not null) = (status in ('locked', 'sold')))
) without rowid;
create index tickets_listed on tickets (created_at desc, id desc) where status = 'listed';
create index tickets_of_seller on tickets (seller_id, created_at desc, id desc);

-- Which tickets, newest first, have a word in their title; only tickets that are listed or locked,
-- so that a lock and its release, which are many, leave this table alone.
create table title_words (
    word text not null,
    created_at bigint not null,
    ticket_id text not null,
    primary key (word, created_at, ticket_id)
) without rowid;
