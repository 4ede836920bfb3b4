-- Small books and a small shop that meet every expectation. {raw} is the raw schema.
insert into {raw}.books_clients
    (client_id, name, country, currency, payment_terms_days, created_on, updated_at)
values
    (1, 'Ahorn', 'DE', 'EUR', 14, date '2024-01-01', timestamp '2025-01-01'),
    (2, 'Birch', 'AT', 'EUR', 30, date '2024-01-01', timestamp '2025-01-01'),
    (3, 'Cedar', 'US', 'USD', 30, date '2024-01-01', timestamp '2025-01-01');

insert into {raw}.books_projects
    (project_id, client_id, name, billing, hourly_rate, fixed_fee, started_on, updated_at)
values
    (1, 1, 'Website', 'hourly', 100, null, date '2025-01-01', timestamp '2025-01-01'),
    (2, 2, 'Reporting', 'fixed', null, 9000, date '2025-01-01', timestamp '2025-01-01'),
    (3, 2, 'Support', 'retainer', null, 1000, date '2025-01-01', timestamp '2025-01-01'),
    (4, 3, 'App', 'hourly', 120, null, date '2025-01-01', timestamp '2025-01-01');

insert into {raw}.books_time_entries
    (time_entry_id, project_id, worked_on, minutes, billable, note, updated_at)
select
    i + 1,
    case when i % 10 > 0 then i % 4 + 1 end,
    date '2025-01-06' + i::integer,
    120,
    i % 10 > 0,
    'work',
    timestamp '2025-01-06' + to_days(i::integer)
from range(300) as t (i);

insert into {raw}.books_exchange_rates (valid_from, currency, eur_per_unit, updated_at)
select (date '2025-01-01' + to_months(i::integer))::date, 'USD', 0.9 + i / 1000, timestamp '2025-01-01'
from range(12) as t (i);

insert into {raw}.books_invoices
    (invoice_id, number, client_id, project_id, kind, issued_on, due_on, currency,
     net_amount, tax_amount, updated_at)
select
    i + 1,
    '2025-' || lpad((i + 1)::varchar, 4, '0'),
    [1, 2, 2, 3][i % 4 + 1],
    i % 4 + 1,
    'invoice',
    date '2025-02-01' + (i * 12)::integer,
    date '2025-02-15' + (i * 12)::integer,
    case when i % 4 = 3 then 'USD' else 'EUR' end,
    1000 + 100 * i,
    case when i % 4 = 3 then 0 else 190 + 19 * i end,
    timestamp '2025-02-01' + to_days((i * 12)::integer)
from range(23) as t (i);

-- The third invoice is corrected by a fifth.
insert into {raw}.books_invoices
    (invoice_id, number, client_id, project_id, kind, credits_invoice_id, issued_on, due_on,
     currency, net_amount, tax_amount, updated_at)
values
    (24, '2025-0024', 2, 3, 'credit_note', 3, date '2025-10-25', date '2025-10-25', 'EUR',
     -240, -45.6, timestamp '2025-10-25');

-- All but the last five are paid, the fifth in two parts.
insert into {raw}.books_payments
    (payment_id, invoice_id, paid_on, currency, amount, method, updated_at)
select
    invoice_id * 10 + part,
    invoice_id,
    due_on + 5 + part::integer,
    currency,
    (net_amount + tax_amount) / case when invoice_id = 5 then 2 else 1 end,
    'bank_transfer',
    timestamp '2025-11-01'
from {raw}.books_invoices
inner join range(2) as t (part) on part = 0 or invoice_id = 5
where kind = 'invoice' and invoice_id <= 18;

insert into {raw}.shop_customers
    (id, name, email, age, weight, address, created_at, updated_at)
select
    i + 1, 'Customer ' || i, 'customer+' || i || '@example.org', 30, 70,
    '{{"city": "Ulm"}}', timestamptz '2024-01-01 00:00:00+00', timestamptz '2025-01-01 00:00:00+00'
from range(20) as t (i);

insert into {raw}.shop_products (id, make, model, year, price, created_at, updated_at)
select
    i + 1, 'Studio', 'Template ' || i, 2024, 10 + i,
    timestamptz '2024-01-01 00:00:00+00', timestamptz '2025-01-01 00:00:00+00'
from range(5) as t (i);

-- Every third stays in the cart, every tenth bought one is returned.
insert into {raw}.shop_purchases
    (id, user_id, product_id, added_to_cart_at, purchased_at, returned_at, created_at, updated_at)
select
    i + 1, i % 20 + 1, i % 5 + 1, day,
    case when i % 3 > 0 then day + interval 1 hour end,
    case when i % 30 = 10 then day + interval 3 day end,
    day, timestamptz '2025-11-01 00:00:00+00'
from (
    select i, timestamptz '2025-01-10 00:00:00+00' + to_days(i::integer) as day
    from range(60) as t (i)
);
