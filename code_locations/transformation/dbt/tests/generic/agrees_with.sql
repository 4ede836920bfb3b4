{# The sum of a column equals the sum of an expression over another model, to the cent. #}
{% test agrees_with(model, column_name, to, expression) %}

with

here as (
    select coalesce(sum({{ column_name }}), 0) as total from {{ model }}
),

there as (
    select coalesce(sum({{ expression }}), 0) as total from {{ to }}
)

select
    here.total as total_here,
    there.total as total_there
from here
cross join there
where abs(here.total - there.total) >= 0.01

{% endtest %}
