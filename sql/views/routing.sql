-- The routing tables of Kamailio. Each view routing_KIND yields (id, value); its row becomes the entry
-- KIND:id of the mapped file, and explain_route() reads the very same rows. JSON is decoded by
-- kemi/routing/decode.py; DDIs, of which there may be millions, are text with commas instead.
--
-- The views are replaced, never dropped, so that an operator's own views on top of them stay. A
-- migration does what replacing cannot: change the type of a column, drop a view.

create or replace view routing_ddi with (security_invoker = true) as
select d.number::text as id,
       concat_ws(',', d.brand_id, d.company_id, coalesce(d.ddi_provider_id::text, ''),
                 case when d.virtual_fax_id is not null then 'f' || d.virtual_fax_id
                      when d.sip_account_id is not null then (
                          select 'a' || a.username || '@' || c.sip_domain
                          from sip_accounts a join companies c on c.id = a.company_id
                          where a.id = d.sip_account_id)
                      when d.external_uri is not null then 'u' || d.external_uri
                      else '' end) as value
from ddis d;
comment on view routing_ddi is 'number: brand,company,provider,target; target is f + virtual fax, a + account, u + URI or empty.';

create or replace view routing_brand with (security_invoker = true) as
select b.id, jsonb_strip_nulls(jsonb_build_object(
           'id', b.id, 'max_calls', b.max_calls, 'fall_back', b.fall_back_after_failure))::text as value
from brands b;
comment on view routing_brand is 'Limits and switches of a brand.';

create or replace view routing_company with (security_invoker = true) as
select c.id, jsonb_strip_nulls(jsonb_build_object(
           'id', c.id, 'brand', c.brand_id, 'name', c.name, 'zone', c.time_zone,
           'dial', jsonb_build_array(k.calling_code, k.international_prefix, k.trunk_prefix),
           'max_calls', c.max_calls, 'least_loaded', c.bridge_choice = 'least_loaded',
           'transformation', c.transformation_id, 'caller', d.number,
           'tags', coalesce((select jsonb_object_agg(t.tag, t.id)
                             from company_routing_tags m join routing_tags t on t.id = m.routing_tag_id
                             where m.company_id = c.id), '{}')))::text as value
from companies c join countries k on k.code = c.country left join ddis d on d.id = c.outgoing_ddi_id;
comment on view routing_company is 'Settings of companies that calls use.';

create or replace view routing_zone with (security_invoker = true) as
with days as materialized (
    select z.name, d.day, d.day at time zone z.name - d.day at time zone 'UTC' as utc_offset
    from (select distinct time_zone as name from companies) as z,
         generate_series(date_trunc('day', now(), 'UTC') - interval '1 year',
                         now() + interval '3 years', interval '1 day') as d (day)
), changing as materialized (
    select name, day, utc_offset
    from (select *, lag(utc_offset) over (partition by name order by day) as before from days) as d
    where utc_offset <> before
), changes as (
    -- The change is at a quarter of an hour of the day before.
    select c.name, min(q.moment) as since, c.utc_offset
    from changing c, generate_series(c.day - interval '1 day', c.day, interval '15 minutes') as q (moment)
    where q.moment at time zone c.name - q.moment at time zone 'UTC' = c.utc_offset
    group by c.name, c.day, c.utc_offset
    union all
    (select distinct on (name) name, timestamptz 'epoch', utc_offset from days order by name, day)
)
select name as id,
       jsonb_agg(jsonb_build_array(extract(epoch from since)::bigint, extract(epoch from utc_offset)::integer)
                 order by since)::text as value
from changes
group by name;
comment on view routing_zone is
    'UTC offsets of the companies'' zones in seconds, with the Unix time each begins at: from one year ago to three years ahead.';

create or replace view routing_numbers with (security_invoker = true) as
select r.transformation_id as id,
       jsonb_object_agg(r.direction, r.rules)::text as value
from (
    select transformation_id, direction,
           jsonb_agg(jsonb_build_array(prefix, min_length, max_length, strip, add_prefix) order by priority, id) as rules
    from number_transformation_rules group by transformation_id, direction
) as r
group by r.transformation_id;
comment on view routing_numbers is 'A number transformation: the rules of each direction in their order.';

create or replace view routing_provider with (security_invoker = true) as
select host(a.address) as id,
       jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'id', p.id, 'brand', p.brand_id, 'name', p.name, 'transformation', p.transformation_id,
           'local', host(a.local_address), 'port', a.local_port)))::text as value
from ddi_provider_addresses a join ddi_providers p on p.id = a.ddi_provider_id
where p.enabled
group by host(a.address);
comment on view routing_provider is 'Source addresses of enabled DDI providers.';

create or replace view routing_account with (security_invoker = true) as
select a.username || '@' || c.sip_domain as id,
       jsonb_strip_nulls(jsonb_build_object(
           'id', a.id, 'brand', a.brand_id, 'company', a.company_id, 'ha1', a.ha1,
           'fax_device', a.fax_device, 'caller', d.number))::text as value
from sip_accounts a join companies c on c.id = a.company_id left join ddis d on d.id = a.outgoing_ddi_id
where a.enabled and c.sip_domain is not null;
comment on view routing_account is 'Enabled SIP accounts.';

create or replace view routing_fax with (security_invoker = true) as
select v.id, jsonb_strip_nulls(jsonb_build_object(
           'zone', c.time_zone,
           'callers', (select jsonb_object_agg(l.prefix, l.action) from virtual_fax_callers l where l.virtual_fax_id = v.id),
           'hours', (select jsonb_agg(jsonb_build_array(h.weekday, extract(epoch from h.opens)::integer,
                                                        extract(epoch from h.closes)::integer))
                     from virtual_fax_hours h where h.virtual_fax_id = v.id)))::text as value
from virtual_faxes v join companies c on c.id = v.company_id
where exists (select from virtual_fax_callers l where l.virtual_fax_id = v.id)
   or exists (select from virtual_fax_hours h where h.virtual_fax_id = v.id);
comment on view routing_fax is 'Allowed and blocked callers, and opening hours, of virtual faxes that have any.';

create or replace view routing_bridge with (security_invoker = true) as
select host(b.sip_address) || ':' || b.sip_port as id,
       jsonb_build_object('id', b.id, 'name', b.name, 'receives', b.receives)::text as value
from bridges b
where b.enabled;
comment on view routing_bridge is 'Enabled bridge nodes, by the address that they send from.';

create or replace view routing_bridges with (security_invoker = true) as
select 'all'::text as id,
       coalesce(jsonb_agg(jsonb_build_array(b.id, host(b.sip_address) || ':' || b.sip_port) order by b.id), '[]')::text as value
from bridges b
where b.enabled and b.receives;
comment on view routing_bridges is 'The bridges that receive.';

create or replace view routing_carrier with (security_invoker = true) as
select k.id, jsonb_strip_nulls(jsonb_build_object(
           'id', k.id, 'brand', k.brand_id, 'name', k.name, 'transformation', k.transformation_id,
           'servers', (
               select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                          'id', s.id, 'host', coalesce(host(s.address), s.host), 'port', s.port,
                          'named', s.host is not null, 'transport', s.transport, 'priority', s.priority,
                          'from_domain', s.from_domain, 'asserted_identity', s.asserted_identity,
                          'remote_party_id', s.remote_party_id))
                          order by s.priority, s.id)
               from carrier_servers s where s.carrier_id = k.id and s.enabled),
           'failover', (
               -- The carrier's own rule, then the brand's, then the default.
               select jsonb_object_agg(class, jsonb_build_array(action, retry_after)) from (
                   select distinct on (class) class, action, retry_after from (
                       select class, action, retry_after, case when carrier_id is null then 1 else 0 end as rank
                       from failover_rules f
                       where f.brand_id = k.brand_id and coalesce(f.carrier_id, k.id) = k.id
                       union all
                       select class, action, retry_after, 2 from failover_defaults
                   ) as rules order by class, rank
               ) as winning)))::text as value
from carriers k
where k.enabled and exists (select from carrier_servers s where s.carrier_id = k.id and s.enabled);
comment on view routing_carrier is 'Enabled carriers that have an enabled server.';

create or replace view routing_secret with (security_invoker = true) as
select s.id, jsonb_build_array(s.auth_user, s.auth_realm, s.auth_ha1)::text as value
from carrier_servers s
where s.auth_user is not null;
comment on view routing_secret is 'Digest data of carrier servers. Only for the services.';

create or replace view routing_route with (security_invoker = true) as
select r.id, jsonb_strip_nulls(jsonb_build_object(
           'id', r.id, 'brand', r.brand_id, 'company', r.company_id, 'type', r.type, 'mode', r.mode,
           'priority', r.priority, 'weight', r.weight, 'stopper', r.stopper, 'tag', r.routing_tag_id,
           'add_prefix', r.add_prefix, 'caller', r.caller_id,
           'carriers', case r.mode
               when 'static' then jsonb_build_array(r.carrier_id)
               else coalesce((select jsonb_agg(m.carrier_id order by m.carrier_id)
                              from outgoing_route_carriers m where m.route_id = r.id), '[]') end,
           'prefixes', case r.type
               when 'pattern' then jsonb_build_array(p.prefix)
               when 'group' then coalesce((
                   select jsonb_agg(distinct m.prefix)
                   from routing_pattern_group_members g join routing_patterns m on m.id = g.pattern_id
                   where g.group_id = r.group_id), '[]')
               else '["+"]' end))::text as value
from outgoing_routes r left join routing_patterns p on p.id = r.pattern_id;
comment on view routing_route is 'Outgoing routes with the prefixes that they match.';

create or replace view routing_rate with (security_invoker = true) as
select r.carrier_id::text || ':' || r.prefix as id,
       jsonb_agg(jsonb_build_array(
           r.price,
           case when r.valid_from = '-infinity' then 0 else extract(epoch from r.valid_from) end,
           case when r.valid_until is null or r.valid_until = 'infinity' then null else extract(epoch from r.valid_until) end)
           order by r.valid_from desc)::text as value
from carrier_rates r
group by r.carrier_id, r.prefix;
comment on view routing_rate is 'Prices of a carrier for a prefix, the latest first.';

create or replace view routing_registration with (security_invoker = true) as
select r.id, jsonb_build_object(
           'username', r.username, 'domain', r.domain, 'expires', r.expires,
           'host', coalesce(host(s.address), s.host), 'port', s.port, 'named', s.host is not null,
           'transport', s.transport, 'auth_user', s.auth_user, 'realm', s.auth_realm, 'ha1', s.auth_ha1)::text as value
from carrier_registrations r join carrier_servers s on s.id = r.carrier_server_id
join carriers k on k.id = s.carrier_id
where r.enabled and s.enabled and k.enabled and s.auth_user is not null;
comment on view routing_registration is 'Registrations at carriers. Only for the services.';

grant select on routing_ddi, routing_brand, routing_company, routing_zone, routing_numbers, routing_provider,
    routing_fax, routing_bridge, routing_bridges, routing_carrier, routing_route, routing_rate to vfax_service, vfax_brand;
grant select on routing_account, routing_secret, routing_registration to vfax_service;
