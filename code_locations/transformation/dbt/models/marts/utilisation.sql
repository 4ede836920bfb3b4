-- Months without work count too, and the running month only up to the reporting date.
with

as_of as (
    select * from {{ ref("int_reporting_date") }}
),

time_entries as (
    select entries.*
    from {{ ref("fct_time_entries") }} as entries
    inner join as_of
        on entries.worked_on <= as_of.as_of
),

days as (
    select
        cast(
            unnest(
                generate_series(
                    (select min(worked_month) from time_entries),
                    (select as_of from as_of),
                    interval 1 day
                )
            ) as date
        ) as calendar_day
),

capacity as (
    select
        cast(date_trunc('month', calendar_day) as date) as worked_month,
        count(*) filter (where isodow(calendar_day) <= 5) as working_days
    from days
    group by date_trunc('month', calendar_day)
),

work as (
    select
        worked_month,
        sum(minutes) as minutes,
        coalesce(sum(minutes) filter (where is_billable), 0) as billable_minutes
    from time_entries
    group by worked_month
),

final as (
    select
        capacity.worked_month,
        capacity.working_days,
        cast(capacity.working_days * {{ var("hours_per_day") }} as decimal(18, 2))
            as capacity_hours,
        cast(coalesce(work.minutes, 0) / 60 as decimal(18, 2)) as worked_hours,
        cast(coalesce(work.billable_minutes, 0) / 60 as decimal(18, 2)) as billable_hours,
        cast(
            round(
                coalesce(work.billable_minutes, 0) / 60
                / nullif(capacity.working_days * {{ var("hours_per_day") }}, 0),
                4
            ) as decimal(9, 4)
        ) as utilisation,
        cast(
            round(coalesce(work.billable_minutes, 0) / nullif(work.minutes, 0), 4) as decimal(9, 4)
        ) as billable_share
    from capacity
    left join work
        on capacity.worked_month = work.worked_month
)

select * from final
order by worked_month
