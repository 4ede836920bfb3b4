with

books as (
    select
        payment_id,
        invoice_id,
        paid_on,
        currency,
        amount,
        method,
        updated_at
    from {{ kept(source("books", "payments")) }}
),

exports as (
    select
        payment_id,
        invoice_id,
        paid_on,
        currency,
        amount,
        method,
        updated_at
    from {{ kept(source("exports", "payments")) }}
),

source as (
    select * from books
    union all
    select * from exports
),

renamed as (
    select
        payment_id,
        invoice_id,
        paid_on,
        upper(currency) as currency,
        amount,
        method,
        updated_at
    from source
)

select * from renamed
