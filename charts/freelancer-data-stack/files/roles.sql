-- Databases `dagster` and `lake`, each of a role of the same name that has nothing else; and `observer`,
-- which reads both. What it may write, the schema Job says.
\set superuser_password `printf %s "${POSTGRES_PASSWORD:-}"`
\set dagster_password `printf %s "$DAGSTER_PASSWORD"`
\set lake_password `printf %s "$LAKE_PASSWORD"`
\set observer_password `printf %s "${OBSERVER_PASSWORD:-}"`

drop role if exists takeover;
select format('create role %I', wanted) from unnest(array['dagster', 'lake', 'observer']) as wanted
 where not exists (select from pg_roles where rolname = wanted) \gexec
select format('create database %I owner %I', wanted, wanted) from unnest(array['dagster', 'lake']) as wanted
 where not exists (select from pg_database where datname = wanted) \gexec

select :'superuser_password' <> '' as has_superuser_password \gset
\if :has_superuser_password
alter role postgres password :'superuser_password';
\else
alter role postgres password null;
\endif
alter role dagster login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
    password :'dagster_password';
alter role lake login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
    password :'lake_password';

alter role observer nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
select :'observer_password' <> '' as has_observer_password \gset
\if :has_observer_password
alter role observer login password :'observer_password';
\endif

alter database dagster owner to dagster;
alter database lake owner to lake;
revoke all on database dagster, lake, postgres, template1 from public;
grant connect on database dagster, lake to observer;
grant pg_read_all_data to observer;
