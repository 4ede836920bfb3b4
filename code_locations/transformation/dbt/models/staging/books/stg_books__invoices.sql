with

source as (
    select * from {{ source("books", "invoices") }}
    union all by name
    select * from {{ source("exports", "invoices") }}
),

renamed as (
    select
        invoice_id,
        number as invoice_number,
        client_id,
        project_id,
        kind,
        credits_invoice_id,
        issued_on,
        due_on,
        upper(currency) as currency,
        net_amount,
        tax_amount,
        updated_at
    from source
)

select * from renamed
