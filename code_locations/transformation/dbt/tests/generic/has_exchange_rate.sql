{# Every amount could be converted; asked only once there are rates at all. #}
{% test has_exchange_rate(model, column_name) %}

select *
from {{ model }}
where
    {{ column_name }} is null
    and exists (select 1 from {{ ref("stg_books__exchange_rates") }})

{% endtest %}
