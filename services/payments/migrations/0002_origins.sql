-- What made the work necessary: the trace and the request that its events go on from.
alter table work add column traceparent text;
alter table work add column correlation text;
