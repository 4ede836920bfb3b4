with

clients as (
    select * from {{ ref("stg_books__clients") }}
),

revenue as (
    select
        client_id,
        sum(net_amount_eur) as revenue_eur,
        min(issued_on) as first_invoiced_on,
        max(issued_on) as last_invoiced_on
    from {{ ref("int_invoices_converted") }}
    group by client_id
),

work as (
    select
        client_id,
        sum(minutes) as minutes,
        coalesce(sum(minutes) filter (where is_billable), 0) as billable_minutes
    from {{ ref("fct_time_entries") }}
    where client_id is not null
    group by client_id
),

balances as (
    select
        client_id,
        coalesce(sum(balance_eur) filter (where balance_amount > 0), 0) as outstanding_eur,
        avg(settled_on - issued_on) as mean_days_to_pay
    from {{ ref("int_invoice_balances") }}
    group by client_id
),

combined as (
    select
        clients.client_id,
        clients.client_name,
        clients.country,
        clients.currency,
        cast(coalesce(revenue.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
        cast(coalesce(work.minutes, 0) / 60 as decimal(18, 2)) as worked_hours,
        cast(coalesce(work.billable_minutes, 0) / 60 as decimal(18, 2)) as billable_hours,
        cast(
            round(coalesce(work.minutes, 0) * {{ var("hourly_cost_eur") }} / 60, 2)
            as decimal(18, 2)
        ) as cost_eur,
        cast(coalesce(balances.outstanding_eur, 0) as decimal(18, 2)) as outstanding_eur,
        cast(round(balances.mean_days_to_pay, 1) as decimal(9, 1)) as mean_days_to_pay,
        revenue.first_invoiced_on,
        revenue.last_invoiced_on
    from clients
    left join revenue
        on clients.client_id = revenue.client_id
    left join work
        on clients.client_id = work.client_id
    left join balances
        on clients.client_id = balances.client_id
),

final as (
    select
        client_id,
        client_name,
        country,
        currency,
        revenue_eur,
        cost_eur,
        cast(revenue_eur - cost_eur as decimal(18, 2)) as profit_eur,
        worked_hours,
        billable_hours,
        cast(round(revenue_eur / nullif(worked_hours, 0), 2) as decimal(18, 2))
            as revenue_per_hour_eur,
        cast(round(revenue_eur / nullif(sum(revenue_eur) over (), 0), 4) as decimal(9, 4))
            as share_of_revenue,
        outstanding_eur,
        mean_days_to_pay,
        first_invoiced_on,
        last_invoiced_on
    from combined
)

select * from final
order by client_id
