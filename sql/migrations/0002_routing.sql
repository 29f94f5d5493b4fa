-- Routing complete: number transformations, SIP accounts, limits, black and white lists, opening
-- hours, rates, routing tags, failover rules, and the log of changes that the publishers follow.

create type bridge_choice as enum ('round_robin', 'least_loaded');
create type number_direction as enum ('callee_in', 'caller_in', 'callee_out', 'caller_out');
create type caller_action as enum ('allow', 'deny');
create type failover_action as enum ('next', 'stop', 'retry_later');
comment on type failover_action is
    'next: try the next server or carrier; stop: the answer stands; retry_later: it stands, with Retry-After.';

create or replace function is_time_zone(name text) returns boolean language plpgsql immutable as $$
begin
    perform timestamptz 'epoch' at time zone name;
    return name ~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$';
exception when invalid_parameter_value then
    return false;
end
$$;
comment on function is_time_zone(text) is 'Whether PostgreSQL knows a zone by this IANA name.';

-- ---- numbers ---------------------------------------------------------------------------------

create table number_transformations (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands,
    name     text not null,
    constraint transformation_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table number_transformations is
    'How a peer writes numbers: a named set of rules, used by DDI providers, carriers and companies.';

create table number_transformation_rules (
    id                bigint generated always as identity primary key,
    brand_id          bigint not null,
    transformation_id bigint not null,
    direction         number_direction not null,
    priority          integer not null default 100
                      constraint rule_priority_is_0_to_254 check (priority between 0 and 254),
    prefix            text not null default ''
                      constraint rule_prefix_is_digits_star_hash_or_plus check (prefix ~ '^\+?[0-9*#]{0,20}$'),
    min_length        integer not null default 0
                      constraint rule_min_length_is_0_to_32 check (min_length between 0 and 32),
    max_length        integer not null default 32
                      constraint rule_max_length_is_up_to_32 check (max_length between 0 and 32),
    strip             integer not null default 0
                      constraint rule_strips_0_to_20 check (strip between 0 and 20),
    add_prefix        text not null default ''
                      constraint rule_adds_digits_star_hash_or_plus check (add_prefix ~ '^\+?[0-9*#]{0,20}$'),
    constraint rule_min_length_is_not_above_max check (min_length <= max_length),
    constraint rule_is_of_the_same_brand
        foreign key (transformation_id, brand_id) references number_transformations (id, brand_id) on delete cascade
);
create index number_transformation_rules_by_set on number_transformation_rules (transformation_id);
comment on table number_transformation_rules is
    'One rule: numbers that match prefix and length lose strip characters and get add_prefix. The first by priority wins.';
comment on column number_transformation_rules.transformation_id is 'The set that it belongs to.';
comment on column number_transformation_rules.direction is
    'callee_in, caller_in: from the peer, result is E.164; callee_out, caller_out: E.164 to what the peer wants.';
comment on column number_transformation_rules.priority is 'Lower is looked at first.';
comment on column number_transformation_rules.prefix is 'The number starts with it; empty: any number.';
comment on column number_transformation_rules.min_length is 'Shortest number that matches, in characters, + included.';
comment on column number_transformation_rules.max_length is 'Longest number that matches, in characters.';
comment on column number_transformation_rules.strip is 'So many characters are taken off the front.';
comment on column number_transformation_rules.add_prefix is 'Then this is put in front.';

-- ---- countries -------------------------------------------------------------------------------

create table countries (
    code                 text primary key constraint country_code_is_iso_3166_alpha_2 check (code ~ '^[A-Z]{2}$'),
    calling_code         text not null,
    international_prefix text not null,
    trunk_prefix         text not null
);
comment on table countries is 'How people dial in a country (ITU-T E.164, E.123): for numbers that SIP accounts dial.';
comment on column countries.code is 'ISO 3166 alpha-2.';
comment on column countries.calling_code is 'Country code of E.164.';
comment on column countries.international_prefix is 'Dialled before a foreign number.';
comment on column countries.trunk_prefix is 'Dialled before a national number, not part of E.164; empty where there is none.';
insert into countries (code, calling_code, international_prefix, trunk_prefix) values
    ('AC', '247', '00', ''), ('AD', '376', '00', ''), ('AE', '971', '00', '0'), ('AF', '93', '00', '0'),
    ('AG', '1', '011', '1'), ('AI', '1', '011', '1'), ('AL', '355', '00', '0'), ('AM', '374', '00', '0'),
    ('AO', '244', '00', ''), ('AR', '54', '00', '0'), ('AS', '1', '011', '1'), ('AT', '43', '00', '0'),
    ('AU', '61', '0011', '0'), ('AW', '297', '00', ''), ('AX', '358', '00', '0'), ('AZ', '994', '00', '0'),
    ('BA', '387', '00', '0'), ('BB', '1', '011', '1'), ('BD', '880', '00', '0'), ('BE', '32', '00', '0'),
    ('BF', '226', '00', ''), ('BG', '359', '00', '0'), ('BH', '973', '00', ''), ('BI', '257', '00', ''),
    ('BJ', '229', '00', ''), ('BL', '590', '00', '0'), ('BM', '1', '011', '1'), ('BN', '673', '00', ''),
    ('BO', '591', '00', '0'), ('BQ', '599', '00', ''), ('BR', '55', '00', '0'), ('BS', '1', '011', '1'),
    ('BT', '975', '00', ''), ('BW', '267', '00', ''), ('BY', '375', '810', '8'), ('BZ', '501', '00', ''),
    ('CA', '1', '011', '1'), ('CC', '61', '0011', '0'), ('CD', '243', '00', '0'), ('CF', '236', '00', ''),
    ('CG', '242', '00', ''), ('CH', '41', '00', '0'), ('CI', '225', '00', ''), ('CK', '682', '00', ''),
    ('CL', '56', '00', ''), ('CM', '237', '00', ''), ('CN', '86', '00', '0'), ('CO', '57', '00', '0'),
    ('CR', '506', '00', ''), ('CU', '53', '119', '0'), ('CV', '238', '0', ''), ('CW', '599', '00', ''),
    ('CX', '61', '0011', '0'), ('CY', '357', '00', ''), ('CZ', '420', '00', ''), ('DE', '49', '00', '0'),
    ('DJ', '253', '00', ''), ('DK', '45', '00', ''), ('DM', '1', '011', '1'), ('DO', '1', '011', '1'),
    ('DZ', '213', '00', '0'), ('EC', '593', '00', '0'), ('EE', '372', '00', ''), ('EG', '20', '00', '0'),
    ('EH', '212', '00', '0'), ('ER', '291', '00', '0'), ('ES', '34', '00', ''), ('ET', '251', '00', '0'),
    ('FI', '358', '00', '0'), ('FJ', '679', '00', ''), ('FK', '500', '00', ''), ('FM', '691', '00', ''),
    ('FO', '298', '00', ''), ('FR', '33', '00', '0'), ('GA', '241', '00', ''), ('GB', '44', '00', '0'),
    ('GD', '1', '011', '1'), ('GE', '995', '00', '0'), ('GF', '594', '00', '0'), ('GG', '44', '00', '0'),
    ('GH', '233', '00', '0'), ('GI', '350', '00', ''), ('GL', '299', '00', ''), ('GM', '220', '00', ''),
    ('GN', '224', '00', ''), ('GP', '590', '00', '0'), ('GQ', '240', '00', ''), ('GR', '30', '00', ''),
    ('GT', '502', '00', ''), ('GU', '1', '011', '1'), ('GW', '245', '00', ''), ('GY', '592', '001', ''),
    ('HK', '852', '00', ''), ('HN', '504', '00', ''), ('HR', '385', '00', '0'), ('HT', '509', '00', ''),
    ('HU', '36', '00', '06'), ('ID', '62', '00', '0'), ('IE', '353', '00', '0'), ('IL', '972', '0', '0'),
    ('IM', '44', '00', '0'), ('IN', '91', '00', '0'), ('IO', '246', '00', ''), ('IQ', '964', '00', '0'),
    ('IR', '98', '00', '0'), ('IS', '354', '00', ''), ('IT', '39', '00', ''), ('JE', '44', '00', '0'),
    ('JM', '1', '011', '1'), ('JO', '962', '00', '0'), ('JP', '81', '010', '0'), ('KE', '254', '000', '0'),
    ('KG', '996', '00', '0'), ('KH', '855', '00', '0'), ('KI', '686', '00', '0'), ('KM', '269', '00', ''),
    ('KN', '1', '011', '1'), ('KP', '850', '00', '0'), ('KR', '82', '00', '0'), ('KW', '965', '00', ''),
    ('KY', '1', '011', '1'), ('KZ', '7', '810', '8'), ('LA', '856', '00', '0'), ('LB', '961', '00', '0'),
    ('LC', '1', '011', '1'), ('LI', '423', '00', '0'), ('LK', '94', '00', '0'), ('LR', '231', '00', '0'),
    ('LS', '266', '00', ''), ('LT', '370', '00', '0'), ('LU', '352', '00', ''), ('LV', '371', '00', ''),
    ('LY', '218', '00', '0'), ('MA', '212', '00', '0'), ('MC', '377', '00', '0'), ('MD', '373', '00', '0'),
    ('ME', '382', '00', '0'), ('MF', '590', '00', '0'), ('MG', '261', '00', '0'), ('MH', '692', '011', '1'),
    ('MK', '389', '00', '0'), ('ML', '223', '00', ''), ('MM', '95', '00', '0'), ('MN', '976', '001', '0'),
    ('MO', '853', '00', ''), ('MP', '1', '011', '1'), ('MQ', '596', '00', '0'), ('MR', '222', '00', ''),
    ('MS', '1', '011', '1'), ('MT', '356', '00', ''), ('MU', '230', '020', ''), ('MV', '960', '00', ''),
    ('MW', '265', '00', '0'), ('MX', '52', '00', ''), ('MY', '60', '00', '0'), ('MZ', '258', '00', ''),
    ('NA', '264', '00', '0'), ('NC', '687', '00', ''), ('NE', '227', '00', ''), ('NF', '672', '00', ''),
    ('NG', '234', '009', '0'), ('NI', '505', '00', ''), ('NL', '31', '00', '0'), ('NO', '47', '00', ''),
    ('NP', '977', '00', '0'), ('NR', '674', '00', ''), ('NU', '683', '00', ''), ('NZ', '64', '00', '0'),
    ('OM', '968', '00', ''), ('PA', '507', '00', ''), ('PE', '51', '00', '0'), ('PF', '689', '00', ''),
    ('PG', '675', '00', ''), ('PH', '63', '00', '0'), ('PK', '92', '00', '0'), ('PL', '48', '00', ''),
    ('PM', '508', '00', '0'), ('PR', '1', '011', '1'), ('PS', '970', '00', '0'), ('PT', '351', '00', ''),
    ('PW', '680', '01', ''), ('PY', '595', '00', '0'), ('QA', '974', '00', ''), ('RE', '262', '00', '0'),
    ('RO', '40', '00', '0'), ('RS', '381', '00', '0'), ('RU', '7', '810', '8'), ('RW', '250', '00', '0'),
    ('SA', '966', '00', '0'), ('SB', '677', '0', ''), ('SC', '248', '00', ''), ('SD', '249', '00', '0'),
    ('SE', '46', '00', '0'), ('SG', '65', '0', ''), ('SH', '290', '00', ''), ('SI', '386', '00', '0'),
    ('SJ', '47', '00', ''), ('SK', '421', '00', '0'), ('SL', '232', '00', '0'), ('SM', '378', '00', ''),
    ('SN', '221', '00', ''), ('SO', '252', '00', '0'), ('SR', '597', '00', ''), ('SS', '211', '00', '0'),
    ('ST', '239', '00', ''), ('SV', '503', '00', ''), ('SX', '1', '011', '1'), ('SY', '963', '00', '0'),
    ('SZ', '268', '00', ''), ('TA', '290', '00', ''), ('TC', '1', '011', '1'), ('TD', '235', '00', ''),
    ('TG', '228', '00', ''), ('TH', '66', '00', '0'), ('TJ', '992', '810', ''), ('TK', '690', '00', ''),
    ('TL', '670', '00', ''), ('TM', '993', '810', '8'), ('TN', '216', '00', ''), ('TO', '676', '00', ''),
    ('TR', '90', '00', '0'), ('TT', '1', '011', '1'), ('TV', '688', '00', ''), ('TW', '886', '0', '0'),
    ('TZ', '255', '00', '0'), ('UA', '380', '0', '0'), ('UG', '256', '00', '0'), ('US', '1', '011', '1'),
    ('UY', '598', '00', '0'), ('UZ', '998', '00', ''), ('VA', '39', '00', ''), ('VC', '1', '011', '1'),
    ('VE', '58', '00', '0'), ('VG', '1', '011', '1'), ('VI', '1', '011', '1'), ('VN', '84', '00', '0'),
    ('VU', '678', '00', ''), ('WF', '681', '00', ''), ('WS', '685', '0', ''), ('XK', '383', '00', '0'),
    ('YE', '967', '00', '0'), ('YT', '262', '00', '0'), ('ZA', '27', '00', '0'), ('ZM', '260', '00', '0'),
    ('ZW', '263', '00', '0');
alter table companies add constraint country_is_known foreign key (country) references countries (code);

-- ---- brands and companies --------------------------------------------------------------------

alter table brands
    add column max_calls integer constraint brand_max_calls_is_positive check (max_calls > 0),
    add column fall_back_after_failure boolean not null default false;
comment on column brands.max_calls is 'Calls at a time of all its companies, in and out; null: no limit. Set by the platform.';
comment on column brands.fall_back_after_failure is
    'true: a fax whose fax routes have all failed is tried over the ordinary call routes too.';

alter table companies
    add column max_calls integer constraint company_max_calls_is_positive check (max_calls > 0),
    add column bridge_choice bridge_choice not null default 'round_robin',
    add column transformation_id bigint,
    add column sip_domain text
        constraint sip_domain_is_unique unique
        constraint sip_domain_is_a_lower_case_host_name
            check (sip_domain ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'),
    add constraint time_zone_is_an_iana_name check (is_time_zone(time_zone)),
    add constraint company_transformation_is_of_the_same_brand
        foreign key (transformation_id, brand_id) references number_transformations (id, brand_id);
comment on column companies.max_calls is 'Calls at a time, in and out; null: no limit. Beyond: 486 in, 403 out.';
comment on column companies.bridge_choice is 'Which fax bridge takes its calls: round_robin or least_loaded.';
comment on column companies.transformation_id is
    'How its SIP accounts dial; null: as in its country (national, 00 or +).';
comment on column companies.sip_domain is 'Domain and digest realm of its SIP accounts.';

create function keep_sip_domain() returns trigger language plpgsql as $$
begin
    if new.sip_domain is distinct from old.sip_domain
       and exists (select from sip_accounts where company_id = new.id) then
        raise exception 'company % has SIP accounts whose HA1 holds the domain %', new.name, old.sip_domain
            using errcode = 'check_violation', constraint = 'sip_domain_stays_while_there_are_accounts',
                  hint = 'Delete its SIP accounts first, and make them again with the new domain.';
    end if;
    return new;
end
$$;
comment on function keep_sip_domain() is 'Trigger: HA1 contains the domain, so it may not change under accounts.';
create trigger keep_sip_domain before update of sip_domain on companies
    for each row execute function keep_sip_domain();

-- ---- SIP accounts ----------------------------------------------------------------------------

create table sip_accounts (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null,
    company_id      bigint not null,
    username        text not null
                    constraint username_is_letters_digits_dot_dash check (username ~ '^[A-Za-z0-9._-]{1,64}$'),
    ha1             text not null
                    constraint ha1_is_made_with_sip_ha1 check (ha1 ~ '^[0-9a-f]{32}$'),
    fax_device      boolean not null default false,
    outgoing_ddi_id bigint,
    enabled         boolean not null default true,
    created_at      timestamptz not null default now(),
    constraint account_username_is_unique_in_its_company unique (company_id, username),
    constraint account_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint account_outgoing_ddi_is_of_the_same_company
        foreign key (outgoing_ddi_id, company_id) references ddis (id, company_id),
    unique (id, company_id)
);
comment on table sip_accounts is 'A phone, ATA or PBX at the SIP edge: registers as username@sip_domain.';
comment on column sip_accounts.username is 'User part of its address of record, unique in the company.';
comment on column sip_accounts.ha1 is
    'sip_ha1(username, sip_domain, password): what digest needs (RFC 2617 3.2.2.2), never the password.';
comment on column sip_accounts.fax_device is 'true: all its calls are faxes and take fax routes first.';
comment on column sip_accounts.outgoing_ddi_id is 'Its caller id; null: the company''s outgoing DDI.';
comment on column sip_accounts.enabled is 'false: neither registers nor calls nor is called.';

create function sip_ha1(username text, domain text, password text) returns text
    language sql immutable strict as $$
    select md5(username || ':' || domain || ':' || password)
$$;
comment on function sip_ha1(text, text, text) is
    'HA1 of a SIP account (RFC 2617 3.2.2.2); for a carrier the domain is the realm of its challenge.';

create function account_needs_a_domain() returns trigger language plpgsql as $$
begin
    if (select sip_domain is null from companies where id = new.company_id) then
        raise exception 'company % has no SIP domain', new.company_id
            using errcode = 'check_violation', constraint = 'account_needs_a_sip_domain',
                  hint = 'Set companies.sip_domain first, for instance to fax.acme.example.';
    end if;
    return new;
end
$$;
comment on function account_needs_a_domain() is 'Trigger: an account is username@sip_domain.';
create trigger account_needs_a_domain before insert or update of company_id on sip_accounts
    for each row execute function account_needs_a_domain();

-- ---- DDI providers and DDIs ------------------------------------------------------------------

alter table ddi_providers
    add column transformation_id bigint,
    add constraint ddi_provider_transformation_is_of_the_same_brand
        foreign key (transformation_id, brand_id) references number_transformations (id, brand_id);
comment on column ddi_providers.transformation_id is 'How it writes numbers; null: international, with or without + or 00.';

alter table ddi_provider_addresses
    add column local_address inet,
    add column local_port integer
        constraint local_port_is_1_to_65535 check (local_port between 1 and 65535),
    add constraint local_port_needs_a_local_address check (local_port is null or local_address is not null),
    drop constraint provider_address_is_unique,
    add constraint provider_address_is_unique unique nulls not distinct (address, local_address, local_port);
comment on column ddi_provider_addresses.local_address is
    'Only for calls that reach this address of ours; null: any. The most exact row wins.';
comment on column ddi_provider_addresses.local_port is 'Only for calls that reach this port of ours; null: any.';

alter table ddis
    add column sip_account_id bigint,
    add column external_uri text
        constraint external_uri_is_a_sip_uri check (
            external_uri ~ '^sip:[A-Za-z0-9+._*-]+@([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?$'),
    add constraint ddi_sip_account_is_of_the_same_company
        foreign key (sip_account_id, company_id) references sip_accounts (id, company_id),
    add constraint ddi_has_one_target check (num_nonnulls(virtual_fax_id, sip_account_id, external_uri) <= 1);
create index ddis_by_sip_account on ddis (sip_account_id) where sip_account_id is not null;
comment on column ddis.virtual_fax_id is 'Target: a virtual fax of the same company. No target at all: calls get 404.';
comment on column ddis.sip_account_id is 'Target: a SIP account of the same company.';
comment on column ddis.external_uri is 'Target: a SIP URI elsewhere, such as sip:+34911000001@pbx.acme.example.';

create table virtual_fax_callers (
    id             bigint generated always as identity primary key,
    brand_id       bigint not null,
    company_id     bigint not null,
    virtual_fax_id bigint not null,
    prefix         text not null
                   constraint caller_prefix_is_plus_digits_or_anonymous check (prefix ~ '^(\+[0-9]{0,15}|anonymous)$'),
    action         caller_action not null,
    constraint caller_is_listed_once unique (virtual_fax_id, prefix),
    constraint caller_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint caller_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id) on delete cascade
);
comment on table virtual_fax_callers is
    'Black and white lists: the longest matching prefix decides. Any allow row makes the rest denied.';
comment on column virtual_fax_callers.virtual_fax_id is 'Whose list.';
comment on column virtual_fax_callers.prefix is 'Caller as E.164 prefix (+34600), or anonymous.';
comment on column virtual_fax_callers.action is 'allow or deny (403).';

create table virtual_fax_hours (
    id             bigint generated always as identity primary key,
    brand_id       bigint not null,
    company_id     bigint not null,
    virtual_fax_id bigint not null,
    weekday        integer not null constraint weekday_is_1_monday_to_7_sunday check (weekday between 1 and 7),
    opens          time not null,
    closes         time not null,
    constraint hours_open_before_they_close check (opens < closes),
    constraint hours_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint hours_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id) on delete cascade
);
create index virtual_fax_hours_by_fax on virtual_fax_hours (virtual_fax_id);
comment on table virtual_fax_hours is
    'Opening hours in the company''s zone; no row: always open. Outside of them calls get 480.';
comment on column virtual_fax_hours.virtual_fax_id is 'Whose hours.';
comment on column virtual_fax_hours.weekday is '1 Monday to 7 Sunday.';
comment on column virtual_fax_hours.opens is 'From this time on.';
comment on column virtual_fax_hours.closes is 'Up to, not including; 24:00 is the end of the day.';

-- ---- carriers --------------------------------------------------------------------------------

alter table carriers
    add column transformation_id bigint,
    add constraint carrier_transformation_is_of_the_same_brand
        foreign key (transformation_id, brand_id) references number_transformations (id, brand_id);
comment on column carriers.transformation_id is 'How it wants numbers; null: E.164 with +.';

alter table carrier_servers
    alter column address drop not null,
    add column host text
        constraint server_host_is_a_host_name check (host ~ '^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$'),
    add column from_domain text
        constraint from_domain_is_a_host check (from_domain ~ '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$'),
    add column asserted_identity boolean not null default true,
    add column remote_party_id boolean not null default false,
    add column auth_user text,
    add column auth_realm text,
    add column auth_ha1 text
        constraint auth_ha1_is_made_with_sip_ha1 check (auth_ha1 ~ '^[0-9a-f]{32}$'),
    add constraint server_has_an_address_or_a_host check (num_nonnulls(address, host) = 1),
    add constraint digest_needs_user_realm_and_ha1
        check (num_nonnulls(auth_user, auth_realm, auth_ha1) in (0, 3)),
    add constraint carrier_server_host_is_unique unique (carrier_id, host, port, transport),
    alter column port drop not null,
    alter column port drop default,
    add constraint an_address_needs_a_port check (address is null or port is not null),
    add constraint carrier_server_id_and_brand unique (id, brand_id);
alter table carrier_servers alter column port set default 5060;
comment on column carrier_servers.address is 'IP address; or else host.';
comment on column carrier_servers.port is 'SIP port; null with a host: by its SRV records, then 5060 (TLS: 5061).';
comment on column carrier_servers.host is
    'DNS name instead of an address; the publisher looks it up, Kamailio never does.';
comment on column carrier_servers.from_domain is 'Host of the From URI that it wants; null: our own address.';
comment on column carrier_servers.asserted_identity is 'Send the caller in P-Asserted-Identity (RFC 3325).';
comment on column carrier_servers.remote_party_id is 'Send the caller in Remote-Party-ID too.';
comment on column carrier_servers.auth_user is 'Digest user; null: no authentication.';
comment on column carrier_servers.auth_realm is 'Realm of its challenge.';
comment on column carrier_servers.auth_ha1 is 'sip_ha1(auth_user, auth_realm, password).';

create table carrier_registrations (
    id                bigint generated always as identity primary key,
    brand_id          bigint not null,
    carrier_server_id bigint not null constraint server_is_registered_at_once unique,
    username          text not null constraint registration_username_is_not_empty check (username ~ '^[^ @<>"]+$'),
    domain            text not null constraint registration_domain_is_a_host check (domain ~ '^[A-Za-z0-9.-]+$'),
    expires           integer not null default 600
                      constraint registration_expires_in_60_to_7200_s check (expires between 60 and 7200),
    enabled           boolean not null default true,
    constraint registration_is_of_the_same_brand
        foreign key (carrier_server_id, brand_id) references carrier_servers (id, brand_id) on delete cascade
);
comment on table carrier_registrations is
    'Carriers that want us registered: Kamailio registers username@domain at the server, with the server''s digest data.';
comment on column carrier_registrations.carrier_server_id is 'Where to register; has to have auth_user, auth_realm, auth_ha1.';
comment on column carrier_registrations.username is 'User of the address of record.';
comment on column carrier_registrations.domain is 'Domain of the address of record.';
comment on column carrier_registrations.expires is 'Seconds asked for.';
comment on column carrier_registrations.enabled is 'false: not registered.';

create table carrier_rates (
    id          bigint generated always as identity primary key,
    brand_id    bigint not null,
    carrier_id  bigint not null,
    prefix      text not null constraint rate_prefix_is_plus_and_digits check (prefix ~ '^\+[0-9]{1,15}$'),
    price       numeric(12, 6) not null constraint rate_price_is_not_negative check (price >= 0),
    valid_from  timestamptz not null default '-infinity',
    valid_until timestamptz,
    constraint rate_is_unique unique (carrier_id, prefix, valid_from),
    constraint rate_ends_after_it_begins check (valid_until is null or valid_until > valid_from),
    constraint rate_carrier_is_of_the_same_brand
        foreign key (carrier_id, brand_id) references carriers (id, brand_id) on delete cascade
);
comment on table carrier_rates is 'What a carrier charges, by called prefix: lcr routes go by it. The longest prefix counts.';
comment on column carrier_rates.carrier_id is 'Whose price.';
comment on column carrier_rates.prefix is 'Called numbers: + and leading digits.';
comment on column carrier_rates.price is 'For a minute, in the brand''s currency.';
comment on column carrier_rates.valid_from is 'From this moment on; of several the latest counts.';
comment on column carrier_rates.valid_until is 'Up to, not including; null: for good.';

create table failover_defaults (
    class       text primary key
                constraint failure_class_is_a_status_a_family_or_no_answer check (class ~ '^(no_answer|[3-6][0-9]{2}|[3-6]xx)$'),
    action      failover_action not null,
    retry_after integer not null default 180
                constraint retry_after_is_positive check (retry_after > 0),
    why         text not null
);
comment on table failover_defaults is
    'What a failed call leg leads to, for every carrier that has no rule of its own. An exact status counts before its family.';
comment on column failover_defaults.class is 'A SIP status (404), a family (5xx), or no_answer: silence for two seconds.';
comment on column failover_defaults.action is 'next, stop or retry_later.';
comment on column failover_defaults.retry_after is 'For retry_later: seconds for Retry-After.';
comment on column failover_defaults.why is 'The reason for the action.';
insert into failover_defaults (class, action, why) values
    ('no_answer', 'next', 'the server is away: the next server'),
    ('3xx', 'next', 'redirects of strangers are not followed: the next carrier'),
    ('4xx', 'next', 'this carrier does not take the call: the next carrier'),
    ('403', 'next', 'this carrier forbids the call, another may not: the next carrier'),
    ('404', 'next', 'this carrier does not know the number, another may: the next carrier'),
    ('408', 'next', 'the server found nobody in time: the next server'),
    ('410', 'stop', 'the number is gone'),
    ('422', 'stop', 'the caller has to raise its session interval'),
    ('480', 'stop', 'the called side was reached and is not available'),
    ('484', 'stop', 'the number is incomplete'),
    ('486', 'stop', 'the called side is busy'),
    ('487', 'stop', 'the call was cancelled'),
    ('488', 'next', 'this carrier does not take the media (T.38): the next carrier, and this one is remembered'),
    ('491', 'stop', 'two requests crossed: the caller tries again'),
    ('5xx', 'next', 'the server has failed: the next server'),
    ('6xx', 'stop', 'the called side says so for all ways to it'),
    ('606', 'next', 'this carrier does not take the media: the next carrier');

create table failover_rules (
    id          bigint generated always as identity primary key,
    brand_id    bigint not null references brands,
    carrier_id  bigint,
    class       text not null
                constraint rule_class_is_a_status_a_family_or_no_answer check (class ~ '^(no_answer|[3-6][0-9]{2}|[3-6]xx)$')
                constraint a_cancelled_call_always_stops check (class <> '487'),
    action      failover_action not null,
    retry_after integer not null default 180
                constraint rule_retry_after_is_positive check (retry_after > 0),
    constraint failover_rule_is_unique unique nulls not distinct (brand_id, carrier_id, class),
    constraint failover_rule_carrier_is_of_the_same_brand
        foreign key (carrier_id, brand_id) references carriers (id, brand_id) on delete cascade
);
comment on table failover_rules is 'A brand''s own view of failures, for one carrier or for all; wins over failover_defaults.';
comment on column failover_rules.carrier_id is 'Only for this carrier; null: for all of the brand.';
comment on column failover_rules.class is 'A SIP status (404), a family (5xx), or no_answer.';
comment on column failover_rules.action is 'next, stop or retry_later.';
comment on column failover_rules.retry_after is 'For retry_later: seconds for Retry-After.';

-- ---- routes ----------------------------------------------------------------------------------

create table routing_tags (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands,
    name     text not null,
    tag      text not null constraint tag_is_1_to_4_digits_and_hash check (tag ~ '^[0-9]{1,4}#$'),
    constraint tag_name_is_unique_in_its_brand unique (brand_id, name),
    constraint tag_is_unique_in_its_brand unique (brand_id, tag),
    unique (id, brand_id)
);
comment on table routing_tags is 'Dialled before a number (12#), a tag chooses the routes that bear it.';
comment on column routing_tags.tag is 'One to four digits and #.';

create table company_routing_tags (
    brand_id       bigint not null,
    company_id     bigint not null,
    routing_tag_id bigint not null,
    primary key (company_id, routing_tag_id),
    constraint company_tag_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade,
    constraint company_tag_is_of_the_same_brand
        foreign key (routing_tag_id, brand_id) references routing_tags (id, brand_id) on delete cascade
);
comment on table company_routing_tags is 'Which tags a company may dial.';
comment on column company_routing_tags.routing_tag_id is 'The tag.';

alter table outgoing_routes
    drop constraint lcr_needs_rate_tables_which_are_not_there_yet,
    add column add_prefix text not null default ''
        constraint add_prefix_is_digits_star_hash check (add_prefix ~ '^[0-9*#]{0,20}$'),
    add column caller_id e164,
    add column routing_tag_id bigint,
    add constraint route_tag_is_of_the_same_brand
        foreign key (routing_tag_id, brand_id) references routing_tags (id, brand_id),
    add constraint route_id_and_brand unique (id, brand_id);
comment on column outgoing_routes.mode is
    'static: the carrier; lcr: the carriers of outgoing_route_carriers, cheapest first; block: refuse with 403.';
comment on column outgoing_routes.carrier_id is 'static: who takes the call; null for lcr and block.';
comment on column outgoing_routes.add_prefix is 'Put in front of the number that the carrier gets.';
comment on column outgoing_routes.caller_id is 'Every call by this route shows this caller; null: its own.';
comment on column outgoing_routes.routing_tag_id is 'Only for calls dialled with this tag; null: only for calls without one.';

create table outgoing_route_carriers (
    brand_id   bigint not null,
    route_id   bigint not null,
    carrier_id bigint not null,
    primary key (route_id, carrier_id),
    constraint route_carrier_route_is_of_the_same_brand
        foreign key (route_id, brand_id) references outgoing_routes (id, brand_id) on delete cascade,
    constraint lcr_carrier_is_of_the_same_brand
        foreign key (carrier_id, brand_id) references carriers (id, brand_id) on delete cascade
);
comment on table outgoing_route_carriers is 'The carriers among which an lcr route chooses by price.';
comment on column outgoing_route_carriers.route_id is 'The lcr route.';
comment on column outgoing_route_carriers.carrier_id is 'A carrier with rates.';

-- ---- indexes that the routing views need -----------------------------------------------------

create index carrier_rates_by_entry on carrier_rates ((carrier_id::text || ':' || prefix));
create index outgoing_routes_by_pattern on outgoing_routes (pattern_id);
create index outgoing_routes_by_group on outgoing_routes (group_id);
create index outgoing_routes_by_owner on outgoing_routes (brand_id, company_id);

-- ---- the log of changes ----------------------------------------------------------------------

create table routing_changes (
    txid       xid8 not null default pg_current_xact_id(),
    kind       text not null,
    ids        text[] not null,
    changed_at timestamptz not null default now()
);
create index routing_changes_by_txid on routing_changes (txid);
create index routing_changes_by_age on routing_changes (changed_at);
comment on table routing_changes is
    'What the publishers of the Kamailio hosts have to read again; written by triggers, kept for an hour.';
comment on column routing_changes.txid is 'The transaction that made the change.';
comment on column routing_changes.kind is 'A view routing_KIND; * is everything.';
comment on column routing_changes.ids is 'Values of its column id.';
comment on column routing_changes.changed_at is 'When.';

do $$
declare
    t text;
begin
    foreach t in array array[
        'number_transformations', 'number_transformation_rules', 'sip_accounts', 'virtual_fax_callers',
        'virtual_fax_hours', 'carrier_registrations', 'carrier_rates', 'failover_defaults', 'failover_rules',
        'routing_tags', 'company_routing_tags', 'outgoing_route_carriers', 'routing_changes', 'countries']
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end
$$;

-- The views of 0001's time had other columns; views/ makes them anew.
drop view if exists routing_ddis, routing_providers, routing_bridges, routing_companies, routing_carriers,
    routing_routes;
