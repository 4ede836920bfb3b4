with

source as (
    select * from {{ source("books", "clients") }}
    union all by name
    select * from {{ source("exports", "clients") }}
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
