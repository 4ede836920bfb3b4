with

source as (
    select * from {{ source("books", "time_entries") }}
    union all by name
    select * from {{ source("exports", "time_entries") }}
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
