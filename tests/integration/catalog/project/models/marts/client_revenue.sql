with invoices as (
    select client_id, sum(net_amount) as net_amount
    from {{ ref('stg_books__invoices') }}
    group by client_id
)

select clients.client_id, clients.client_name, invoices.net_amount as revenue
from {{ ref('stg_books__clients') }} as clients
inner join invoices on clients.client_id = invoices.client_id
