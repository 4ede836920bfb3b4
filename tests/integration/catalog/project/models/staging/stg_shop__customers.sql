select id as customer_id, address, {'street': name, 'geo': {'country': nationality}} as place
from {{ source('books', 'shop_customers') }}
