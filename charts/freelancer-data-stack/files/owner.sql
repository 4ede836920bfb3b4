-- What the superuser made here, as it did when `dagster` was one, belongs to `dagster`.
create temporary view made as
select oid, 'pg_class'::regclass as catalog, 'table' as kind, oid::regclass::text as name
  from pg_class
 where relowner = 10 and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
   and relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema')
union all
select oid, 'pg_type'::regclass, 'type', oid::regtype::text
  from pg_type
 where typowner = 10 and typtype in ('d', 'e')
   and typnamespace not in (select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema')
union all
select oid, 'pg_proc'::regclass, 'routine', oid::regprocedure::text
  from pg_proc
 where proowner = 10
   and pronamespace not in (select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema')
union all
select oid, 'pg_namespace'::regclass, 'schema', oid::regnamespace::text
  from pg_namespace
 where nspowner = 10 and nspname !~ '^pg_' and nspname <> 'information_schema';

-- Not those of an extension, nor sequences of a column, which go with its table.
select format('alter %s %s owner to dagster', kind, name)
  from made
 where not exists (
       select from pg_depend
        where classid = made.catalog and objid = made.oid and deptype in ('e', 'a', 'i')) \gexec
