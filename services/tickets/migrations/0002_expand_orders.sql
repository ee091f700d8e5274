-- Whose tickets an order has: asked when the order was lost with an older backup of orders.
create index tickets_of_order on tickets (order_id) where order_id is not null;
