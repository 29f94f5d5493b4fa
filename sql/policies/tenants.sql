-- Who sees which rows. Three roles, none of which can log in; a login role is a member of one.
--   vfax_service   the bridge, the publisher, the worker: all tenants
--   vfax_brand     a brand operator: the brand in the setting vfax.brand_id
--   vfax_company   a company's users: the company in the setting vfax.company_id
-- With the setting unset there are no rows.

do $$
declare
    r text;
begin
    foreach r in array array['vfax_service', 'vfax_brand', 'vfax_company'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
    -- Whoever migrates may act as the services do.
    execute format('grant vfax_service, vfax_brand, vfax_company to %I', current_user);
end
$$;

create or replace function current_brand() returns bigint language sql stable
    return nullif(current_setting('vfax.brand_id', true), '')::bigint;
comment on function current_brand() is 'The brand of this transaction, from the setting vfax.brand_id.';

create or replace function current_company() returns bigint language sql stable
    return nullif(current_setting('vfax.company_id', true), '')::bigint;
comment on function current_company() is 'The company of this transaction, from the setting vfax.company_id.';

do $$
declare
    t record;
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
        execute format('create policy service on %I to vfax_service using (true) with check (true)', t.relname);
        execute format('grant select, insert, update, delete on %I to vfax_service', t.relname);

        brand_column := case t.relname when 'brands' then 'id' else 'brand_id' end;
        company_column := case t.relname when 'companies' then 'id' else 'company_id' end;
        if exists (select from pg_attribute where attrelid = t.oid and attname = brand_column) and t.relname <> 'bridges' then
            execute format('create policy brand on %I to vfax_brand using (%I = current_brand()) with check (%I = current_brand())',
                           t.relname, brand_column, brand_column);
            -- Neither password hashes nor the documents of their customers are operators' business.
            if t.relname !~ '^(users|documents|sip_accounts|carrier_servers|webhooks)' then
                execute format('grant select on %I to vfax_brand', t.relname);
            end if;
        end if;
        if exists (select from pg_attribute where attrelid = t.oid and attname = company_column)
           and t.relname not in ('outgoing_routes', 'company_routing_tags') then
            execute format('create policy company on %I to vfax_company using (%I = current_company()) with check (%I = current_company())',
                           t.relname, company_column, company_column);
            if t.relname not in ('users', 'sip_accounts', 'webhooks', 'fax_queues') then
                execute format('grant select on %I to vfax_company', t.relname);
            end if;
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
    foreach t in array array['users', 'sip_accounts', 'carrier_servers', 'webhooks'] loop
        select string_agg(quote_ident(attname), ', ') into columns
        from pg_attribute
        where attrelid = t::regclass and attnum > 0 and not attisdropped
          and attname not in ('password_hash', 'ha1', 'auth_ha1', 'secret');
        execute format('grant select (%s) on %I to vfax_brand', columns, t);
        if t <> 'carrier_servers' then
            execute format('grant select (%s) on %I to vfax_company', columns, t);
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
create policy everyone on countries for select to vfax_brand, vfax_company using (true);
grant select on failover_defaults, retry_defaults, countries to vfax_brand;
grant select on countries to vfax_company;

-- A brand operator edits configuration; faxes are made by the bridge alone.
grant insert, update, delete on companies, virtual_faxes, virtual_fax_callers, virtual_fax_hours,
    ddi_providers, ddi_provider_addresses, ddis, sip_accounts, number_transformations,
    number_transformation_rules, carriers, carrier_servers, carrier_registrations, carrier_rates,
    routing_patterns, routing_pattern_groups, routing_pattern_group_members, routing_tags,
    company_routing_tags, outgoing_routes, outgoing_route_carriers, failover_rules, retry_rules,
    cover_pages, sending_hours, virtual_fax_senders, peer_profiles, mail_templates, webhooks to vfax_brand;
grant update (fall_back_after_failure) on brands to vfax_brand;

grant usage on schema public to vfax_service, vfax_brand, vfax_company;
grant usage on all sequences in schema public to vfax_service, vfax_brand;

-- The jobs of the workers are nobody else's business.
grant usage on schema jobs to vfax_service;
grant all on all tables in schema jobs to vfax_service;
grant usage on all sequences in schema jobs to vfax_service;
grant execute on all functions in schema jobs to vfax_service;
