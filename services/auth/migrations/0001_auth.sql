-- People. The address is stored as it is compared: trimmed and in lower case. The password's version
-- rises when the person changes it, not when the same one is hashed anew.
create table users (
    id text primary key,
    email text not null,
    password_hash text not null,
    password_version bigint not null,
    language text not null,
    created_at bigint not null
);
create unique index users_email on users (email);

-- Where people are signed in. A row stays until its token has expired.
create table sessions (
    id text primary key,
    user_id text not null,
    user_agent text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
create index sessions_live on sessions (user_id, id) where revoked_at is null;
create index sessions_expiry on sessions (expires_at);

-- Forgotten passwords, from the request to the used link. The link's token itself is nowhere: it is
-- computed from the id and a secret that is not in this database, and only its hash is kept.
create table password_resets (
    id text primary key,
    email text not null,
    user_id text,
    token_hash text,
    state text not null,
    tries bigint not null,
    next_try_at bigint not null,
    requested_at bigint not null,
    expires_at bigint not null
);
create unique index password_resets_token on password_resets (token_hash);
create index password_resets_due on password_resets (next_try_at) where state in ('requested', 'sending');
create index password_resets_email on password_resets (email, requested_at);
create index password_resets_expiry on password_resets (expires_at);
create index password_resets_user on password_resets (user_id);
