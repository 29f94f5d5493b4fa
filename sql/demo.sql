-- The demo's world: one brand, two companies that fax each other through a carrier which hands
-- every call back in as a DDI provider. Safe to run again. The addresses are settings of the
-- transaction: demo.carrier_address, demo.carrier_port.

insert into brands (name) values ('Demo Telecom') on conflict do nothing;

insert into companies (brand_id, name, country, time_zone)
select b.id, c.name, 'ES', 'Europe/Madrid'
from brands b, (values ('Acme'), ('Globex')) as c (name)
where b.name = 'Demo Telecom'
on conflict do nothing;

insert into ddi_providers (brand_id, name)
select id, 'Public network' from brands where name = 'Demo Telecom'
on conflict do nothing;

insert into ddi_provider_addresses (brand_id, ddi_provider_id, address)
select brand_id, id, current_setting('demo.carrier_address')::inet from ddi_providers where name = 'Public network'
on conflict do nothing;

insert into virtual_faxes (brand_id, company_id, name, email, send_by_email, station_id)
select c.brand_id, c.id, v.name, array[v.email], true, v.station_id
from companies c
join (values ('Acme', 'Sales', 'sales@acme.example', '+34 911 000 001'),
             ('Globex', 'Office', 'office@globex.example', '+34 911 000 002'))
     as v (company, name, email, station_id) on v.company = c.name
on conflict do nothing;

insert into virtual_fax_senders (brand_id, company_id, virtual_fax_id, email)
select brand_id, company_id, id, email[1] from virtual_faxes where name in ('Sales', 'Office') and email <> '{}'
on conflict do nothing;

insert into ddis (brand_id, company_id, number, virtual_fax_id)
select v.brand_id, v.company_id, n.number, v.id
from virtual_faxes v
join (values ('Sales', '+34911000001'), ('Office', '+34911000002')) as n (name, number) on n.name = v.name
on conflict do nothing;

update companies c set outgoing_ddi_id = d.id
from ddis d where d.company_id = c.id and c.outgoing_ddi_id is null;

insert into carriers (brand_id, name)
select id, 'Demo Carrier' from brands where name = 'Demo Telecom'
on conflict do nothing;

insert into carrier_servers (brand_id, carrier_id, address, port)
select brand_id, id, current_setting('demo.carrier_address')::inet, current_setting('demo.carrier_port')::integer
from carriers where name = 'Demo Carrier'
on conflict do nothing;

insert into routing_patterns (brand_id, name, prefix)
select id, 'Everywhere', '+' from brands where name = 'Demo Telecom'
on conflict do nothing;

insert into outgoing_routes (brand_id, type, priority, carrier_id)
select c.brand_id, 'fax', 10, c.id from carriers c
where c.name = 'Demo Carrier' and not exists (select from outgoing_routes r where r.carrier_id = c.id and r.type = 'fax');

insert into outgoing_routes (brand_id, type, priority, carrier_id, pattern_id)
select c.brand_id, 'pattern', 100, c.id, p.id
from carriers c join routing_patterns p on p.brand_id = c.brand_id and p.name = 'Everywhere'
where c.name = 'Demo Carrier' and not exists (select from outgoing_routes r where r.carrier_id = c.id and r.type = 'pattern');
