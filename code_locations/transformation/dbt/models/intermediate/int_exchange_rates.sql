-- From when until when each rate holds. A month without a rate of its own takes the last one
-- before it, and days before the first rate take the first, so that every day has one rate.
with

rates as (
    select * from {{ ref("stg_books__exchange_rates") }}
    where currency != 'EUR'
),

ranges as (
    select
        currency,
        eur_per_unit,
        updated_at,
        if(row_number() over by_month = 1, date '0001-01-01', valid_from) as valid_from,
        coalesce(lead(valid_from) over by_month, date '9999-12-31') as valid_until
    from rates
    window by_month as (partition by currency order by valid_from)
),

euro as (
    select
        'EUR' as currency,
        cast(1 as decimal(18, 6)) as eur_per_unit,
        cast(null as timestamp) as updated_at,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_until
),

final as (
    select * from ranges
    union all by name
    select * from euro
)

select * from final
