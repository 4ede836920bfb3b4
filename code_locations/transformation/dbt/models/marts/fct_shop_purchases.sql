{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="purchase_id",
        on_schema_change="fail",
        pre_hook="{{ forget_gone('purchase_id', ref('stg_shop__purchases')) }}",
    )
}}

with

purchases as (
    select * from {{ ref("stg_shop__purchases") }}
),

products as (
    select * from {{ ref("stg_shop__products") }}
),

rates as (
    select * from {{ ref("int_exchange_rates") }}
    where currency = 'USD'
),

final as (
    select
        purchases.purchase_id,
        purchases.customer_id,
        purchases.product_id,
        case
            when purchases.purchased_at is null then 'in_cart'
            when purchases.returned_at is null then 'kept'
            else 'returned'
        end as status,
        cast(purchases.purchased_at as date) as purchased_on,
        case
            when purchases.purchased_at is not null then cast(purchases.returned_at as date)
        end as returned_on,
        products.price_usd,
        case
            when purchases.purchased_at is not null
                then {{ to_eur("products.price_usd", "rates.eur_per_unit") }}
        end as amount_eur,
        purchases.updated_at
    from purchases
    left join products
        on purchases.product_id = products.product_id
    left join rates
        on
            cast(purchases.purchased_at as date) >= rates.valid_from
            and cast(purchases.purchased_at as date) < rates.valid_until
)

{{ new_or_changed("final") }}
