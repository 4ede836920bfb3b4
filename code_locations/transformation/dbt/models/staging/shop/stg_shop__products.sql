with

source as (
    select * from {{ kept(source("shop", "products")) }}
),

renamed as (
    select
        id as product_id,
        make,
        model,
        year as issue_year,
        cast(price as decimal(18, 2)) as price_usd,
        updated_at at time zone 'UTC' as updated_at
    from source
)

select * from renamed
