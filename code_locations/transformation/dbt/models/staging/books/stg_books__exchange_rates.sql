with

books as (
    select
        valid_from,
        currency,
        eur_per_unit,
        updated_at
    from {{ kept(source("books", "exchange_rates")) }}
),

exports as (
    select
        valid_from,
        currency,
        eur_per_unit,
        updated_at
    from {{ kept(source("exports", "exchange_rates")) }}
),

source as (
    select * from books
    union all
    select * from exports
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
