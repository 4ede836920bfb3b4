{{ config(materialized="table") }}

-- What each invoice still owes as of the reporting date; later documents and payments are
-- left out, so that a past date gives the books as they were.
with

as_of as (
    select * from {{ ref("int_reporting_date") }}
),

documents as (
    select converted.*
    from {{ ref("int_invoices_converted") }} as converted
    inner join as_of
        on converted.issued_on <= as_of.as_of
),

credits as (
    select
        credits_invoice_id as invoice_id,
        sum(gross_amount) as credited_amount,
        max(issued_on) as last_credited_on
    from documents
    where kind = 'credit_note'
    group by credits_invoice_id
),

payments as (
    select
        converted.invoice_id,
        sum(converted.amount_in_invoice_currency) as paid_amount,
        max(converted.paid_on) as last_paid_on,
        count(*) as payment_count
    from {{ ref("int_payments_converted") }} as converted
    inner join as_of
        on converted.paid_on <= as_of.as_of
    group by converted.invoice_id
),

balanced as (
    select
        documents.invoice_id,
        documents.invoice_number,
        documents.client_id,
        documents.project_id,
        documents.issued_on,
        documents.due_on,
        documents.currency,
        documents.eur_per_unit,
        documents.gross_amount,
        coalesce(credits.credited_amount, 0) as credited_amount,
        coalesce(payments.paid_amount, 0) as paid_amount,
        coalesce(payments.payment_count, 0) as payment_count,
        greatest(payments.last_paid_on, credits.last_credited_on) as last_settled_on,
        documents.gross_amount
        + coalesce(credits.credited_amount, 0)
        - coalesce(payments.paid_amount, 0) as balance_amount
    from documents
    left join credits
        on documents.invoice_id = credits.invoice_id
    left join payments
        on documents.invoice_id = payments.invoice_id
    where documents.kind = 'invoice'
),

final as (
    select
        balanced.invoice_id,
        balanced.invoice_number,
        balanced.client_id,
        balanced.project_id,
        balanced.issued_on,
        balanced.due_on,
        balanced.currency,
        balanced.gross_amount,
        cast(balanced.credited_amount as decimal(18, 2)) as credited_amount,
        cast(balanced.paid_amount as decimal(18, 2)) as paid_amount,
        balanced.payment_count,
        cast(balanced.balance_amount as decimal(18, 2)) as balance_amount,
        {{ to_eur("cast(balanced.balance_amount as decimal(18, 2))", "balanced.eur_per_unit") }}
            as balance_eur,
        case when balanced.balance_amount <= 0 then balanced.last_settled_on end as settled_on,
        as_of.as_of
    from balanced
    cross join as_of
)

select * from final
