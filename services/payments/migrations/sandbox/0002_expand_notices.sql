-- What is to be told of charges, in the words of the moment when it happened, until it was heard.
create table notices (
    id text primary key,
    reference text not null,
    body text not null,
    attempts bigint not null,
    next_try_at bigint not null,
    created_at bigint not null
);
create index notices_due on notices (next_try_at);
