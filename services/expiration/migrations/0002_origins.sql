-- What armed a timer: the trace and the request that its events go on from.
alter table timers add column traceparent text;
alter table timers add column correlation text;
