-- What the publisher compiles into the routing tables of Kamailio. One row, one key.

create or replace view routing_ddis with (security_invoker = true) as
select d.number, d.id as ddi, d.brand_id as brand, d.company_id as company,
       d.ddi_provider_id as provider, d.virtual_fax_id as virtual_fax
from ddis d;
comment on view routing_ddis is 'Each DDI with its target.';

create or replace view routing_providers with (security_invoker = true) as
select host(a.address) as address, p.id as provider, p.brand_id as brand, p.name
from ddi_provider_addresses a join ddi_providers p on p.id = a.ddi_provider_id
where p.enabled;
comment on view routing_providers is 'Source addresses of enabled DDI providers.';

create or replace view routing_bridges with (security_invoker = true) as
select b.id as bridge, b.name, host(b.sip_address) as address, b.sip_port as port, b.receives
from bridges b
where b.enabled;
comment on view routing_bridges is 'Enabled bridge nodes.';

create or replace view routing_companies with (security_invoker = true) as
select c.id as company, c.brand_id as brand, c.name
from companies c;
comment on view routing_companies is 'Companies, for outgoing calls.';

create or replace view routing_carriers with (security_invoker = true) as
select c.id as carrier, c.brand_id as brand, c.name,
       jsonb_agg(jsonb_build_object('server', s.id, 'address', host(s.address), 'port', s.port,
                                    'transport', s.transport, 'priority', s.priority)
                 order by s.priority, s.id) as servers
from carriers c join carrier_servers s on s.carrier_id = c.id and s.enabled
where c.enabled
group by c.id;
comment on view routing_carriers is 'Enabled carriers that have an enabled server.';

create or replace view routing_routes with (security_invoker = true) as
select r.id as route, r.brand_id as brand, r.company_id as company, r.type, r.mode, r.priority,
       r.weight, r.stopper, r.carrier_id as carrier,
       case r.type
           when 'pattern' then array[p.prefix]
           when 'group' then (
               select coalesce(array_agg(m.prefix order by m.prefix), '{}')
               from routing_pattern_group_members g join routing_patterns m on m.id = g.pattern_id
               where g.group_id = r.group_id)
           else array['+']
       end as prefixes
from outgoing_routes r left join routing_patterns p on p.id = r.pattern_id;
comment on view routing_routes is 'Outgoing routes with the prefixes that they match.';

grant select on routing_ddis, routing_providers, routing_bridges, routing_companies, routing_carriers,
    routing_routes to vfax_service, vfax_brand;
