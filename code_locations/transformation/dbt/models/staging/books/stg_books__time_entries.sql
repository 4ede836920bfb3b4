with

books as (
    select
        time_entry_id,
        project_id,
        worked_on,
        minutes,
        billable,
        note,
        updated_at
    from {{ kept(source("books", "time_entries")) }}
),

exports as (
    select
        time_entry_id,
        project_id,
        worked_on,
        minutes,
        billable,
        note,
        updated_at
    from {{ kept(source("exports", "time_entries")) }}
),

source as (
    select * from books
    union all
    select * from exports
),

renamed as (
    select
        time_entry_id,
        project_id,
        worked_on,
        minutes,
        billable as is_billable,
        note,
        updated_at
    from source
)

select * from renamed
