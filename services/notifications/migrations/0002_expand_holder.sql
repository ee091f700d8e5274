-- Which replica is handing a message over: where it has gone, another need not wait for its lease to end.
alter table messages add column holder text;
