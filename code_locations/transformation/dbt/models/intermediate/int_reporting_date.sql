with

invoices as (
    select issued_on from {{ ref("stg_books__invoices") }}
),

payments as (
    select paid_on from {{ ref("stg_books__payments") }}
),

time_entries as (
    select worked_on from {{ ref("stg_books__time_entries") }}
),

latest as (
    select
        greatest(
            (select max(issued_on) from invoices),
            (select max(paid_on) from payments),
            (select max(worked_on) from time_entries)
        ) as in_the_books
),

final as (
    select
        {% if var("as_of") %}cast('{{ var("as_of") }}' as date){% else %}in_the_books{% endif %}
            as as_of
    from latest
)

select * from final
