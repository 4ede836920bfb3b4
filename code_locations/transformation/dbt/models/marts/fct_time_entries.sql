{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="time_entry_id",
        on_schema_change="fail",
        pre_hook="{{ forget_gone('time_entry_id', ref('stg_books__time_entries')) }}",
    )
}}

with

time_entries as (
    select * from {{ ref("stg_books__time_entries") }}
),

projects as (
    select * from {{ ref("stg_books__projects") }}
),

clients as (
    select * from {{ ref("stg_books__clients") }}
),

rates as (
    select * from {{ ref("int_exchange_rates") }}
),

final as (
    select
        time_entries.time_entry_id,
        time_entries.project_id,
        projects.client_id,
        coalesce(projects.billing, 'own') as billing,
        time_entries.worked_on,
        cast(date_trunc('month', time_entries.worked_on) as date) as worked_month,
        time_entries.minutes,
        coalesce(time_entries.is_billable, false) as is_billable,
        case
            when time_entries.is_billable and projects.billing = 'hourly'
                then cast(
                    round(
                        cast(time_entries.minutes as decimal(6, 0))
                        * cast(projects.hourly_rate as decimal(10, 2))
                        * rates.eur_per_unit / 60,
                        2
                    )
                    as decimal(18, 2)
                )
        end as value_eur,
        time_entries.updated_at
    from time_entries
    left join projects
        on time_entries.project_id = projects.project_id
    left join clients
        on projects.client_id = clients.client_id
    left join rates
        on
            clients.currency = rates.currency
            and time_entries.worked_on >= rates.valid_from
            and time_entries.worked_on < rates.valid_until
)

{{ new_or_changed("final") }}
