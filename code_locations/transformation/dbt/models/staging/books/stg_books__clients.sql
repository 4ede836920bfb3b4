with

books as (
    select
        client_id,
        name,
        country,
        currency,
        payment_terms_days,
        created_on,
        updated_at
    from {{ kept(source("books", "clients")) }}
),

exports as (
    select
        client_id,
        name,
        country,
        currency,
        payment_terms_days,
        created_on,
        updated_at
    from {{ kept(source("exports", "clients")) }}
),

source as (
    select * from books
    union all
    select * from exports
),

renamed as (
    select
        client_id,
        name as client_name,
        country,
        upper(currency) as currency,
        payment_terms_days,
        created_on,
        updated_at
    from source
)

select * from renamed
