-- The tables: configuration (brands to routes), the queue (faxes, attempts), documents.
--
-- Every tenant table carries brand_id, and company_id where it belongs to a company; row-level
-- security is enabled and forced at the end of this file. Foreign keys carry the tenant along, so
-- that a row of one tenant cannot point at a row of another.

create domain e164 as text
    constraint e164_is_plus_and_7_to_15_digits check (value ~ '^\+[1-9][0-9]{6,14}$');
comment on domain e164 is 'A telephone number as E.164: +, country code, number; 7 to 15 digits.';

create type route_type as enum ('pattern', 'group', 'fax');
create type route_mode as enum ('static', 'lcr', 'block');
create type sip_transport as enum ('udp', 'tcp', 'tls');
create type fax_direction as enum ('in', 'out');
create type fax_status as enum ('pending', 'inprogress', 'completed', 'error');
create type document_kind as enum ('original', 'tiff', 'pdf');
comment on type route_type is 'pattern: by called prefix; group: by several prefixes; fax: faxes only, tried first.';
comment on type route_mode is 'static: one carrier; lcr: cheapest carrier first; block: refuse the call (403).';
comment on type document_kind is
    'original: as uploaded; tiff: TIFF-F as it was sent or received; pdf: what the user downloads.';

-- ---- tenants ---------------------------------------------------------------------------------

create table brands (
    id          bigint generated always as identity primary key,
    name        text not null constraint brand_name_is_unique unique
                constraint brand_name_is_not_empty check (name <> ''),
    created_at  timestamptz not null default now()
);
comment on table brands is 'A brand sells virtual faxes to companies; brand operators administer one brand.';
comment on column brands.name is 'Name of the brand, unique in the platform.';
comment on column brands.created_at is 'When the brand was made.';

create table companies (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null references brands,
    name            text not null constraint company_name_is_not_empty check (name <> ''),
    country         text not null default 'ES'
                    constraint country_is_iso_3166_alpha_2 check (country ~ '^[A-Z]{2}$'),
    time_zone       text not null default 'UTC',
    paper           text not null default 'a4' constraint paper_is_a4_or_letter check (paper in ('a4', 'letter')),
    outgoing_ddi_id bigint,
    created_at      timestamptz not null default now(),
    constraint company_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table companies is 'A customer of a brand. Owns virtual faxes, DDIs, users and faxes.';
comment on column companies.country is 'ISO 3166 alpha-2; numbers without + are read as national numbers of it.';
comment on column companies.time_zone is 'IANA zone of the company, for header lines and time windows.';
comment on column companies.paper is 'Page size of outgoing faxes: a4 or letter.';
comment on column companies.outgoing_ddi_id is 'Caller id of virtual faxes that name none of their own. Has to be a DDI of this company.';

create table users (
    id            bigint generated always as identity primary key,
    brand_id      bigint not null,
    company_id    bigint,
    email         text not null constraint user_email_is_unique unique,
    name          text not null default '',
    role          text not null
                  constraint role_is_known check (role in ('platform', 'brand', 'company', 'user')),
    password_hash text,
    language      text not null default 'en',
    created_at    timestamptz not null default now(),
    foreign key (brand_id) references brands,
    constraint user_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint company_users_have_a_company check (role in ('platform', 'brand') or company_id is not null)
);
comment on table users is 'People who log in to the portal.';
comment on column users.role is 'platform, brand, company (its administrator) or user.';
comment on column users.password_hash is 'argon2; null: cannot log in yet.';

-- ---- numbers ---------------------------------------------------------------------------------

create table virtual_faxes (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null,
    company_id      bigint not null,
    name            text not null
                    constraint virtual_fax_name_has_no_slash check (name <> '' and name !~ '/'),
    email           text[] not null default '{}',
    send_by_email   boolean not null default false,
    outgoing_ddi_id bigint,
    station_id      text constraint station_id_is_20_printable_characters check (station_id ~ '^[ -~]{0,20}$'),
    header_line     text constraint header_line_is_50_characters check (length(header_line) <= 50),
    ecm             boolean not null default true,
    max_bit_rate    integer not null default 14400
                    constraint bit_rate_is_one_of_t30
                    check (max_bit_rate in (2400, 4800, 7200, 9600, 12000, 14400)),
    created_at      timestamptz not null default now(),
    constraint virtual_fax_name_is_unique_in_its_company unique (company_id, name),
    constraint virtual_fax_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint email_is_needed_to_send_by_email check (not send_by_email or cardinality(email) > 0),
    unique (id, company_id)
);
comment on table virtual_faxes is 'A fax machine without the machine: receives to PDF and email, sends PDF.';
comment on column virtual_faxes.name is 'Unique in the company; used as company/name on the command line.';
comment on column virtual_faxes.email is 'Who gets received faxes.';
comment on column virtual_faxes.send_by_email is 'Mail received faxes as PDF to email.';
comment on column virtual_faxes.outgoing_ddi_id is 'Caller id of its faxes; null: the company''s outgoing DDI.';
comment on column virtual_faxes.station_id is 'TSI and CSI (T.30), 20 characters; null: the outgoing DDI''s digits.';
comment on column virtual_faxes.header_line is 'Text of the header line on sent pages; null: no header line.';
comment on column virtual_faxes.ecm is 'Error correction mode of T.30. Leave on, unless a peer needs it off.';
comment on column virtual_faxes.max_bit_rate is 'Fastest modem rate to offer, bit/s.';

create table ddi_providers (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null references brands,
    name       text not null,
    enabled    boolean not null default true,
    created_at timestamptz not null default now(),
    constraint ddi_provider_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table ddi_providers is 'An inbound peer, known by its source addresses.';

create table ddi_provider_addresses (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null,
    ddi_provider_id bigint not null,
    address         inet not null
                    constraint provider_address_is_one_host check (masklen(address) = case family(address) when 4 then 32 else 128 end),
    constraint provider_address_is_unique unique (address),
    constraint provider_address_is_of_the_same_brand
        foreign key (ddi_provider_id, brand_id) references ddi_providers (id, brand_id) on delete cascade
);
comment on table ddi_provider_addresses is 'Source addresses of DDI providers; calls from any other are refused (403).';
comment on column ddi_provider_addresses.address is 'One host, IPv4 or IPv6; any source port.';

create table ddis (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null,
    company_id      bigint not null,
    number          e164 not null constraint ddi_number_is_unique unique,
    ddi_provider_id bigint,
    virtual_fax_id  bigint,
    created_at      timestamptz not null default now(),
    constraint ddi_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint ddi_provider_is_of_the_same_brand
        foreign key (ddi_provider_id, brand_id) references ddi_providers (id, brand_id),
    constraint ddi_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id),
    unique (id, company_id)
);
comment on table ddis is 'Our numbers, each of one company, each pointing at a target.';
comment on column ddis.number is 'E.164 with +, unique in the platform.';
comment on column ddis.ddi_provider_id is 'The provider that delivers it; null: any provider of the brand.';
comment on column ddis.virtual_fax_id is 'Target: a virtual fax of the same company; null: calls get 404.';

alter table companies add constraint company_outgoing_ddi_is_of_the_same_company
    foreign key (outgoing_ddi_id, id) references ddis (id, company_id);
alter table virtual_faxes add constraint virtual_fax_outgoing_ddi_is_of_the_same_company
    foreign key (outgoing_ddi_id, company_id) references ddis (id, company_id);

-- ---- carriers and routes ---------------------------------------------------------------------

create table carriers (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null references brands,
    name       text not null,
    enabled    boolean not null default true,
    created_at timestamptz not null default now(),
    constraint carrier_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table carriers is 'An outbound peer; its servers take the calls.';
comment on column carriers.enabled is 'false: no route uses it.';

create table carrier_servers (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null,
    carrier_id bigint not null,
    address    inet not null,
    port       integer not null default 5060
               constraint port_is_1_to_65535 check (port between 1 and 65535),
    transport  sip_transport not null default 'udp',
    priority   integer not null default 0
               constraint server_priority_is_0_to_254 check (priority between 0 and 254),
    enabled    boolean not null default true,
    constraint carrier_server_is_unique unique (carrier_id, address, port, transport),
    constraint carrier_server_is_of_the_same_brand
        foreign key (carrier_id, brand_id) references carriers (id, brand_id) on delete cascade
);
comment on table carrier_servers is 'SIP servers of a carrier, watched by OPTIONS; an inactive one is passed over.';
comment on column carrier_servers.priority is 'Lower is tried first.';

create table routing_patterns (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands,
    name     text not null,
    prefix   text not null constraint prefix_is_plus_and_digits check (prefix ~ '^\+[0-9]{0,15}$'),
    constraint pattern_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table routing_patterns is 'Called numbers by prefix, as E.164: +34 is Spain, + is every number.';

create table routing_pattern_groups (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands,
    name     text not null,
    constraint pattern_group_name_is_unique_in_its_brand unique (brand_id, name),
    unique (id, brand_id)
);
comment on table routing_pattern_groups is 'Several patterns under one name, such as "Europe".';

create table routing_pattern_group_members (
    brand_id   bigint not null,
    group_id   bigint not null,
    pattern_id bigint not null,
    primary key (group_id, pattern_id),
    constraint group_member_group_is_of_the_same_brand
        foreign key (group_id, brand_id) references routing_pattern_groups (id, brand_id) on delete cascade,
    constraint group_member_pattern_is_of_the_same_brand
        foreign key (pattern_id, brand_id) references routing_patterns (id, brand_id) on delete cascade
);
comment on table routing_pattern_group_members is 'Which patterns belong to a group.';

create table outgoing_routes (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null references brands,
    company_id bigint,
    type       route_type not null,
    mode       route_mode not null default 'static',
    priority   integer not null default 100
               constraint route_priority_is_0_to_254 check (priority between 0 and 254),
    weight     integer not null default 1
               constraint route_weight_is_1_to_20 check (weight between 1 and 20),
    stopper    boolean not null default false,
    carrier_id bigint,
    pattern_id bigint,
    group_id   bigint,
    constraint route_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint route_carrier_is_of_the_same_brand
        foreign key (carrier_id, brand_id) references carriers (id, brand_id),
    constraint route_pattern_is_of_the_same_brand
        foreign key (pattern_id, brand_id) references routing_patterns (id, brand_id),
    constraint route_group_is_of_the_same_brand
        foreign key (group_id, brand_id) references routing_pattern_groups (id, brand_id),
    constraint static_route_has_a_carrier_block_route_has_none check (
        (mode = 'static' and carrier_id is not null) or (mode <> 'static' and carrier_id is null)),
    constraint lcr_needs_rate_tables_which_are_not_there_yet check (mode <> 'lcr'),
    constraint pattern_route_has_a_pattern check ((type = 'pattern') = (pattern_id is not null)),
    constraint group_route_has_a_group check ((type = 'group') = (group_id is not null))
);
comment on table outgoing_routes is 'How calls leave: which carrier takes which numbers, in which order.';
comment on column outgoing_routes.company_id is 'Only for this company; null: for all companies of the brand.';
comment on column outgoing_routes.type is 'pattern or group: calls by prefix; fax: faxes to any number, before the others.';
comment on column outgoing_routes.mode is 'static: the carrier; block: refuse with 403. lcr comes with rate tables.';
comment on column outgoing_routes.priority is '0 to 254, lower is tried first.';
comment on column outgoing_routes.weight is '1 to 20: share among routes of the same priority.';
comment on column outgoing_routes.stopper is 'Routes of a higher priority number than this one are not tried.';

create table bridges (
    id          bigint generated always as identity primary key,
    name        text not null constraint bridge_name_is_unique unique,
    sip_address inet not null,
    sip_port    integer not null constraint bridge_port_is_1_to_65535 check (sip_port between 1 and 65535),
    receives    boolean not null default true,
    enabled     boolean not null default true,
    last_seen   timestamptz not null default now(),
    constraint bridge_address_is_unique unique (sip_address, sip_port)
);
comment on table bridges is 'Fax bridge nodes; each writes its own row when it starts.';
comment on column bridges.receives is 'true: takes inbound calls; false: only sends (an outbound worker).';
comment on column bridges.enabled is 'false: gets no new calls.';
comment on column bridges.last_seen is 'When the node started.';

-- ---- faxes -----------------------------------------------------------------------------------

create table faxes (
    id                bigint generated always as identity,
    brand_id          bigint not null,
    company_id        bigint not null,
    virtual_fax_id    bigint not null,
    direction         fax_direction not null,
    status            fax_status not null default 'pending',
    reason            text,
    explanation       text,
    local_number      e164 not null,
    remote_number     text not null,
    remote_station_id text not null default '',
    pages             integer constraint pages_are_positive check (pages > 0),
    pages_confirmed   integer not null default 0
                      constraint pages_confirmed_are_not_negative check (pages_confirmed >= 0),
    spool_key         text constraint a_received_call_is_stored_once unique,
    claimed_by        text,
    claimed_until     timestamptz,
    mailed_at         timestamptz,
    created_at        timestamptz not null default now(),
    started_at        timestamptz,
    finished_at       timestamptz,
    primary key (company_id, id),
    constraint fax_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint fax_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id),
    constraint error_has_a_reason check (status <> 'error' or (reason is not null and explanation is not null)),
    constraint completed_means_every_page_was_confirmed
        check (status <> 'completed' or (pages is not null and pages_confirmed = pages)),
    constraint claimed_while_inprogress
        check ((status = 'inprogress' and direction = 'out') = (claimed_by is not null))
);
create index faxes_by_id on faxes (id);                 -- vfax fax show ID
create index faxes_by_company on faxes (company_id, created_at desc);  -- lists
-- claim_fax(): the queue's head, oldest first.
create index faxes_pending on faxes (created_at) where status = 'pending' and direction = 'out';
-- expire_claims(): what a dead worker left behind.
create index faxes_claimed on faxes (claimed_until) where status = 'inprogress';
-- The mailer's queue.
create index faxes_unmailed on faxes (finished_at) where direction = 'in' and mailed_at is null;
comment on table faxes is 'One document in one direction.';
comment on column faxes.status is 'pending, inprogress, completed (every page confirmed) or error (see reason).';
comment on column faxes.reason is 'Stable word for programs, such as user_busy; null while it is not over.';
comment on column faxes.explanation is 'What happened and what to do, in one sentence.';
comment on column faxes.local_number is 'Our DDI.';
comment on column faxes.remote_number is 'The other side''s number, as called or as presented.';
comment on column faxes.remote_station_id is 'What the far machine calls itself (CSI or TSI).';
comment on column faxes.pages is 'Pages of the document; null until it was rendered.';
comment on column faxes.pages_confirmed is 'out: pages that the receiver confirmed; in: pages that we confirmed and kept.';
comment on column faxes.spool_key is 'in: the call in the bridge''s spool that it came from.';
comment on column faxes.claimed_by is 'The worker that has it in hand.';
comment on column faxes.mailed_at is 'in: when the mail server took it.';

create table attempts (
    id                bigint generated always as identity,
    brand_id          bigint not null,
    company_id        bigint not null,
    fax_id            bigint not null,
    number            integer not null,
    bridge            text not null,
    started_at        timestamptz not null default now(),
    finished_at       timestamptz,
    sip_call_id       text,
    sip_status        integer,
    sip_reason        text,
    t30_code          integer,
    t30_text          text,
    reason            text,
    explanation       text,
    pages_confirmed   integer not null default 0,
    bit_rate          integer,
    ecm               boolean,
    encoding          text,
    remote_station_id text not null default '',
    hung_up_by        text,
    route             jsonb,
    stats             jsonb,
    trace             text[],
    primary key (company_id, id),
    constraint attempt_number_is_unique_in_its_fax unique (company_id, fax_id, number),
    foreign key (company_id, fax_id) references faxes (company_id, id) on delete cascade
);
comment on table attempts is 'One SIP call made for an outbound fax, or the one that brought an inbound fax.';
comment on column attempts.number is 'First attempt: 1.';
comment on column attempts.sip_status is 'Final SIP status of the INVITE.';
comment on column attempts.t30_code is 'SpanDSP''s completion code; 0 alone is no proof of success.';
comment on column attempts.route is 'Route, carrier and server that took the call.';
comment on column attempts.stats is 'Figures of the T.38 session: packets, retries, bad rows.';
comment on column attempts.trace is 'T.30 messages with their times: > sent, < received, ! remarks.';

create table pages (
    brand_id   bigint not null,
    company_id bigint not null,
    fax_id     bigint not null,
    page       integer not null constraint page_counts_from_1 check (page > 0),
    width      integer not null,
    length     integer not null,
    line_bytes integer,
    bad_rows   integer,
    confirmed  timestamptz,
    primary key (company_id, fax_id, page),
    foreign key (company_id, fax_id) references faxes (company_id, id) on delete cascade
);
comment on table pages is 'Each page of a fax, and when it was confirmed.';
comment on column pages.width is 'Pixels in a row.';
comment on column pages.length is 'Rows.';
comment on column pages.line_bytes is 'Octets that it took on the line.';
comment on column pages.confirmed is 'When MCF came (out) or was allowed to leave (in); null: not confirmed.';

create table documents (
    brand_id   bigint not null,
    company_id bigint not null,
    fax_id     bigint not null,
    kind       document_kind not null,
    sha256     bytea not null constraint sha256_is_32_octets check (length(sha256) = 32),
    size       bigint not null,
    page_count integer,
    data       bytea not null constraint data_has_its_size check (length(data) = size),
    created_at timestamptz not null default now(),
    primary key (company_id, fax_id, kind, created_at)
) partition by range (created_at);
create table documents_other partition of documents default;
comment on table documents is 'Documents of faxes, partitioned by month: retention drops partitions.';
comment on column documents.sha256 is 'Digest of data.';
comment on column documents.size is 'Octets of data.';

-- ---- the remaining columns --------------------------------------------------------------------

comment on column users.email is 'Log-in name, unique in the platform.';
comment on column users.language is 'ISO 639 code of the portal''s language.';
comment on column ddi_providers.enabled is 'false: calls from its addresses are refused.';
comment on column ddi_provider_addresses.ddi_provider_id is 'The provider that sends from the address.';
comment on column carrier_servers.carrier_id is 'The carrier that the server belongs to.';
comment on column carrier_servers.address is 'IP address; names come with DNS support.';
comment on column carrier_servers.port is 'SIP port.';
comment on column carrier_servers.transport is 'udp, tcp or tls.';
comment on column carrier_servers.enabled is 'false: not used.';
comment on column routing_patterns.prefix is '+ and leading digits.';
comment on column routing_pattern_group_members.group_id is 'The group.';
comment on column routing_pattern_group_members.pattern_id is 'A pattern of it.';
comment on column outgoing_routes.carrier_id is 'Who takes the call; null for a block.';
comment on column outgoing_routes.pattern_id is 'For type pattern: which numbers.';
comment on column outgoing_routes.group_id is 'For type group: which numbers.';
comment on column bridges.sip_address is 'Address of its SIP user agent.';
comment on column bridges.sip_port is 'Port of its SIP user agent.';
comment on column faxes.virtual_fax_id is 'The virtual fax that sends or receives.';
comment on column faxes.direction is 'in or out.';
comment on column faxes.claimed_until is 'End of the worker''s lease; a worker that lives renews it.';
comment on column faxes.started_at is 'When a worker took it, or the call came.';
comment on column faxes.finished_at is 'When it was over.';
comment on column attempts.bridge is 'The node that made or took the call.';
comment on column attempts.started_at is 'Before the INVITE.';
comment on column attempts.finished_at is 'After the call.';
comment on column attempts.sip_call_id is 'Call-ID at the bridge.';
comment on column attempts.sip_reason is 'Reason phrase of that status.';
comment on column attempts.t30_text is 'SpanDSP''s words for the code.';
comment on column attempts.reason is 'Stable word, as in faxes.';
comment on column attempts.explanation is 'What happened and what to do.';
comment on column attempts.pages_confirmed is 'Pages confirmed in this attempt.';
comment on column attempts.bit_rate is 'Modem rate of the last page, bit/s.';
comment on column attempts.ecm is 'Whether error correction mode was used.';
comment on column attempts.encoding is 'Compression on the line: T.4 1-D, T.4 2-D or T.6.';
comment on column attempts.remote_station_id is 'CSI or TSI of the far machine.';
comment on column attempts.hung_up_by is 'us or peer.';
comment on column pages.page is 'From 1.';
comment on column pages.bad_rows is 'Rows that came damaged (without ECM).';
comment on column documents.kind is 'original, tiff or pdf.';
comment on column documents.page_count is 'Pages; null where it was not counted.';
comment on column documents.data is 'The document itself.';

-- ---- row-level security ----------------------------------------------------------------------
-- Enabled and forced on every table that belongs to a tenant. The policies stand in policies/.

do $$
declare
    t text;
begin
    foreach t in array array[
        'brands', 'companies', 'users', 'virtual_faxes', 'ddi_providers', 'ddi_provider_addresses',
        'ddis', 'carriers', 'carrier_servers', 'routing_patterns', 'routing_pattern_groups',
        'routing_pattern_group_members', 'outgoing_routes', 'bridges', 'faxes', 'attempts', 'pages',
        'documents', 'documents_other']
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end
$$;
