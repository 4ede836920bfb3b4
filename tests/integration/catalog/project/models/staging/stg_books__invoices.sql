select invoice_id, client_id, issued_on, currency, net_amount
from {{ source('books', 'books_invoices') }}
