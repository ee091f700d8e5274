-- Payments that an older backup did not have, and of which their orders spoke: beside such a one another
-- may be live until orders has judged it.
alter table payments add column adopted bigint not null default 0;
drop index payments_live;
create unique index payments_live on payments (order_id)
    where status in ('started', 'authorized', 'captured') and adopted = 0;
