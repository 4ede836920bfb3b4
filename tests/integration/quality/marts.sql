-- The marts of these books, computed plainly. {raw} is the raw schema.
create schema if not exists intermediate;
create schema if not exists marts;

create or replace view intermediate.int_reporting_date as
select greatest(
    (select max(issued_on) from {raw}.books_invoices),
    (select max(paid_on) from {raw}.books_payments),
    (select max(worked_on) from {raw}.books_time_entries)
) as as_of;

create or replace table marts.fct_time_entries as
select
    e.time_entry_id, e.project_id, p.client_id, coalesce(p.billing, 'own') as billing,
    e.worked_on, date_trunc('month', e.worked_on)::date as worked_month,
    e.minutes, coalesce(e.billable, false) as is_billable,
    case when p.billing = 'hourly' and e.billable
        then (e.minutes / 60 * p.hourly_rate)::decimal(18, 2) end as value_eur
from {raw}.books_time_entries as e
left join {raw}.books_projects as p on e.project_id = p.project_id;

create or replace table marts.fct_shop_purchases as
select
    s.id as purchase_id, s.user_id as customer_id, s.product_id,
    case when s.purchased_at is null then 'in_cart'
        when s.returned_at is null then 'kept' else 'returned' end as status,
    s.purchased_at::date as purchased_on,
    case when s.purchased_at is not null then s.returned_at::date end as returned_on,
    case when s.purchased_at is not null
        then (p.price * 0.9)::decimal(18, 2) end as amount_eur
from {raw}.shop_purchases as s
left join {raw}.shop_products as p on s.product_id = p.id;

create or replace temp table documents as
select
    i.*, coalesce(p.billing, 'other') as stream,
    case when upper(i.currency) = 'EUR' then 1 else r.eur_per_unit end as rate
from {raw}.books_invoices as i
left join {raw}.books_projects as p on i.project_id = p.project_id
left join {raw}.books_exchange_rates as r
    on upper(i.currency) = r.currency and date_trunc('month', i.issued_on) = r.valid_from;

create or replace table marts.revenue_by_month as
with movements as (
    select
        date_trunc('month', issued_on)::date as revenue_month, stream,
        round(net_amount * rate, 2)::decimal(18, 2) as eur, kind = 'credit_note' as correction
    from documents
    union all
    select date_trunc('month', purchased_on)::date, 'shop', amount_eur, false
    from marts.fct_shop_purchases where purchased_on is not null
    union all
    select date_trunc('month', returned_on)::date, 'shop', -amount_eur, true
    from marts.fct_shop_purchases where returned_on is not null
)
select
    revenue_month, stream,
    coalesce(sum(eur) filter (where not correction), 0)::decimal(18, 2) as sold_eur,
    coalesce(sum(eur) filter (where correction), 0)::decimal(18, 2) as corrected_eur,
    coalesce(sum(eur), 0)::decimal(18, 2) as revenue_eur,
    count(*) filter (where not correction) as sale_count,
    count(*) filter (where correction) as correction_count
from movements group by revenue_month, stream;

create or replace table marts.utilisation as
select
    worked_month, 20 as working_days, 160::decimal(18, 2) as capacity_hours,
    (sum(minutes) / 60)::decimal(18, 2) as worked_hours,
    (sum(minutes) filter (where is_billable) / 60)::decimal(18, 2) as billable_hours,
    (billable_hours / 160)::decimal(9, 4) as utilisation,
    (billable_hours / nullif(worked_hours, 0))::decimal(9, 4) as billable_share
from marts.fct_time_entries group by worked_month;

create or replace table marts.receivables_ageing as
with paid as (
    select invoice_id, sum(amount) as paid from {raw}.books_payments group by invoice_id
),
credited as (
    select credits_invoice_id as invoice_id, sum(net_amount + tax_amount) as credited
    from {raw}.books_invoices where kind = 'credit_note' group by credits_invoice_id
),
open_invoices as (
    select
        d.invoice_id, d.client_id, d.issued_on, d.due_on, a.as_of,
        greatest(a.as_of - d.due_on, 0) as days_overdue, upper(d.currency) as currency,
        (d.net_amount + d.tax_amount)::decimal(18, 2) as gross_amount,
        coalesce(c.credited, 0)::decimal(18, 2) as credited_amount,
        coalesce(p.paid, 0)::decimal(18, 2) as paid_amount, d.rate
    from documents as d
    cross join intermediate.int_reporting_date as a
    left join paid as p on d.invoice_id = p.invoice_id
    left join credited as c on d.invoice_id = c.invoice_id
    where d.kind = 'invoice'
)
select
    *,
    case when days_overdue = 0 then 'current' when days_overdue <= 30 then '1-30'
        when days_overdue <= 60 then '31-60' when days_overdue <= 90 then '61-90'
        else '90+' end as bucket,
    gross_amount + credited_amount - paid_amount as outstanding_amount,
    ((gross_amount + credited_amount - paid_amount) * rate)::decimal(18, 2) as outstanding_eur
from open_invoices where gross_amount + credited_amount - paid_amount > 0;

create or replace table marts.client_profitability as
with revenue as (
    select
        client_id, sum(round(net_amount * rate, 2)) as eur,
        min(issued_on) as first_invoiced_on, max(issued_on) as last_invoiced_on
    from documents group by client_id
),
work as (
    select client_id, sum(minutes) / 60 as hours,
        coalesce(sum(minutes) filter (where is_billable), 0) / 60 as billable
    from marts.fct_time_entries where client_id is not null group by client_id
)
select
    c.client_id, c.name as client_name,
    coalesce(r.eur, 0)::decimal(18, 2) as revenue_eur,
    (coalesce(w.hours, 0) * 40)::decimal(18, 2) as cost_eur,
    revenue_eur - cost_eur as profit_eur,
    coalesce(w.hours, 0)::decimal(18, 2) as worked_hours,
    coalesce(w.billable, 0)::decimal(18, 2) as billable_hours,
    (coalesce(r.eur, 0) / nullif(sum(r.eur) over (), 0))::decimal(9, 4) as share_of_revenue,
    0::decimal(18, 2) as outstanding_eur, r.first_invoiced_on, r.last_invoiced_on
from {raw}.books_clients as c
left join revenue as r on c.client_id = r.client_id
left join work as w on c.client_id = w.client_id;

create or replace table marts.cash_in as
select
    date_trunc('month', paid_on)::date as paid_month, upper(currency) as currency,
    count(*) as payment_count, sum(amount)::decimal(18, 2) as received_amount,
    sum(amount * case when upper(currency) = 'EUR' then 1 else 0.9 end)::decimal(18, 2)
        as received_eur
from {raw}.books_payments group by all;

create or replace table marts.shop_customers as
with bought as (
    select
        customer_id, count(*) filter (where status = 'in_cart') as cart_count,
        count(*) filter (where status != 'in_cart') as purchase_count,
        count(*) filter (where status = 'returned') as return_count,
        sum(amount_eur) filter (where status = 'kept') as spent_eur,
        min(purchased_on) as first_purchased_on, max(purchased_on) as last_purchased_on
    from marts.fct_shop_purchases group by customer_id
)
select
    c.id as customer_id, coalesce(b.cart_count, 0) as cart_count,
    coalesce(b.purchase_count, 0) as purchase_count, coalesce(b.return_count, 0) as return_count,
    coalesce(b.spent_eur, 0)::decimal(18, 2) as spent_eur,
    b.first_purchased_on, b.last_purchased_on, coalesce(b.purchase_count, 0) > 1 as is_returning
from {raw}.shop_customers as c left join bought as b on c.id = b.customer_id;
