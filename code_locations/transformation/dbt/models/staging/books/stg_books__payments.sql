with

source as (
    select * from {{ source("books", "payments") }}
    union all by name
    select * from {{ source("exports", "payments") }}
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
