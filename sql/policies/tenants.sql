-- Who sees which rows. Five roles, none of which can log in; a login role is a member of one.
--   vfax_service   the bridge, the publisher, the worker: all tenants
--   vfax_platform  a platform administrator: brands, operators, bridges; no faxes
--   vfax_brand     a brand operator: the brand in the setting vfax.brand_id
--   vfax_company   a company's administrator: the company in the setting vfax.company_id
--   vfax_user      a company's user: of that company, the virtual faxes of the user in vfax.user_id
-- With the setting unset there are no rows.

do $$
declare
    r text;
begin
    foreach r in array array['vfax_service', 'vfax_platform', 'vfax_brand', 'vfax_company', 'vfax_user'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
    -- Whoever migrates may act as the services do.
    execute format('grant vfax_service, vfax_platform, vfax_brand, vfax_company, vfax_user to %I', current_user);
end
$$;

create or replace function current_brand() returns bigint language sql stable
    return nullif(current_setting('vfax.brand_id', true), '')::bigint;
comment on function current_brand() is 'The brand of this transaction, from the setting vfax.brand_id.';

create or replace function current_company() returns bigint language sql stable
    return nullif(current_setting('vfax.company_id', true), '')::bigint;
comment on function current_company() is 'The company of this transaction, from the setting vfax.company_id.';

create or replace function current_person() returns bigint language sql stable
    return nullif(current_setting('vfax.user_id', true), '')::bigint;
comment on function current_person() is 'The user of this transaction, from the setting vfax.user_id.';

do $$
declare
    t record;
    rule text;
    brand_column text;
    company_column text;
begin
    for t in
        select c.oid, c.relname
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relrowsecurity
    loop
        execute format('drop policy if exists service on %I', t.relname);
        execute format('drop policy if exists brand on %I', t.relname);
        execute format('drop policy if exists company on %I', t.relname);
        execute format('drop policy if exists person on %I', t.relname);
        execute format('drop policy if exists platform on %I', t.relname);
        execute format('create policy service on %I to vfax_service using (true) with check (true)', t.relname);
        execute format('grant select, insert, update, delete on %I to vfax_service', t.relname);

        brand_column := case t.relname when 'brands' then 'id' else 'brand_id' end;
        company_column := case t.relname when 'companies' then 'id' else 'company_id' end;
        if exists (select from pg_attribute where attrelid = t.oid and attname = brand_column) and t.relname <> 'bridges' then
            execute format('create policy brand on %I to vfax_brand using (%I = current_brand()) with check (%I = current_brand())',
                           t.relname, brand_column, brand_column);
            -- Neither password hashes nor the documents of their customers are operators' business.
            if t.relname !~ '^(users|documents|sip_accounts|carrier_servers|webhooks|api_keys)' then
                execute format('grant select on %I to vfax_brand', t.relname);
            end if;
        end if;
        if exists (select from pg_attribute where attrelid = t.oid and attname = company_column)
           and t.relname not in ('outgoing_routes', 'company_routing_tags') then
            execute format('create policy company on %I to vfax_company using (%I = current_company()) with check (%I = current_company())',
                           t.relname, company_column, company_column);
            if t.relname not in ('users', 'sip_accounts', 'webhooks', 'api_keys') then
                execute format('grant select on %I to vfax_company', t.relname);
            end if;
        end if;
    end loop;

    -- A user's rows: of the virtual faxes that are the user's.
    for t in
        select c.oid, c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relrowsecurity and c.relkind in ('r', 'p')
          and c.relname in ('companies', 'virtual_faxes', 'virtual_fax_users', 'faxes', 'attempts', 'pages', 'documents',
                            'broadcasts', 'deliveries', 'cover_pages', 'ddis', 'audit_log', 'users', 'sending_hours',
                            'virtual_fax_hours', 'webhooks', 'fax_queues')
    loop
        rule := case
            when t.relname = 'companies' then 'id = current_company()'
            when t.relname = 'users' then 'company_id = current_company() and id = current_person()'
            when t.relname = 'virtual_fax_users' then 'company_id = current_company() and user_id = current_person()'
            when t.relname = 'virtual_faxes' then
                'company_id = current_company() and id in (select u.virtual_fax_id from virtual_fax_users u)'
            when t.relname in ('faxes', 'broadcasts') then
                'company_id = current_company() and virtual_fax_id in (select u.virtual_fax_id from virtual_fax_users u)'
            when t.relname in ('attempts', 'pages', 'documents', 'deliveries') then
                format('company_id = current_company() and exists (select from faxes f where f.company_id = %1$I.company_id and f.id = %1$I.fax_id)', t.relname)
            else 'company_id = current_company()' end;
        execute format('create policy person on %I to vfax_user using (%s) with check (%s)', t.relname, rule, rule);
        if t.relname not in ('users', 'audit_log', 'webhooks') then
            execute format('grant select on %I to vfax_user', t.relname);
        end if;
    end loop;

    -- The platform's rows: configuration of all brands, no faxes.
    for t in
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relrowsecurity and c.relkind in ('r', 'p')
          and c.relname in ('brands', 'companies', 'bridges', 'fax_queues', 'users')
    loop
        execute format('create policy platform on %I to vfax_platform using (true) with check (%s)', t.relname,
                       case t.relname when 'users' then 'company_id is null' else 'true' end);
        if t.relname <> 'users' then
            execute format('grant select on %I to vfax_platform', t.relname);
        end if;
    end loop;
end
$$;

-- Of rows with secrets, all but the secret: passwords and HA1s are written, never read.
do $$
declare
    t text;
    columns text;
begin
    foreach t in array array['users', 'sip_accounts', 'carrier_servers', 'webhooks', 'api_keys'] loop
        select string_agg(quote_ident(attname), ', ') into columns
        from pg_attribute
        where attrelid = t::regclass and attnum > 0 and not attisdropped
          and attname not in ('password_hash', 'ha1', 'auth_ha1', 'secret');
        execute format('grant select (%s) on %I to vfax_brand', columns, t);
        if t <> 'carrier_servers' then
            execute format('grant select (%s) on %I to vfax_company', columns, t);
        end if;
        if t in ('users', 'webhooks') then
            execute format('grant select (%s) on %I to vfax_user', columns, t);
        end if;
        if t = 'users' then
            execute format('grant select (%s) on %I to vfax_platform', columns, t);
        end if;
    end loop;
end
$$;

-- The platform's table of failures, for all to read.
drop policy if exists everyone on failover_defaults;
create policy everyone on failover_defaults for select to vfax_brand using (true);
drop policy if exists everyone on retry_defaults;
create policy everyone on retry_defaults for select to vfax_brand using (true);
drop policy if exists everyone on countries;
create policy everyone on countries for select to vfax_platform, vfax_brand, vfax_company, vfax_user using (true);
grant select on failover_defaults, retry_defaults, countries to vfax_brand;
grant select on countries to vfax_platform, vfax_company, vfax_user;

-- Where a company's faxes may go is its brand's business, and no secret.
drop policy if exists customers on brand_countries;
create policy customers on brand_countries for select to vfax_company, vfax_user
    using (brand_id = (select c.brand_id from companies c where c.id = current_company()));
grant select on brand_countries to vfax_company, vfax_user;

-- A brand operator edits configuration; faxes are made by the bridge alone.
grant insert, update, delete on companies, virtual_faxes, virtual_fax_callers, virtual_fax_hours,
    ddi_providers, ddi_provider_addresses, ddis, sip_accounts, number_transformations,
    number_transformation_rules, carriers, carrier_servers, carrier_registrations, carrier_rates,
    routing_patterns, routing_pattern_groups, routing_pattern_group_members, routing_tags,
    company_routing_tags, outgoing_routes, outgoing_route_carriers, failover_rules, retry_rules,
    cover_pages, sending_hours, virtual_fax_senders, peer_profiles, mail_templates, webhooks,
    brand_countries to vfax_brand;
grant update (fall_back_after_failure) on brands to vfax_brand;
grant insert, update, delete on users, virtual_fax_users, api_keys to vfax_brand;
grant insert on audit_log, deliveries to vfax_brand;

-- A company's administrator edits what is the company's; where calls go is the brand's business.
grant insert, update, delete on virtual_faxes, virtual_fax_users, virtual_fax_callers, virtual_fax_hours,
    virtual_fax_senders, sending_hours, cover_pages, webhooks, api_keys, users to vfax_company;
grant update (virtual_fax_id) on ddis to vfax_company;
grant update (time_zone, language, paper, outgoing_ddi_id, continuation_cover, cover_page_id, retention_days)
    on companies to vfax_company;

-- Whoever may send: the queue's functions and triggers do the rest.
grant insert on faxes, documents, broadcasts, audit_log, deliveries to vfax_company, vfax_user;
grant update on faxes to vfax_company, vfax_user;
grant delete on documents to vfax_company, vfax_user;

-- A platform administrator has brands, and those who operate them.
grant insert, update, delete on brands, users, bridges to vfax_platform;
grant insert on audit_log to vfax_platform;
drop policy if exists platform on audit_log;
create policy platform on audit_log to vfax_platform using (true) with check (true);

grant usage on schema public to vfax_service, vfax_platform, vfax_brand, vfax_company, vfax_user;
grant usage on all sequences in schema public to vfax_service, vfax_brand;

-- The jobs of the workers are nobody else's business.
grant usage on schema jobs to vfax_service;
grant all on all tables in schema jobs to vfax_service;
grant usage on all sequences in schema jobs to vfax_service;
grant execute on all functions in schema jobs to vfax_service;
