select client_id, name as client_name, country, currency
from {{ source('books', 'clients') }}
