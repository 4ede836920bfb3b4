-- Invoices follow from the work, payments from the invoices. Amounts are computed in cents.

create table billed as
with hourly as (
    select
        project_id,
        date_trunc('month', worked_on)::date as month,
        sum(minutes)::bigint as minutes_billed
    from time_entries
    where billable
    group by all
)

-- Hourly work of a month is billed in the first days of the next.
select
    p.project_id,
    (h.month + interval 1 month)::date + (p.project_id % 3)::integer as issued_on,
    (h.minutes_billed * (p.hourly_rate * 100)::bigint + 30) // 60 as net_cents
from hourly as h
inner join projects as p on h.project_id = p.project_id
where p.billing = 'hourly'
union all
-- A retainer is due for every month that the project runs on the first of.
select
    p.project_id,
    m.month::date,
    (p.fixed_fee * 100)::bigint
from projects as p
inner join range(first_day()::timestamp, last_day()::timestamp, interval 1 month) as m (month)
    on m.month >= p.started_on and m.month <= coalesce(p.ended_on, last_day())
where p.billing = 'retainer'
union all
-- A fixed fee is billed by 40 % at the start and by the rest at the end.
select
    project_id,
    started_on,
    (fixed_fee * 40)::bigint
from projects
where billing = 'fixed'
union all
select
    project_id,
    ended_on,
    (fixed_fee * 60)::bigint
from projects
where billing = 'fixed' and ended_on is not null;

create table drafted_invoices as
select
    row_number() over (order by b.issued_on, b.project_id, b.net_cents) as n,
    b.*,
    p.client_id,
    c.currency,
    c.habit_days,
    b.issued_on + c.payment_terms_days::integer as due_on,
    -- Value added tax at home only: services to businesses abroad are billed without.
    case c.country when 'DE' then (b.net_cents * 19 + 50) // 100 else 0 end as tax_cents
from billed as b
inner join projects as p on b.project_id = p.project_id
inner join clients as c on p.client_id = c.client_id
where b.issued_on <= last_day() and b.net_cents > 0;

-- One invoice in sixty, and at least one, is corrected by a credit note over a fifth of it.
create table credits as
select
    n,
    issued_on + 10 as issued_on,
    -(net_cents // 5) as net_cents,
    -(tax_cents // 5) as tax_cents
from drafted_invoices
where issued_on <= last_day() - 60
qualify row_number() over (order by draw(n, 21), n) <= greatest(1, count(*) over () // 60);

create table invoices as
with all_documents as (
    select n, 'invoice' as kind, issued_on, net_cents, tax_cents from drafted_invoices
    union all
    select n, 'credit_note', issued_on, net_cents, tax_cents from credits
),

numbered as (
    select
        a.*,
        row_number() over (order by a.issued_on, a.kind desc, a.n) as invoice_id,
        row_number() over (
            partition by year(a.issued_on) order by a.issued_on, a.kind desc, a.n
        ) as number_in_year
    from all_documents as a
)

select
    x.invoice_id,
    year(x.issued_on) || '-' || lpad(x.number_in_year::varchar, 4, '0') as number,
    d.client_id,
    d.project_id,
    x.kind,
    i.invoice_id as credits_invoice_id,
    x.issued_on,
    case x.kind when 'invoice' then d.due_on else x.issued_on end as due_on,
    d.currency,
    (x.net_cents::decimal(18, 2) * 0.01)::decimal(18, 2) as net_amount,
    (x.tax_cents::decimal(18, 2) * 0.01)::decimal(18, 2) as tax_amount,
    x.issued_on::timestamp + interval 8 hour as updated_at,
    d.n
from numbered as x
inner join drafted_invoices as d on x.n = d.n
left join numbered as i on x.kind = 'credit_note' and i.kind = 'invoice' and x.n = i.n;

create table payments as
with owed as (
    select
        i.invoice_id,
        i.n,
        i.currency,
        d.net_cents + d.tax_cents + coalesce(c.net_cents + c.tax_cents, 0) as cents,
        -- Habit and a few days of chance; one in ten is a good month later than that.
        greatest(d.issued_on, d.due_on + (
            d.habit_days + floor(draw(d.n, 22) * 7)
            + case when draw(d.n, 23) < 0.1 then 30 + floor(draw(d.n, 24) * 40) else 0 end
        )::integer) as paid_on,
        draw(d.n, 25) < 0.08 as in_parts
    from invoices as i
    inner join drafted_invoices as d on i.n = d.n
    left join credits as c on d.n = c.n
    where
        i.kind = 'invoice'
        -- Never paid: one in fifty, and all that the third client got in the last 200 days.
        and draw(d.n, 26) >= 0.02
        and not (d.client_id = 3 and d.issued_on > last_day() - 200)
),

parts as (
    select *, 1 as part, case when in_parts then cents * 2 // 5 else cents end as cents_paid
    from owed
    union all
    select * replace (paid_on + 21 as paid_on), 2, cents - cents * 2 // 5
    from owed
    where in_parts
)

select
    row_number() over (order by paid_on, invoice_id, part) as payment_id,
    invoice_id,
    paid_on,
    currency,
    (cents_paid::decimal(18, 2) * 0.01)::decimal(18, 2) as amount,
    element_of(['bank_transfer', 'bank_transfer', 'bank_transfer', 'card', 'paypal'], n) as method,
    paid_on::timestamp + interval 7 hour as updated_at
from parts
where paid_on <= last_day();
