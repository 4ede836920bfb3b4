with

source as (
    select * from {{ source("books", "exchange_rates") }}
    union all by name
    select * from {{ source("exports", "exchange_rates") }}
),

renamed as (
    select
        valid_from,
        upper(currency) as currency,
        eur_per_unit,
        updated_at
    from source
)

select * from renamed
