-- A superuser can't rename itself.
select 'create role takeover superuser login'
 where not exists (select from pg_roles where rolname = 'takeover') \gexec
