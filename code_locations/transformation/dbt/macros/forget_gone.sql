{# Takes the rows out of an incremental model whose key has gone from the table it is made of:
   a day that is rebuilt may have fewer rows than before. In the model's own transaction. #}
{% macro forget_gone(key, source) -%}
    {% if is_incremental() -%}
        delete from {{ this }} as t
        where not exists (select 1 from {{ source }} as s where s.{{ key }} = t.{{ key }})
    {%- endif %}
{%- endmacro %}
