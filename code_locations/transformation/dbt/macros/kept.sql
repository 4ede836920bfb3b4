{# A raw table without the rows that are gone from its source: a full export marks them. #}
{% macro kept(relation) -%}
    {%- set columns = adapter.get_columns_in_relation(relation) if execute else [] -%}
    {%- if "_removed_at" in columns | map(attribute="name") | list -%}
        (select * from {{ relation }} where _removed_at is null)
    {%- else -%} {{ relation }}
    {%- endif -%}
{%- endmacro %}
