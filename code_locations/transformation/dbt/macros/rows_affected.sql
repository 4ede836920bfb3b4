{# Tells how many rows an incremental model writes; the adapter's own answer is only OK.
   `transformation.runner` reads this line. #}
{% macro duckdb__get_delete_insert_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) -%}
    {% set rows = run_query("select count(*) from " ~ source).columns[0].values()[0] %}
    {% do log("rows_affected=" ~ rows) %}
    {{ dbt.duckdb__get_delete_insert_merge_sql(
        target, source, unique_key, dest_columns, incremental_predicates
    ) }}
{%- endmacro %}
