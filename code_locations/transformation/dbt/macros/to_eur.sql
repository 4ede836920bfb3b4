{# An amount in euros and cents, at a rate of euros for one unit. #}
{% macro to_eur(amount, eur_per_unit) -%}
    cast(round({{ amount }} * {{ eur_per_unit }}, 2) as decimal(18, 2))
{%- endmacro %}
