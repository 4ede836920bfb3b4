with

books as (
    select
        project_id,
        client_id,
        name,
        billing,
        hourly_rate,
        fixed_fee,
        budget_hours,
        started_on,
        ended_on,
        updated_at
    from {{ kept(source("books", "projects")) }}
),

exports as (
    select
        project_id,
        client_id,
        name,
        billing,
        hourly_rate,
        fixed_fee,
        budget_hours,
        started_on,
        ended_on,
        updated_at
    from {{ kept(source("exports", "projects")) }}
),

source as (
    select * from books
    union all
    select * from exports
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
