with

source as (
    select * from {{ source("books", "clients") }}
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
