with

source as (
    select * from {{ kept(source("shop", "purchases")) }}
),

renamed as (
    select
        id as purchase_id,
        user_id as customer_id,
        product_id,
        added_to_cart_at at time zone 'UTC' as added_to_cart_at,
        purchased_at at time zone 'UTC' as purchased_at,
        returned_at at time zone 'UTC' as returned_at,
        updated_at at time zone 'UTC' as updated_at
    from source
)

select * from renamed
