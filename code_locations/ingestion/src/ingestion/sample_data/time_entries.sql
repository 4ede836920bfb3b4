-- Worked time, spread evenly over the working days, on projects that run on the day.

create table working_days as
select
    day::date as day,
    row_number() over (order by day) - 1 as number
from range(first_day()::timestamp, last_day()::timestamp + interval 1 day, interval 1 day) as t (day)
where isodow(day) <= 5
    -- Holidays: two weeks in August and the days around the new year.
    and not (month(day) = 8 and dayofmonth(day) <= 14)
    and not (month(day) = 12 and dayofmonth(day) >= 24)
    and not (month(day) = 1 and dayofmonth(day) = 1);

create table running_projects as
select
    d.day,
    p.project_id,
    row_number() over (partition by d.day order by p.project_id) - 1 as position
from working_days as d
inner join projects as p
    on p.started_on <= d.day and d.day <= coalesce(p.ended_on, last_day());

create table time_entries as
with slots as (
    select
        i,
        i * (select count(*) from working_days) // size() as number
    from range(size()) as t (i)
),

days as (
    select
        s.i,
        d.day,
        r.projects
    from slots as s
    inner join working_days as d on s.number = d.number
    inner join (select day, count(*) as projects from running_projects group by day) as r
        on d.day = r.day
),

picked as (
    select
        d.i,
        d.day,
        -- One entry in twelve is the freelancer's own: bookkeeping, offers, learning.
        case when draw(d.i, 11) >= 1 / 12 then p.project_id end as project
    from days as d
    inner join running_projects as p
        on d.day = p.day and p.position = floor(draw(d.i, 15) * d.projects)::bigint
)

select
    i + 1 as time_entry_id,
    project as project_id,
    day as worked_on,
    (15 * (1 + floor(draw(i, 12) * 11)))::bigint as minutes,
    project is not null and draw(i, 13) >= 0.07 as billable,
    case
        when project is null then element_of(['bookkeeping', 'offer', 'learning', 'tax return'], i)
        when not billable then element_of(['rework', 'introductory call', 'travel'], i)
        else element_of([
            'implementation', 'review', 'workshop', 'analysis', 'tests', 'meeting', 'design',
            'bug fix', 'documentation', 'deployment'
        ], floor(draw(i, 14) * 10)::bigint)
    end as note,
    day::timestamp + interval 18 hour as updated_at
from picked;
