-- Clients, their projects and the months that exchange rates hold for.
-- `draw(n, salt)` is a number in [0, 1) that depends on n and salt only.

create table clients as
with numbered as (
    select
        i + 1 as client_id,
        i as n,
        greatest(12, size() // 1000) as clients
    from range(greatest(12, size() // 1000)) as t (i)
)

select
    client_id,
    element_of([
        'Ahorn', 'Brückner', 'Castellan', 'Delta', 'Eiger', 'Fjord', 'Grünwald', 'Harbour',
        'Isar', 'Juniper', 'Kestrel', 'Lindqvist', 'Meridian', 'Nordlicht', 'Oakfield', 'Pomona'
    ], n) || ' ' || element_of([
        'Verlag', 'Logistics', 'Museum', 'Robotics', 'Foods', 'Energie', 'Studios'
    ], n // 16 + (n % 16) * 3)
    || case when n >= 112 then ' ' || (n // 112 + 1) else '' end as name,
    element_of(['DE', 'DE', 'US', 'AT', 'DE', 'US', 'FR', 'DE', 'US', 'NL'], n) as country,
    case country when 'US' then 'USD' else 'EUR' end as currency,
    element_of([14, 30, 30, 14, 45], n)::bigint as payment_terms_days,
    -- A third are clients from before the first day.
    case
        when n % 3 = 0 then first_day() - (30 + floor(draw(n, 1) * 400))::integer
        else first_day() + floor(draw(n, 1) * (last_day() - first_day() - 200))::integer
    end as created_on,
    created_on::timestamp + interval 9 hour as updated_at,
    -- How many days after the due date the client pays; some are always early, one is slow.
    element_of([-4, 0, 3, 12, 1, 25, -2, 6, 48, 2], n)::bigint as habit_days
from numbered;

-- One client is renamed half a year before the end, and keeps its number.
create table renamed_clients as
select
    client_id,
    'Stiftung Delta Museum' as name,
    last_day() - 180 as renamed_on
from clients
where client_id = 4;

create table projects as
with drafts as (
    select
        c.client_id,
        c.currency,
        c.created_on,
        k.k,
        c.client_id * 10 + k.k as n
    from clients as c
    -- One to four projects a client, of different length.
    inner join range(4) as k (k) on k.k <= floor(draw(c.client_id, 2) * 4)
),

dated as (
    select
        *,
        case
            when client_id = 1 and k = 0 then first_day()
            else greatest(created_on, first_day())
                + (k * 150 + floor(draw(n, 3) * 90))::integer
        end as started_on,
        60 + floor(draw(n, 4) * 540)::integer as days
    from drafts
)

select
    row_number() over (order by started_on, n) as project_id,
    client_id,
    element_of([
        'Website', 'Data warehouse', 'Reporting', 'App', 'Migration', 'Training', 'Support'
    ], client_id + k * 3) || ' ' || year(started_on) as name,
    -- The first client is there throughout, so that no working day is without work.
    case when client_id = 1 and k = 0 then 'hourly' else
        element_of(['hourly', 'fixed', 'hourly', 'retainer', 'hourly'], client_id + k)
    end as billing,
    case billing when 'hourly' then
        (case currency when 'USD' then 95 else 80 end + 5 * floor(draw(n, 5) * 9))::decimal(18, 2)
    end as hourly_rate,
    case billing
        when 'fixed' then (3000 + 500 * floor(draw(n, 6) * 25))::decimal(18, 2)
        when 'retainer' then (800 + 200 * floor(draw(n, 6) * 9))::decimal(18, 2)
    end as fixed_fee,
    case billing
        when 'fixed' then floor(fixed_fee / 90)::decimal(18, 2)
        when 'retainer' then floor(fixed_fee / 80)::decimal(18, 2)
    end as budget_hours,
    started_on,
    case when started_on + days <= last_day() and not (client_id = 1 and k = 0)
            then started_on + days
    end as ended_on,
    coalesce(ended_on, started_on)::timestamp + interval 10 hour as updated_at,
    currency
from dated
where started_on <= last_day() - 30;

create table exchange_rates as
select
    month::date as valid_from,
    'USD' as currency,
    -- A slow wave around 0.92 with a little noise.
    (0.92 + 0.035 * sin(month_number / 5.0) + 0.01 * (draw(month_number, 7) - 0.5))
    ::decimal(18, 6) as eur_per_unit,
    month::timestamp + interval 6 hour as updated_at
from (
    select
        month,
        row_number() over (order by month) as month_number
    from range(first_day()::timestamp, last_day()::timestamp, interval 1 month) as t (month)
);
