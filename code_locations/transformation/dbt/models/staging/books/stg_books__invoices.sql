with

books as (
    select
        invoice_id,
        number,
        client_id,
        project_id,
        kind,
        credits_invoice_id,
        issued_on,
        due_on,
        currency,
        net_amount,
        tax_amount,
        updated_at
    from {{ kept(source("books", "invoices")) }}
),

exports as (
    select
        invoice_id,
        number,
        client_id,
        project_id,
        kind,
        credits_invoice_id,
        issued_on,
        due_on,
        currency,
        net_amount,
        tax_amount,
        updated_at
    from {{ kept(source("exports", "invoices")) }}
),

source as (
    select * from books
    union all
    select * from exports
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
