-- What tells one head from another of the same version and life, as a number that sums can be made of.
-- 0 where a program of the release before wrote it: the keys are then looked at one by one, and found equal.
alter table heads add column digest bigint not null default 0;
alter table cursors add column digest bigint not null default 0;
