-- Tell the publisher and the workers that something was committed.

create or replace function notify_routes() returns trigger language plpgsql as $$
begin
    perform pg_notify('vfax_routes', tg_table_name);
    return null;
end
$$;
comment on function notify_routes() is 'Trigger: wakes the publisher, which compiles the routing tables again.';

create or replace function notify_faxes() returns trigger language plpgsql as $$
begin
    perform pg_notify('vfax_faxes', '');
    return null;
end
$$;
comment on function notify_faxes() is 'Trigger: wakes the outbound workers.';

do $$
declare
    t text;
begin
    foreach t in array array[
        'companies', 'ddi_providers', 'ddi_provider_addresses', 'ddis', 'carriers', 'carrier_servers',
        'routing_patterns', 'routing_pattern_groups', 'routing_pattern_group_members',
        'outgoing_routes', 'bridges']
    loop
        execute format(
            'create or replace trigger notify_routes after insert or update or delete or truncate on %I '
            'for each statement execute function notify_routes()', t);
    end loop;
end
$$;

create or replace trigger notify_faxes after insert on faxes
    for each statement execute function notify_faxes();
