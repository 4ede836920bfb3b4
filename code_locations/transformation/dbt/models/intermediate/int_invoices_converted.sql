{{ config(materialized="table") }}

-- A credit note takes the rate of the invoice that it corrects: crediting an invoice in full
-- leaves nothing, whatever the rate has done since.
with

invoices as (
    select * from {{ ref("stg_books__invoices") }}
),

projects as (
    select * from {{ ref("stg_books__projects") }}
),

rates as (
    select * from {{ ref("int_exchange_rates") }}
),

dated as (
    select
        invoices.*,
        invoices.net_amount + invoices.tax_amount as gross_amount,
        coalesce(credited.issued_on, invoices.issued_on) as rate_on
    from invoices
    left join invoices as credited
        on invoices.credits_invoice_id = credited.invoice_id
),

final as (
    select
        dated.invoice_id,
        dated.invoice_number,
        dated.client_id,
        dated.project_id,
        coalesce(projects.billing, 'other') as stream,
        dated.kind,
        dated.credits_invoice_id,
        dated.issued_on,
        cast(date_trunc('month', dated.issued_on) as date) as issued_month,
        dated.due_on,
        dated.currency,
        dated.net_amount,
        dated.tax_amount,
        dated.gross_amount,
        rates.eur_per_unit,
        {{ to_eur("dated.net_amount", "rates.eur_per_unit") }} as net_amount_eur,
        {{ to_eur("dated.gross_amount", "rates.eur_per_unit") }} as gross_amount_eur
    from dated
    left join projects
        on dated.project_id = projects.project_id
    left join rates
        on
            dated.currency = rates.currency
            and dated.rate_on >= rates.valid_from
            and dated.rate_on < rates.valid_until
)

select * from final
