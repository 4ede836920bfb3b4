with

payments as (
    select * from {{ ref("int_payments_converted") }}
),

final as (
    select
        paid_month,
        currency,
        count(*) as payment_count,
        cast(sum(amount) as decimal(18, 2)) as received_amount,
        cast(coalesce(sum(amount_eur), 0) as decimal(18, 2)) as received_eur
    from payments
    group by paid_month, currency
)

select * from final
order by paid_month, currency
