with

source as (
    select * from {{ source("books", "payments") }}
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
