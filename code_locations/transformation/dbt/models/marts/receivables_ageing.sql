with

balances as (
    select * from {{ ref("int_invoice_balances") }}
    where balance_amount > 0
),

clients as (
    select * from {{ ref("stg_books__clients") }}
),

final as (
    select
        balances.invoice_id,
        balances.invoice_number,
        balances.client_id,
        clients.client_name,
        balances.issued_on,
        balances.due_on,
        balances.as_of,
        greatest(balances.as_of - balances.due_on, 0) as days_overdue,
        {{ ageing_bucket("balances.as_of - balances.due_on") }} as bucket,
        balances.currency,
        balances.gross_amount,
        balances.credited_amount,
        balances.paid_amount,
        balances.balance_amount as outstanding_amount,
        balances.balance_eur as outstanding_eur
    from balances
    left join clients
        on balances.client_id = clients.client_id
)

select * from final
order by invoice_id
