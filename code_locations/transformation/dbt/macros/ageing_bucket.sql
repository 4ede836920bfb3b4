{# The bucket of an open invoice by days since it was due; not yet due is current. #}
{% macro ageing_bucket(days_overdue) -%}
    case
        when {{ days_overdue }} <= 0 then 'current'
        when {{ days_overdue }} <= 30 then '1-30'
        when {{ days_overdue }} <= 60 then '31-60'
        when {{ days_overdue }} <= 90 then '61-90'
        else '90+'
    end
{%- endmacro %}
