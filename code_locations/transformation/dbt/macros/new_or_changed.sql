{# The rows of a CTE that the incremental model doesn't have, or has otherwise.

Comparing whole rows rather than a watermark on updated_at also finds a row that arrives late
with an old timestamp, and one that changes because its project or rate did. #}
{% macro new_or_changed(cte) -%}
    select * from {{ cte }}
    {% if is_incremental() -%}
        except
        select * from {{ this }}
    {%- endif %}
{%- endmacro %}
