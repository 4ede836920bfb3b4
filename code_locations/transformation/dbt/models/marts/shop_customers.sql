with

customers as (
    select * from {{ ref("stg_shop__customers") }}
),

purchases as (
    select
        customer_id,
        count(*) filter (where status = 'in_cart') as cart_count,
        count(*) filter (where status != 'in_cart') as purchase_count,
        count(*) filter (where status = 'returned') as return_count,
        sum(amount_eur) filter (where status = 'kept') as spent_eur,
        min(purchased_on) as first_purchased_on,
        max(purchased_on) as last_purchased_on
    from {{ ref("fct_shop_purchases") }}
    group by customer_id
),

final as (
    select
        customers.customer_id,
        customers.customer_name,
        customers.email,
        customers.nationality,
        customers.created_at,
        coalesce(purchases.cart_count, 0) as cart_count,
        coalesce(purchases.purchase_count, 0) as purchase_count,
        coalesce(purchases.return_count, 0) as return_count,
        cast(coalesce(purchases.spent_eur, 0) as decimal(18, 2)) as spent_eur,
        purchases.first_purchased_on,
        purchases.last_purchased_on,
        coalesce(purchases.purchase_count, 0) > 1 as is_returning
    from customers
    left join purchases
        on customers.customer_id = purchases.customer_id
)

select * from final
order by customer_id
