-- Policies and grants of routing: how calls come in and leave.
-- A policy or grant that is removed here stays in databases that have it: drop it in a migration.

-- bridges
drop policy if exists service on bridges;
drop policy if exists platform on bridges;
create policy service on bridges to vfax_service
    using (true) with check (true);
create policy platform on bridges to vfax_platform
    using (true) with check (true);
grant select, insert, update, delete on bridges to vfax_service, vfax_platform;

-- carriers
drop policy if exists service on carriers;
drop policy if exists brand on carriers;
create policy service on carriers to vfax_service
    using (true) with check (true);
create policy brand on carriers to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on carriers to vfax_service, vfax_brand;

-- carrier_servers
-- HA1 digests are written and never read: each readable column is named.
drop policy if exists service on carrier_servers;
drop policy if exists brand on carrier_servers;
create policy service on carrier_servers to vfax_service
    using (true) with check (true);
create policy brand on carrier_servers to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on carrier_servers to vfax_service;
grant insert, update, delete on carrier_servers to vfax_brand;
grant select (id, brand_id, carrier_id, address, port, transport, priority, enabled, host,
        from_domain, asserted_identity, remote_party_id, auth_user, auth_realm)
    on carrier_servers to vfax_brand;

-- carrier_registrations
drop policy if exists service on carrier_registrations;
drop policy if exists brand on carrier_registrations;
create policy service on carrier_registrations to vfax_service
    using (true) with check (true);
create policy brand on carrier_registrations to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on carrier_registrations to vfax_service, vfax_brand;

-- carrier_rates
drop policy if exists service on carrier_rates;
drop policy if exists brand on carrier_rates;
create policy service on carrier_rates to vfax_service
    using (true) with check (true);
create policy brand on carrier_rates to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on carrier_rates to vfax_service, vfax_brand;

-- countries
-- Public facts: every role reads them.
drop policy if exists service on countries;
drop policy if exists everyone on countries;
create policy service on countries to vfax_service
    using (true) with check (true);
create policy everyone on countries for select to vfax_platform, vfax_brand, vfax_company, vfax_user
    using (true);
grant select, insert, update, delete on countries to vfax_service;
grant select on countries to vfax_platform, vfax_brand, vfax_company, vfax_user;

-- ddi_providers
drop policy if exists service on ddi_providers;
drop policy if exists brand on ddi_providers;
create policy service on ddi_providers to vfax_service
    using (true) with check (true);
create policy brand on ddi_providers to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on ddi_providers to vfax_service, vfax_brand;

-- ddi_provider_addresses
drop policy if exists service on ddi_provider_addresses;
drop policy if exists brand on ddi_provider_addresses;
create policy service on ddi_provider_addresses to vfax_service
    using (true) with check (true);
create policy brand on ddi_provider_addresses to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on ddi_provider_addresses to vfax_service, vfax_brand;

-- failover_defaults
-- Public facts, for brand operators to read.
drop policy if exists service on failover_defaults;
drop policy if exists everyone on failover_defaults;
create policy service on failover_defaults to vfax_service
    using (true) with check (true);
create policy everyone on failover_defaults for select to vfax_brand
    using (true);
grant select, insert, update, delete on failover_defaults to vfax_service;
grant select on failover_defaults to vfax_brand;

-- failover_rules
drop policy if exists service on failover_rules;
drop policy if exists brand on failover_rules;
create policy service on failover_rules to vfax_service
    using (true) with check (true);
create policy brand on failover_rules to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on failover_rules to vfax_service, vfax_brand;

-- number_transformations
drop policy if exists service on number_transformations;
drop policy if exists brand on number_transformations;
create policy service on number_transformations to vfax_service
    using (true) with check (true);
create policy brand on number_transformations to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on number_transformations to vfax_service, vfax_brand;

-- number_transformation_rules
drop policy if exists service on number_transformation_rules;
drop policy if exists brand on number_transformation_rules;
create policy service on number_transformation_rules to vfax_service
    using (true) with check (true);
create policy brand on number_transformation_rules to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on number_transformation_rules to vfax_service, vfax_brand;

-- outgoing_routes
-- Where calls go is decided by the brand: companies see no route.
drop policy if exists service on outgoing_routes;
drop policy if exists brand on outgoing_routes;
create policy service on outgoing_routes to vfax_service
    using (true) with check (true);
create policy brand on outgoing_routes to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on outgoing_routes to vfax_service, vfax_brand;

-- outgoing_route_carriers
drop policy if exists service on outgoing_route_carriers;
drop policy if exists brand on outgoing_route_carriers;
create policy service on outgoing_route_carriers to vfax_service
    using (true) with check (true);
create policy brand on outgoing_route_carriers to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on outgoing_route_carriers to vfax_service, vfax_brand;

-- peer_profiles
drop policy if exists service on peer_profiles;
drop policy if exists brand on peer_profiles;
create policy service on peer_profiles to vfax_service
    using (true) with check (true);
create policy brand on peer_profiles to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on peer_profiles to vfax_service, vfax_brand;

-- retry_defaults
-- Public facts, for brand operators to read.
drop policy if exists service on retry_defaults;
drop policy if exists everyone on retry_defaults;
create policy service on retry_defaults to vfax_service
    using (true) with check (true);
create policy everyone on retry_defaults for select to vfax_brand
    using (true);
grant select, insert, update, delete on retry_defaults to vfax_service;
grant select on retry_defaults to vfax_brand;

-- retry_rules
drop policy if exists service on retry_rules;
drop policy if exists brand on retry_rules;
create policy service on retry_rules to vfax_service
    using (true) with check (true);
create policy brand on retry_rules to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on retry_rules to vfax_service, vfax_brand;

-- routing_changes
drop policy if exists service on routing_changes;
create policy service on routing_changes to vfax_service
    using (true) with check (true);
grant select, insert, update, delete on routing_changes to vfax_service;

-- routing_patterns
drop policy if exists service on routing_patterns;
drop policy if exists brand on routing_patterns;
create policy service on routing_patterns to vfax_service
    using (true) with check (true);
create policy brand on routing_patterns to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on routing_patterns to vfax_service, vfax_brand;

-- routing_pattern_groups
drop policy if exists service on routing_pattern_groups;
drop policy if exists brand on routing_pattern_groups;
create policy service on routing_pattern_groups to vfax_service
    using (true) with check (true);
create policy brand on routing_pattern_groups to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on routing_pattern_groups to vfax_service, vfax_brand;

-- routing_pattern_group_members
drop policy if exists service on routing_pattern_group_members;
drop policy if exists brand on routing_pattern_group_members;
create policy service on routing_pattern_group_members to vfax_service
    using (true) with check (true);
create policy brand on routing_pattern_group_members to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on routing_pattern_group_members to vfax_service, vfax_brand;

-- routing_tags
drop policy if exists service on routing_tags;
drop policy if exists brand on routing_tags;
create policy service on routing_tags to vfax_service
    using (true) with check (true);
create policy brand on routing_tags to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on routing_tags to vfax_service, vfax_brand;

-- company_routing_tags
drop policy if exists service on company_routing_tags;
drop policy if exists brand on company_routing_tags;
create policy service on company_routing_tags to vfax_service
    using (true) with check (true);
create policy brand on company_routing_tags to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
grant select, insert, update, delete on company_routing_tags to vfax_service, vfax_brand;
