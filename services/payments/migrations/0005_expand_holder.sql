-- Which replica has taken what is to be done: where it has gone, another need not wait for its time to end.
alter table work add column holder text;
alter table hints add column holder text;
