-- Deliveries and the audit log: tenants write them by these functions, which look whose fax it is.

create or replace function acts_for(fax faxes) returns boolean language plpgsql stable as $$
begin
    if not pg_has_role(session_user, 'vfax_service', 'member') then
        return fax.brand_id = current_brand();  -- an operator's own login
    end if;
    return case current_setting('role')
        when 'none' then true
        when 'vfax_service' then true
        when 'vfax_brand' then fax.brand_id = current_brand()
        when 'vfax_company' then fax.company_id = current_company()
        when 'vfax_user' then fax.company_id = current_company() and exists (
            select from virtual_fax_users u
            where u.company_id = fax.company_id and u.virtual_fax_id = fax.virtual_fax_id
              and u.user_id = current_user_id())
        else false end;
end
$$;
comment on function acts_for(faxes) is
    'Tell whether a fax is of the tenant that this session acts for; for functions that run as their owner.';

create or replace function fax_of_tenant(fax_company bigint, fax bigint) returns faxes
    language plpgsql stable as $$
declare
    f faxes;
begin
    select * into f from faxes g where g.company_id = fax_company and g.id = fax;
    if not found or acts_for(f) is not true then
        raise insufficient_privilege using message = 'the fax is of another tenant';
    end if;
    return f;
end
$$;
comment on function fax_of_tenant(bigint, bigint) is
    'Return a fax of the tenant that this session acts for. Raises insufficient_privilege for another one.';

create or replace function write_audit(fax_company bigint, fax bigint, by_whom text, done text, about jsonb)
    returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    f faxes := fax_of_tenant(fax_company, fax);
begin
    insert into audit_log (brand_id, company_id, who, action, fax_id, detail)
        values (f.brand_id, f.company_id,
                case when pg_has_role(session_user, 'vfax_service', 'member') then by_whom else session_user end,
                done, f.id, about);
end
$$;
comment on function write_audit(bigint, bigint, text, text, jsonb) is
    'Write who did what with a fax; of an operator''s own login, its name.';

create or replace function forward_fax(fax_company bigint, fax bigint, happened text, to_whom text[])
    returns bigint language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    f faxes := fax_of_tenant(fax_company, fax);
    delivery bigint;
begin
    if current_setting('role') = 'vfax_brand' or not pg_has_role(session_user, 'vfax_service', 'member') then
        raise insufficient_privilege using message = 'operators do not see documents';
    end if;
    insert into deliveries (brand_id, company_id, fax_id, channel, event, recipients)
        values (f.brand_id, f.company_id, f.id, 'mail', happened, to_whom) returning id into delivery;
    return delivery;
end
$$;
comment on function forward_fax(bigint, bigint, text, text[]) is 'Have a fax mailed; returns the delivery.';

create or replace function replay_delivery(delivery bigint) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    d deliveries;
    again bigint;
begin
    select * into d from deliveries e where e.id = delivery;
    if not found then
        return null;
    end if;
    perform fax_of_tenant(d.company_id, d.fax_id);
    insert into deliveries (brand_id, company_id, fax_id, channel, event, webhook_id, pages, recipients, replay_of)
        values (d.brand_id, d.company_id, d.fax_id, d.channel, d.event, d.webhook_id, d.pages, d.recipients,
                coalesce(d.replay_of, d.id)) returning id into again;
    return again;
end
$$;
comment on function replay_delivery(bigint) is
    'Make a delivery once more, to whom it went before; null where there is none.';

revoke execute on function write_audit, forward_fax, replay_delivery from public;
grant execute on function write_audit, forward_fax, replay_delivery
    to vfax_service, vfax_brand, vfax_company, vfax_user;
