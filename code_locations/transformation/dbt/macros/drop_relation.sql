{# dbt-duckdb drops with `cascade`, which DuckLake doesn't have and a DuckDB file doesn't need:
   it leaves the views of a dropped table in place. #}
{% macro duckdb__drop_relation(relation) -%}
    {% call statement("drop_relation", auto_begin=false) -%}
        drop {{ relation.type }} if exists {{ relation }}
    {%- endcall %}
{% endmacro %}
