-- Who sees which rows. Five roles, none of which can log in; a login role is a member of one.
--   vfax_service   the bridge, the publisher, the worker: all tenants
--   vfax_platform  a platform administrator: brands, operators, bridges; no faxes
--   vfax_brand     a brand operator: the brand in the setting vfax.brand_id, or of the SQL login
--   vfax_company   a company's administrator: the company in the setting vfax.company_id
--   vfax_user      a company's user: of that company, the virtual faxes of the user in vfax.user_id
-- Without its settings a role sees no rows. Each table's policies and grants stand in the other
-- files of this folder, each policy with the name of its role (company_user for vfax_user);
-- tests/sql/test_policies.py fails for a table without them.

do $$
declare
    r text;
begin
    foreach r in array array[
        'vfax_service', 'vfax_platform', 'vfax_brand', 'vfax_company', 'vfax_user'
    ] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
    -- The owner that runs the migrations may act as the services do.
    execute format('grant vfax_service, vfax_platform, vfax_brand, vfax_company, vfax_user to %I',
                   current_user);
end
$$;

-- Nobody but the owner creates anything: a table of a caller's, with a trigger, could otherwise stand
-- in the way of a function that runs with more rights.
do $$
begin
    begin
        execute format('revoke create, temporary on database %I from public', current_database());
        revoke create on schema public from public;
    exception when insufficient_privilege then
        null;  -- reported below
    end;
    if has_database_privilege('public', current_database(), 'create')
       or has_database_privilege('public', current_database(), 'temporary')
       or has_schema_privilege('public', 'public', 'create') then
        raise warning 'everybody may create tables in the database %: its owner has to revoke this',
            current_database()
            using hint = format('revoke create, temporary on database %I from public; '
                                'revoke create on schema public from public;', current_database());
    end if;
end
$$;

-- A setting counts for the services alone, which set it for each transaction of a tenant: everybody may
-- set it. The brand of any other login is in its row of operator_logins.
create or replace function operator_brand() returns bigint
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return (select o.brand_id from operator_logins o where o.login = session_user);
end
$$;
comment on function operator_brand() is 'The brand of this SQL login, from operator_logins.';
revoke execute on function operator_brand from public;
grant execute on function operator_brand
    to vfax_service, vfax_platform, vfax_brand, vfax_company, vfax_user;

create or replace function current_brand() returns bigint language sql stable
    return case when pg_has_role(session_user, 'vfax_service', 'member')
        then nullif(current_setting('vfax.brand_id', true), '')::bigint else operator_brand() end;
comment on function current_brand() is
    'The brand of this transaction: of a service, from the setting vfax.brand_id; of another login, from operator_logins.';

create or replace function current_company() returns bigint language sql stable
    return case when pg_has_role(session_user, 'vfax_service', 'member')
        then nullif(current_setting('vfax.company_id', true), '')::bigint end;
comment on function current_company() is
    'The company of this transaction, from the setting vfax.company_id; of a service alone.';

create or replace function current_user_id() returns bigint language sql stable
    return case when pg_has_role(session_user, 'vfax_service', 'member')
        then nullif(current_setting('vfax.user_id', true), '')::bigint end;
comment on function current_user_id() is
    'The user of this transaction, from the setting vfax.user_id; of a service alone.';

grant usage on schema public to vfax_service, vfax_platform, vfax_brand, vfax_company, vfax_user;
grant usage on all sequences in schema public to vfax_service, vfax_brand;

-- Only the services run jobs.
grant usage on schema jobs to vfax_service;
grant all on all tables in schema jobs to vfax_service;
grant usage on all sequences in schema jobs to vfax_service;
grant execute on all functions in schema jobs to vfax_service;
