-- What several replicas of a service share.

-- The partition of the aggregate, by which relays share the work.
alter table outbox add column partition bigint not null default 0;
create index outbox_partition on outbox (partition, position);

-- Who does a share of the work, until when; renewed while it is done.
create table leases (
    name text primary key,
    holder text not null,
    until bigint not null
);
