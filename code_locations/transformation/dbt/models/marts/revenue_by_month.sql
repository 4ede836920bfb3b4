with

invoices as (
    select * from {{ ref("int_invoices_converted") }}
),

purchases as (
    select * from {{ ref("fct_shop_purchases") }}
),

movements as (
    select
        issued_month as revenue_month,
        stream,
        net_amount_eur as amount_eur,
        kind = 'credit_note' as is_correction
    from invoices

    union all

    select
        cast(date_trunc('month', purchased_on) as date) as revenue_month,
        'shop' as stream,
        amount_eur,
        false as is_correction
    from purchases
    where purchased_on is not null

    union all

    select
        cast(date_trunc('month', returned_on) as date) as revenue_month,
        'shop' as stream,
        -amount_eur as amount_eur,
        true as is_correction
    from purchases
    where returned_on is not null
),

final as (
    select
        revenue_month,
        stream,
        cast(coalesce(sum(amount_eur) filter (where not is_correction), 0) as decimal(18, 2))
            as sold_eur,
        cast(coalesce(sum(amount_eur) filter (where is_correction), 0) as decimal(18, 2))
            as corrected_eur,
        cast(coalesce(sum(amount_eur), 0) as decimal(18, 2)) as revenue_eur,
        count(*) filter (where not is_correction) as sale_count,
        count(*) filter (where is_correction) as correction_count
    from movements
    group by revenue_month, stream
)

select * from final
order by revenue_month, stream
