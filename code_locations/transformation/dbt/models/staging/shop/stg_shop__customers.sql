with

source as (
    select * from {{ kept(source("shop", "customers")) }}
),

renamed as (
    select
        id as customer_id,
        name as customer_name,
        email,
        nationality,
        created_at at time zone 'UTC' as created_at,
        updated_at at time zone 'UTC' as updated_at
    from source
)

select * from renamed
