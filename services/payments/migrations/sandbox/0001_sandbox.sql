-- What the sandbox provider knows, as a real one would keep it for itself.

create table charges (
    reference text primary key,
    key text not null unique,
    token text not null,
    amount_minor bigint not null,
    currency text not null,
    standing text not null,
    code text,
    created_at bigint not null
);
create index charges_age on charges (created_at, reference);

create table refunds (
    key text primary key,
    reference text not null,
    amount_minor bigint not null,
    place bigint not null
);
create index refunds_charge on refunds (reference, place);
