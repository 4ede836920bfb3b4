{{ config(materialized="table") }}

with

payments as (
    select * from {{ ref("stg_books__payments") }}
),

invoices as (
    select * from {{ ref("int_invoices_converted") }}
),

rates as (
    select * from {{ ref("int_exchange_rates") }}
),

final as (
    select
        payments.payment_id,
        payments.invoice_id,
        invoices.client_id,
        payments.paid_on,
        cast(date_trunc('month', payments.paid_on) as date) as paid_month,
        payments.currency,
        payments.amount,
        payments.method,
        rates.eur_per_unit,
        {{ to_eur("payments.amount", "rates.eur_per_unit") }} as amount_eur,
        -- Paid in another currency than billed: through euros, at the rates of the two days.
        case
            when payments.currency = invoices.currency then payments.amount
            else cast(
                round(payments.amount * rates.eur_per_unit / invoices.eur_per_unit, 2)
                as decimal(18, 2)
            )
        end as amount_in_invoice_currency
    from payments
    left join invoices
        on payments.invoice_id = invoices.invoice_id
    left join rates
        on
            payments.currency = rates.currency
            and payments.paid_on >= rates.valid_from
            and payments.paid_on < rates.valid_until
)

select * from final
