-- The newest comparison with all of the provider's records: the life of the database in which it began, how
-- many have ended in that life, and the record up to which it has come, unless it has ended.
create table walks (
    name text primary key,
    incarnation bigint not null,
    ended bigint not null,
    begun_at bigint not null,
    created_at bigint,
    reference text
);
