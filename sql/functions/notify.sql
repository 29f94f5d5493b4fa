-- Notifications to the publishers and the workers at each commit.

create or replace function note_routing_change() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
-- Arguments: the kind of entry, and a query over "changed" (old and new rows) that yields their ids.
declare
    changed text := case tg_op
        when 'INSERT' then 'select * from new_rows'
        when 'DELETE' then 'select * from old_rows'
        else 'select * from old_rows union all select * from new_rows' end;
begin
    if tg_op = 'TRUNCATE' then
        insert into routing_changes (kind, ids) values ('*', '{}');
    else
        execute format(
            'insert into routing_changes (kind, ids) '
            'select case when count(*) > 50000 then ''*'' else %L end, '
            '       case when count(*) > 50000 then ''{}'' else array_agg(id) end '
            'from (with changed as (%s) select distinct id::text from (%s) as of_rows (id) where id is not null) as ids '
            'having count(*) > 0', tg_argv[0], changed, tg_argv[1]);
    end if;
    perform pg_notify('vfax_routes', '');
    return null;
end
$$;
comment on function note_routing_change() is
    'Trigger: writes the ids of changed entries into routing_changes and wakes the publishers.';
revoke execute on function note_routing_change from public;

create or replace function notify_faxes() returns trigger language plpgsql as $$
begin
    perform pg_notify('vfax_faxes', '');
    return null;
end
$$;
comment on function notify_faxes() is 'Trigger: wakes the outbound workers.';

do $$
declare
    f record;
    source text;
begin
    drop function if exists notify_routes() cascade;
    -- Which entries (kind, ids) a changed row of a table touches.
    for f in
        select tab, kind, ids, row_number() over (partition by tab order by kind) as n from (values
        ('brands', 'brand', 'select id from changed'),
        ('companies', 'company', 'select id from changed'),
        ('companies', 'zone', 'select time_zone from changed'),
        ('number_transformation_rules', 'numbers', 'select transformation_id from changed'),
        ('ddi_provider_addresses', 'provider', 'select host(address) from changed'),
        ('ddi_providers', 'provider',
         'select host(a.address) from ddi_provider_addresses a join changed c on c.id = a.ddi_provider_id'),
        ('ddis', 'ddi', 'select number from changed'),
        ('ddis', 'company', 'select c.id from companies c join changed d on c.outgoing_ddi_id = d.id'),
        ('sip_accounts', 'account',
         'select c.username || ''@'' || k.sip_domain from changed c join companies k on k.id = c.company_id'),
        ('sip_accounts', 'ddi', 'select d.number from ddis d join changed c on c.id = d.sip_account_id'),
        ('virtual_fax_callers', 'fax', 'select virtual_fax_id from changed'),
        ('virtual_fax_hours', 'fax', 'select virtual_fax_id from changed'),
        ('carriers', 'carrier', 'select id from changed'),
        ('carrier_servers', 'carrier', 'select carrier_id from changed'),
        ('carrier_servers', 'secret', 'select id from changed'),
        ('failover_defaults', 'carrier', 'select k.id from carriers k where exists (select from changed)'),
        ('failover_rules', 'carrier',
         'select k.id from carriers k join changed c on c.brand_id = k.brand_id and k.id = coalesce(c.carrier_id, k.id)'),
        ('carrier_registrations', 'registration', 'select id from changed'),
        ('carrier_servers', 'registration',
         'select r.id from carrier_registrations r join changed c on c.id = r.carrier_server_id'),
        ('carriers', 'registration',
         'select r.id from carrier_registrations r join carrier_servers s on s.id = r.carrier_server_id '
         'join changed c on c.id = s.carrier_id'),
        ('carrier_rates', 'rate', 'select carrier_id::text || '':'' || prefix from changed'),
        ('routing_patterns', 'route',
         'select r.id from outgoing_routes r join changed c on c.id = r.pattern_id union '
         'select r.id from outgoing_routes r join routing_pattern_group_members m on m.group_id = r.group_id '
         'join changed c on c.id = m.pattern_id'),
        ('routing_pattern_group_members', 'route',
         'select r.id from outgoing_routes r join changed c on c.group_id = r.group_id'),
        ('outgoing_routes', 'route', 'select id from changed'),
        ('outgoing_route_carriers', 'route', 'select route_id from changed'),
        ('routing_tags', 'route', 'select r.id from outgoing_routes r join changed c on c.id = r.routing_tag_id'),
        ('routing_tags', 'company',
         'select t.company_id from company_routing_tags t join changed c on c.id = t.routing_tag_id'),
        ('company_routing_tags', 'company', 'select company_id from changed'),
        ('bridges', 'bridge', 'select host(sip_address) || '':'' || sip_port from changed'),
        ('bridges', 'bridges', 'select ''all'' from changed')) as t (tab, kind, ids)
    loop
        execute format('drop trigger if exists notify_routes on %I', f.tab);
        for source in select unnest(array['insert', 'update', 'delete']) loop
            execute format(
                'create or replace trigger routing_change_%s_%s after %s on %I referencing %s '
                'for each statement execute function note_routing_change(%L, %L)',
                f.n, source, source, f.tab,
                case source when 'insert' then 'new table as new_rows'
                            when 'delete' then 'old table as old_rows'
                            else 'old table as old_rows new table as new_rows' end,
                f.kind, f.ids);
        end loop;
        execute format('create or replace trigger routing_change_truncate after truncate on %I '
                       'for each statement execute function note_routing_change(''*'', '''')', f.tab);
    end loop;
end
$$;

create or replace trigger notify_faxes after insert on faxes
    for each statement execute function notify_faxes();

create or replace function forget_routing_changes() returns void language sql as $$
    delete from routing_changes where changed_at < now() - interval '1 hour'
$$;
comment on function forget_routing_changes() is
    'Delete old rows of the log of changes; a publisher that was down for longer reads everything.';
grant execute on function forget_routing_changes to vfax_service;
