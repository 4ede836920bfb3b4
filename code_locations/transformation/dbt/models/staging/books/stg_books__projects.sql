with

source as (
    select * from {{ source("books", "projects") }}
    union all by name
    select * from {{ source("exports", "projects") }}
),

renamed as (
    select
        project_id,
        client_id,
        name as project_name,
        billing,
        hourly_rate,
        fixed_fee,
        budget_hours,
        started_on,
        ended_on,
        updated_at
    from source
)

select * from renamed
