-- The tables as all migrations make them. Generated: change a migration, then run `make schema`.

CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

COMMENT ON EXTENSION btree_gin IS 'support for indexing common datatypes in GIN';

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE TYPE bridge_choice AS ENUM (
    'round_robin',
    'least_loaded'
);

CREATE TYPE caller_action AS ENUM (
    'allow',
    'deny'
);

CREATE TYPE delivery_channel AS ENUM (
    'mail',
    'webhook'
);

CREATE TYPE delivery_state AS ENUM (
    'pending',
    'done',
    'failed'
);

CREATE TYPE document_kind AS ENUM (
    'original',
    'tiff',
    'pdf',
    'cover',
    'thumbnail'
);

COMMENT ON TYPE document_kind IS 'original: as uploaded; tiff: TIFF-F as it was sent or received; pdf: what the user downloads; thumbnail: PNG of the first page; cover: TIFF-F of a cover page of its own.';

CREATE DOMAIN e164 AS text
	CONSTRAINT e164_is_plus_and_7_to_15_digits CHECK ((VALUE ~ '^\+[1-9][0-9]{6,14}$'::text));

COMMENT ON DOMAIN e164 IS 'A telephone number as E.164: +, country code, number; 7 to 15 digits.';

CREATE TYPE failover_action AS ENUM (
    'next',
    'stop',
    'retry_later'
);

COMMENT ON TYPE failover_action IS 'next: try the next server or carrier; stop: the answer stands; retry_later: it stands, with Retry-After.';

CREATE TYPE fax_direction AS ENUM (
    'in',
    'out'
);

CREATE TYPE fax_status AS ENUM (
    'pending',
    'inprogress',
    'completed',
    'error'
);

CREATE TYPE number_direction AS ENUM (
    'callee_in',
    'caller_in',
    'callee_out',
    'caller_out'
);

CREATE DOMAIN outcome_reason AS text
	CONSTRAINT outcome_reason_is_known CHECK ((VALUE = ANY (ARRAY['completed'::text, 'cancelled'::text, 'user_busy'::text, 'receiver_no_answer'::text, 'receiver_unallocated_number'::text, 'call_forbidden'::text, 'call_rejected'::text, 'call_failed'::text, 'carrier_failed'::text, 't38_refused'::text, 'no_fax_began'::text, 'answered_by_person'::text, 'no_fax_answered'::text, 'receiver_incompatible'::text, 'receiver_resolution'::text, 'receiver_page_size'::text, 'receiver_busy'::text, 'receiver_call_dropped'::text, 'sender_call_dropped'::text, 'cannot_train'::text, 'line_quality'::text, 'protocol_error'::text, 'page_refused'::text, 'operator_interrupt'::text, 'call_time_limit'::text, 'too_large'::text, 'storage_failed'::text, 'engine_lost'::text, 'engine_failed'::text, 'bridge_lost'::text, 'worker_lost'::text, 'worker_stopped'::text, 'out_of_memory'::text, 'internal_error'::text, 'document_missing'::text, 'document_unusable'::text, 'document_empty'::text, 'document_without_pages'::text, 'document_too_large'::text, 'document_encrypted'::text, 'document_not_fetched'::text, 'page_count_limit_exceeded'::text, 'file_format_invalid'::text, 'office_not_installed'::text, 'conversion_timeout'::text, 'conversion_failed'::text, 'cover_page_invalid'::text, 'delivered'::text, 'delivery_failed'::text, 'recipients_missing'::text, 'recipients_refused'::text, 'mail_refused'::text, 'mail_server_not_set'::text, 'virtual_fax_deleted'::text, 'webhook_deleted'::text, 'webhook_failed'::text, 'webhook_gone'::text, 'host_unreachable'::text, 'host_forbidden'::text])));

COMMENT ON DOMAIN outcome_reason IS 'Why a fax, an attempt or a delivery ended as it did; the list and the keys of each detail are spandsp_bridge/reasons.py.';

CREATE TYPE queued_fax AS (
	company_id bigint,
	brand_id bigint,
	status fax_status,
	prepared boolean,
	send_at timestamp with time zone
);

COMMENT ON TYPE queued_fax IS 'What fax_queues counts of a fax.';

CREATE TYPE retry_action AS ENUM (
    'retry',
    'stop'
);

COMMENT ON TYPE retry_action IS 'retry: another attempt later; stop: the fax ends in error.';

CREATE DOMAIN retry_steps AS text[]
	CONSTRAINT retry_steps_are_known CHECK ((VALUE <@ ARRAY[''::text, 'ecm_off'::text, 'v17_off'::text, 'audio'::text, 'other_carrier'::text, 'coarser'::text, 'same'::text]));

COMMENT ON DOMAIN retry_steps IS 'What the next attempts change, one after the other: ecm_off; v17_off (9600 bit/s at most); audio (G.711 instead of T.38); other_carrier (the ones that failed come last); coarser (a lower resolution); same.';

CREATE TYPE route_mode AS ENUM (
    'static',
    'lcr',
    'block'
);

COMMENT ON TYPE route_mode IS 'static: one carrier; lcr: cheapest carrier first; block: refuse the call (403).';

CREATE TYPE route_type AS ENUM (
    'pattern',
    'group',
    'fax'
);

COMMENT ON TYPE route_type IS 'pattern: by called prefix; group: by several prefixes; fax: faxes only, tried first.';

CREATE TYPE sip_transport AS ENUM (
    'udp',
    'tcp',
    'tls'
);

CREATE FUNCTION account_needs_a_domain() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (select sip_domain is null from companies where id = new.company_id) then
        raise exception 'company % has no SIP domain', new.company_id
            using errcode = 'check_violation', constraint = 'account_needs_a_sip_domain',
                  hint = 'Set companies.sip_domain first, for instance to fax.acme.example.';
    end if;
    return new;
end
$$;

COMMENT ON FUNCTION account_needs_a_domain() IS 'Trigger: an account is username@sip_domain.';

CREATE FUNCTION is_time_zone(name text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
begin
    perform timestamptz 'epoch' at time zone name;
    return name ~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$';
exception when invalid_parameter_value then
    return false;
end
$_$;

COMMENT ON FUNCTION is_time_zone(name text) IS 'Whether PostgreSQL knows a zone by this IANA name.';

CREATE FUNCTION keep_sip_domain() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON FUNCTION keep_sip_domain() IS 'Trigger: HA1 contains the domain, so it may not change under accounts.';

CREATE FUNCTION sip_ha1(username text, domain text, password text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    AS $$
    select md5(username || ':' || domain || ':' || password)
$$;

COMMENT ON FUNCTION sip_ha1(username text, domain text, password text) IS 'HA1 of a SIP account (RFC 2617 3.2.2.2); for a carrier the domain is the realm of its challenge.';

CREATE TABLE api_keys (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint,
    name text NOT NULL,
    secret bytea NOT NULL,
    shown text NOT NULL,
    scopes text[] DEFAULT '{faxes:read,faxes:write}'::text[] NOT NULL,
    test boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT key_digest_is_32_octets CHECK ((length(secret) = 32)),
    CONSTRAINT key_name_is_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT key_scopes_are_known CHECK ((scopes <@ ARRAY['faxes:read'::text, 'faxes:write'::text, 'config:read'::text, 'config:write'::text]))
);

ALTER TABLE ONLY api_keys FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE api_keys IS 'Keys of programs that use the API.';

COMMENT ON COLUMN api_keys.company_id IS 'The company that the key acts for; null: a brand operator''s key.';

COMMENT ON COLUMN api_keys.secret IS 'SHA-256 of the key; the key itself is shown once, when it is made.';

COMMENT ON COLUMN api_keys.shown IS 'The first characters of the key, to tell it by.';

COMMENT ON COLUMN api_keys.scopes IS 'faxes:read, faxes:write, config:read, config:write.';

COMMENT ON COLUMN api_keys.test IS 'true: its faxes call a peer of ours that has every fault, and nobody else.';

COMMENT ON COLUMN api_keys.last_used_at IS 'Last request, to the minute.';

COMMENT ON COLUMN api_keys.revoked_at IS 'After this the key opens nothing.';

ALTER TABLE api_keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE attempts (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    fax_id bigint NOT NULL,
    number integer NOT NULL,
    bridge text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    sip_call_id text,
    sip_status integer,
    sip_reason text,
    t30_code integer,
    t30_text text,
    reason outcome_reason,
    pages_confirmed integer DEFAULT 0 NOT NULL,
    bit_rate integer,
    ecm boolean,
    encoding text,
    remote_station_id text DEFAULT ''::text NOT NULL,
    hung_up_by text,
    route jsonb,
    stats jsonb,
    trace text[],
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY attempts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE attempts IS 'One SIP call made for an outbound fax, or the one that brought an inbound fax.';

COMMENT ON COLUMN attempts.number IS 'First attempt: 1.';

COMMENT ON COLUMN attempts.bridge IS 'The node that made or took the call.';

COMMENT ON COLUMN attempts.started_at IS 'Before the INVITE.';

COMMENT ON COLUMN attempts.finished_at IS 'After the call.';

COMMENT ON COLUMN attempts.sip_call_id IS 'Call-ID at the bridge.';

COMMENT ON COLUMN attempts.sip_status IS 'Final SIP status of the INVITE.';

COMMENT ON COLUMN attempts.sip_reason IS 'Reason phrase of that status.';

COMMENT ON COLUMN attempts.t30_code IS 'SpanDSP''s completion code; 0 alone is no proof of success.';

COMMENT ON COLUMN attempts.t30_text IS 'SpanDSP''s words for the code.';

COMMENT ON COLUMN attempts.reason IS 'Why it ended; null while it lasts.';

COMMENT ON COLUMN attempts.pages_confirmed IS 'Pages confirmed in this attempt.';

COMMENT ON COLUMN attempts.bit_rate IS 'Modem rate of the last page, bit/s.';

COMMENT ON COLUMN attempts.ecm IS 'Whether error correction mode was used.';

COMMENT ON COLUMN attempts.encoding IS 'Compression on the line: T.4 1-D, T.4 2-D or T.6.';

COMMENT ON COLUMN attempts.remote_station_id IS 'CSI or TSI of the far machine.';

COMMENT ON COLUMN attempts.hung_up_by IS 'us or peer.';

COMMENT ON COLUMN attempts.route IS 'Route, carrier and server that took the call.';

COMMENT ON COLUMN attempts.stats IS 'Figures of the T.38 session: packets, retries, bad rows.';

COMMENT ON COLUMN attempts.trace IS 'T.30 messages with their times: > sent, < received, ! remarks.';

COMMENT ON COLUMN attempts.detail IS 'Facts of the outcome, as in faxes.detail.';

ALTER TABLE attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE audit_log (
    id bigint NOT NULL,
    brand_id bigint,
    company_id bigint,
    at timestamp with time zone DEFAULT now() NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    fax_id bigint,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_company_has_its_brand CHECK (((company_id IS NULL) OR (brand_id IS NOT NULL))),
    CONSTRAINT audit_fax_has_its_company CHECK (((fax_id IS NULL) OR (company_id IS NOT NULL)))
);

ALTER TABLE ONLY audit_log FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE audit_log IS 'Who saw and deleted what; nobody changes it.';

COMMENT ON COLUMN audit_log.at IS 'When.';

COMMENT ON COLUMN audit_log.who IS 'The user, or the service.';

COMMENT ON COLUMN audit_log.action IS 'document_read, document_deleted, fax_cancelled, fax_resent, fax_deleted.';

COMMENT ON COLUMN audit_log.fax_id IS 'Of which fax.';

COMMENT ON COLUMN audit_log.detail IS 'Facts: {"document": "pdf"}, {"recipients": [...]}, {"new_fax": 7} or {"days": 30}.';

ALTER TABLE audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE brand_countries (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    country text NOT NULL
);

ALTER TABLE ONLY brand_countries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE brand_countries IS 'The countries that a brand''s faxes may be sent to; a brand without any sends everywhere.';

COMMENT ON COLUMN brand_countries.country IS 'ISO 3166 alpha-2, such as ES.';

ALTER TABLE brand_countries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE brands (
    id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    max_calls integer,
    fall_back_after_failure boolean DEFAULT false NOT NULL,
    CONSTRAINT brand_max_calls_is_positive CHECK ((max_calls > 0)),
    CONSTRAINT brand_name_is_not_empty CHECK ((name <> ''::text))
);

ALTER TABLE ONLY brands FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE brands IS 'A brand sells virtual faxes to companies; brand operators administer one brand.';

COMMENT ON COLUMN brands.name IS 'Name of the brand, unique in the platform.';

COMMENT ON COLUMN brands.created_at IS 'When the brand was made.';

COMMENT ON COLUMN brands.max_calls IS 'Calls at a time of all its companies, in and out; null: no limit. Set by the platform.';

COMMENT ON COLUMN brands.fall_back_after_failure IS 'true: a fax whose fax routes have all failed is tried over the ordinary call routes too.';

ALTER TABLE brands ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE bridges (
    id bigint NOT NULL,
    name text NOT NULL,
    sip_address inet NOT NULL,
    sip_port integer NOT NULL,
    receives boolean DEFAULT true NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT bridge_port_is_1_to_65535 CHECK (((sip_port >= 1) AND (sip_port <= 65535)))
);

ALTER TABLE ONLY bridges FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE bridges IS 'Fax bridge nodes; each writes its own row when it starts.';

COMMENT ON COLUMN bridges.sip_address IS 'Address of its SIP user agent.';

COMMENT ON COLUMN bridges.sip_port IS 'Port of its SIP user agent.';

COMMENT ON COLUMN bridges.receives IS 'true: takes inbound calls; false: only sends (an outbound worker).';

COMMENT ON COLUMN bridges.enabled IS 'false: gets no new calls.';

COMMENT ON COLUMN bridges.last_seen IS 'When the node started.';

ALTER TABLE bridges ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE broadcasts (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    total integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT broadcast_has_destinations CHECK ((total > 0))
);

ALTER TABLE ONLY broadcasts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE broadcasts IS 'One document to many destinations; broadcast_progress says how far it is.';

COMMENT ON COLUMN broadcasts.virtual_fax_id IS 'The virtual fax that sends.';

COMMENT ON COLUMN broadcasts.name IS 'What the sender calls it.';

COMMENT ON COLUMN broadcasts.total IS 'How many faxes it has.';

ALTER TABLE broadcasts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE carrier_rates (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    carrier_id bigint NOT NULL,
    prefix text NOT NULL,
    price numeric(12,6) NOT NULL,
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    CONSTRAINT rate_ends_after_it_begins CHECK (((valid_until IS NULL) OR (valid_until > valid_from))),
    CONSTRAINT rate_prefix_is_plus_and_digits CHECK ((prefix ~ '^\+[0-9]{1,15}$'::text)),
    CONSTRAINT rate_price_is_not_negative CHECK ((price >= (0)::numeric))
);

ALTER TABLE ONLY carrier_rates FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE carrier_rates IS 'What a carrier charges, by called prefix: lcr routes go by it. The longest prefix counts.';

COMMENT ON COLUMN carrier_rates.carrier_id IS 'Whose price.';

COMMENT ON COLUMN carrier_rates.prefix IS 'Called numbers: + and leading digits.';

COMMENT ON COLUMN carrier_rates.price IS 'For a minute, in the brand''s currency.';

COMMENT ON COLUMN carrier_rates.valid_from IS 'From this moment on; of several the latest counts.';

COMMENT ON COLUMN carrier_rates.valid_until IS 'Up to, not including; null: for good.';

ALTER TABLE carrier_rates ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE carrier_registrations (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    carrier_server_id bigint NOT NULL,
    username text NOT NULL,
    domain text NOT NULL,
    expires integer DEFAULT 600 NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    CONSTRAINT registration_domain_is_a_host CHECK ((domain ~ '^[A-Za-z0-9.-]+$'::text)),
    CONSTRAINT registration_expires_in_60_to_7200_s CHECK (((expires >= 60) AND (expires <= 7200))),
    CONSTRAINT registration_username_is_not_empty CHECK ((username ~ '^[^ @<>"]+$'::text))
);

ALTER TABLE ONLY carrier_registrations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE carrier_registrations IS 'Carriers that want us registered: Kamailio registers username@domain at the server, with the server''s digest data.';

COMMENT ON COLUMN carrier_registrations.carrier_server_id IS 'Where to register; has to have auth_user, auth_realm, auth_ha1.';

COMMENT ON COLUMN carrier_registrations.username IS 'User of the address of record.';

COMMENT ON COLUMN carrier_registrations.domain IS 'Domain of the address of record.';

COMMENT ON COLUMN carrier_registrations.expires IS 'Seconds asked for.';

COMMENT ON COLUMN carrier_registrations.enabled IS 'false: not registered.';

ALTER TABLE carrier_registrations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE carrier_servers (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    carrier_id bigint NOT NULL,
    address inet,
    port integer DEFAULT 5060,
    transport sip_transport DEFAULT 'udp'::sip_transport NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    host text,
    from_domain text,
    asserted_identity boolean DEFAULT true NOT NULL,
    remote_party_id boolean DEFAULT false NOT NULL,
    auth_user text,
    auth_realm text,
    auth_ha1 text,
    CONSTRAINT an_address_needs_a_port CHECK (((address IS NULL) OR (port IS NOT NULL))),
    CONSTRAINT auth_ha1_is_made_with_sip_ha1 CHECK ((auth_ha1 ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT digest_needs_user_realm_and_ha1 CHECK ((num_nonnulls(auth_user, auth_realm, auth_ha1) = ANY (ARRAY[0, 3]))),
    CONSTRAINT from_domain_is_a_host CHECK ((from_domain ~ '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$'::text)),
    CONSTRAINT port_is_1_to_65535 CHECK (((port >= 1) AND (port <= 65535))),
    CONSTRAINT server_has_an_address_or_a_host CHECK ((num_nonnulls(address, host) = 1)),
    CONSTRAINT server_host_is_a_host_name CHECK ((host ~ '^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$'::text)),
    CONSTRAINT server_priority_is_0_to_254 CHECK (((priority >= 0) AND (priority <= 254)))
);

ALTER TABLE ONLY carrier_servers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE carrier_servers IS 'SIP servers of a carrier, watched by OPTIONS; an inactive one is passed over.';

COMMENT ON COLUMN carrier_servers.carrier_id IS 'The carrier that the server belongs to.';

COMMENT ON COLUMN carrier_servers.address IS 'IP address; or else host.';

COMMENT ON COLUMN carrier_servers.port IS 'SIP port; null with a host: by its SRV records, then 5060 (TLS: 5061).';

COMMENT ON COLUMN carrier_servers.transport IS 'udp, tcp or tls.';

COMMENT ON COLUMN carrier_servers.priority IS 'Lower is tried first.';

COMMENT ON COLUMN carrier_servers.enabled IS 'false: not used.';

COMMENT ON COLUMN carrier_servers.host IS 'DNS name instead of an address; the publisher looks it up, Kamailio never does.';

COMMENT ON COLUMN carrier_servers.from_domain IS 'Host of the From URI that it wants; null: our own address.';

COMMENT ON COLUMN carrier_servers.asserted_identity IS 'Send the caller in P-Asserted-Identity (RFC 3325).';

COMMENT ON COLUMN carrier_servers.remote_party_id IS 'Send the caller in Remote-Party-ID too.';

COMMENT ON COLUMN carrier_servers.auth_user IS 'Digest user; null: no authentication.';

COMMENT ON COLUMN carrier_servers.auth_realm IS 'Realm of its challenge.';

COMMENT ON COLUMN carrier_servers.auth_ha1 IS 'sip_ha1(auth_user, auth_realm, password).';

ALTER TABLE carrier_servers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE carriers (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    transformation_id bigint
);

ALTER TABLE ONLY carriers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE carriers IS 'An outbound peer; its servers take the calls.';

COMMENT ON COLUMN carriers.enabled IS 'false: no route uses it.';

COMMENT ON COLUMN carriers.transformation_id IS 'How it wants numbers; null: E.164 with +.';

ALTER TABLE carriers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE companies (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL,
    country text DEFAULT 'ES'::text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    paper text DEFAULT 'a4'::text NOT NULL,
    outgoing_ddi_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    max_calls integer,
    bridge_choice bridge_choice DEFAULT 'round_robin'::bridge_choice NOT NULL,
    transformation_id bigint,
    sip_domain text,
    language text DEFAULT 'en'::text NOT NULL,
    sending_calls integer,
    retention_days integer,
    continuation_cover boolean DEFAULT true NOT NULL,
    cover_page_id bigint,
    CONSTRAINT company_max_calls_is_positive CHECK ((max_calls > 0)),
    CONSTRAINT company_name_is_not_empty CHECK ((name <> ''::text)),
    CONSTRAINT country_is_iso_3166_alpha_2 CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT language_is_iso_639_1 CHECK ((language ~ '^[a-z]{2}$'::text)),
    CONSTRAINT paper_is_a4_or_letter CHECK ((paper = ANY (ARRAY['a4'::text, 'letter'::text]))),
    CONSTRAINT retention_is_a_day_at_least CHECK ((retention_days > 0)),
    CONSTRAINT sending_calls_is_positive CHECK ((sending_calls > 0)),
    CONSTRAINT sip_domain_is_a_lower_case_host_name CHECK ((sip_domain ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'::text)),
    CONSTRAINT time_zone_is_an_iana_name CHECK (is_time_zone(time_zone))
);

ALTER TABLE ONLY companies FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE companies IS 'A customer of a brand. Owns virtual faxes, DDIs, users and faxes.';

COMMENT ON COLUMN companies.country IS 'ISO 3166 alpha-2; numbers without + are read as national numbers of it.';

COMMENT ON COLUMN companies.time_zone IS 'IANA zone of the company, for header lines and time windows.';

COMMENT ON COLUMN companies.paper IS 'Page size of outgoing faxes: a4 or letter.';

COMMENT ON COLUMN companies.outgoing_ddi_id IS 'Caller id of virtual faxes that name none of their own. Has to be a DDI of this company.';

COMMENT ON COLUMN companies.max_calls IS 'Calls at a time, in and out; null: no limit. Beyond: 486 in, 403 out.';

COMMENT ON COLUMN companies.bridge_choice IS 'Which fax bridge takes its calls: round_robin or least_loaded.';

COMMENT ON COLUMN companies.transformation_id IS 'How its SIP accounts dial; null: as in its country (national, 00 or +).';

COMMENT ON COLUMN companies.sip_domain IS 'Domain and digest realm of its SIP accounts.';

COMMENT ON COLUMN companies.language IS 'ISO 639-1 code: of mails and cover pages.';

COMMENT ON COLUMN companies.sending_calls IS 'Faxes sent at a time; null: as many as the workers can.';

COMMENT ON COLUMN companies.retention_days IS 'Documents are deleted after so many days, their records stay; null: kept.';

COMMENT ON COLUMN companies.continuation_cover IS 'A fax that was cut off goes on with a page that says so.';

COMMENT ON COLUMN companies.cover_page_id IS 'Template of cover pages; null: the standard one.';

ALTER TABLE companies ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE company_routing_tags (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    routing_tag_id bigint NOT NULL
);

ALTER TABLE ONLY company_routing_tags FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE company_routing_tags IS 'Which tags a company may dial.';

COMMENT ON COLUMN company_routing_tags.routing_tag_id IS 'The tag.';

CREATE TABLE countries (
    code text NOT NULL,
    calling_code text NOT NULL,
    international_prefix text NOT NULL,
    trunk_prefix text NOT NULL,
    CONSTRAINT country_code_is_iso_3166_alpha_2 CHECK ((code ~ '^[A-Z]{2}$'::text))
);

ALTER TABLE ONLY countries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE countries IS 'How people dial in a country (ITU-T E.164, E.123): for numbers that SIP accounts dial.';

COMMENT ON COLUMN countries.code IS 'ISO 3166 alpha-2.';

COMMENT ON COLUMN countries.calling_code IS 'Country code of E.164.';

COMMENT ON COLUMN countries.international_prefix IS 'Dialled before a foreign number.';

COMMENT ON COLUMN countries.trunk_prefix IS 'Dialled before a national number, not part of E.164; empty where there is none.';

CREATE TABLE cover_pages (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    name text NOT NULL,
    html text NOT NULL,
    CONSTRAINT cover_page_is_100_kb_at_most CHECK ((length(html) <= 100000)),
    CONSTRAINT cover_page_name_is_not_empty CHECK ((name <> ''::text))
);

ALTER TABLE ONLY cover_pages FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE cover_pages IS 'Templates of cover pages: Jinja2 over simple HTML.';

COMMENT ON COLUMN cover_pages.name IS 'Unique in the company.';

COMMENT ON COLUMN cover_pages.html IS 'Jinja2: to_name, to_number, from_name, from_number, subject, text, date.';

ALTER TABLE cover_pages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE ddi_provider_addresses (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    ddi_provider_id bigint NOT NULL,
    address inet NOT NULL,
    local_address inet,
    local_port integer,
    CONSTRAINT local_port_is_1_to_65535 CHECK (((local_port >= 1) AND (local_port <= 65535))),
    CONSTRAINT local_port_needs_a_local_address CHECK (((local_port IS NULL) OR (local_address IS NOT NULL))),
    CONSTRAINT provider_address_is_one_host CHECK ((masklen(address) =
CASE family(address)
    WHEN 4 THEN 32
    ELSE 128
END))
);

ALTER TABLE ONLY ddi_provider_addresses FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE ddi_provider_addresses IS 'Source addresses of DDI providers; calls from any other are refused (403).';

COMMENT ON COLUMN ddi_provider_addresses.ddi_provider_id IS 'The provider that sends from the address.';

COMMENT ON COLUMN ddi_provider_addresses.address IS 'One host, IPv4 or IPv6; any source port.';

COMMENT ON COLUMN ddi_provider_addresses.local_address IS 'Only for calls that reach this address of ours; null: any. The most exact row wins.';

COMMENT ON COLUMN ddi_provider_addresses.local_port IS 'Only for calls that reach this port of ours; null: any.';

ALTER TABLE ddi_provider_addresses ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE ddi_providers (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    transformation_id bigint
);

ALTER TABLE ONLY ddi_providers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE ddi_providers IS 'An inbound peer, known by its source addresses.';

COMMENT ON COLUMN ddi_providers.enabled IS 'false: calls from its addresses are refused.';

COMMENT ON COLUMN ddi_providers.transformation_id IS 'How it writes numbers; null: international, with or without + or 00.';

ALTER TABLE ddi_providers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE ddis (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    number e164 NOT NULL,
    ddi_provider_id bigint,
    virtual_fax_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sip_account_id bigint,
    external_uri text,
    CONSTRAINT ddi_has_one_target CHECK ((num_nonnulls(virtual_fax_id, sip_account_id, external_uri) <= 1)),
    CONSTRAINT external_uri_is_a_sip_uri CHECK ((external_uri ~ '^sip:[A-Za-z0-9+._*-]+@([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?$'::text))
);

ALTER TABLE ONLY ddis FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE ddis IS 'Our numbers, each of one company, each pointing at a target.';

COMMENT ON COLUMN ddis.number IS 'E.164 with +, unique in the platform.';

COMMENT ON COLUMN ddis.ddi_provider_id IS 'The provider that delivers it; null: any provider of the brand.';

COMMENT ON COLUMN ddis.virtual_fax_id IS 'Target: a virtual fax of the same company. No target at all: calls get 404.';

COMMENT ON COLUMN ddis.sip_account_id IS 'Target: a SIP account of the same company.';

COMMENT ON COLUMN ddis.external_uri IS 'Target: a SIP URI elsewhere, such as sip:+34911000001@pbx.acme.example.';

ALTER TABLE ddis ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE deliveries (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    fax_id bigint NOT NULL,
    channel delivery_channel NOT NULL,
    event text NOT NULL,
    webhook_id bigint,
    pages integer,
    state delivery_state DEFAULT 'pending'::delivery_state NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    replay_of bigint,
    recipients text[],
    reason outcome_reason,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT webhook_deliveries_have_a_webhook CHECK (((channel = 'webhook'::delivery_channel) = (webhook_id IS NOT NULL)))
);

ALTER TABLE ONLY deliveries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE deliveries IS 'Each mail and each webhook call that is due, or was made.';

COMMENT ON COLUMN deliveries.channel IS 'mail or webhook.';

COMMENT ON COLUMN deliveries.event IS 'mail: received, partial, sent, failed; webhook: fax.received and so on.';

COMMENT ON COLUMN deliveries.webhook_id IS 'The webhook that is called.';

COMMENT ON COLUMN deliveries.pages IS 'fax.progress: how many pages were confirmed.';

COMMENT ON COLUMN deliveries.state IS 'pending, done, or failed after every try.';

COMMENT ON COLUMN deliveries.tries IS 'How often it was tried.';

COMMENT ON COLUMN deliveries.finished_at IS 'When it was done or given up.';

COMMENT ON COLUMN deliveries.replay_of IS 'The delivery that it repeats.';

COMMENT ON COLUMN deliveries.recipients IS 'mail: who gets it; null: whom the virtual fax names.';

COMMENT ON COLUMN deliveries.reason IS 'How the last try ended; null before the first one.';

COMMENT ON COLUMN deliveries.detail IS 'Facts of it: {"answer": "250 2.0.0 Ok"} is what the other side said, verbatim.';

ALTER TABLE deliveries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE documents (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    fax_id bigint NOT NULL,
    kind document_kind NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    page_count integer,
    data bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    part integer DEFAULT 0 NOT NULL,
    CONSTRAINT data_has_its_size CHECK ((length(data) = size)),
    CONSTRAINT sha256_is_32_octets CHECK ((length(sha256) = 32))
)
PARTITION BY RANGE (created_at);

ALTER TABLE ONLY documents FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE documents IS 'Documents of faxes, partitioned by month: retention drops partitions.';

COMMENT ON COLUMN documents.kind IS 'original, tiff or pdf.';

COMMENT ON COLUMN documents.sha256 IS 'Digest of data.';

COMMENT ON COLUMN documents.size IS 'Octets of data.';

COMMENT ON COLUMN documents.page_count IS 'Pages; null where it was not counted.';

COMMENT ON COLUMN documents.data IS 'The document itself.';

COMMENT ON COLUMN documents.name IS 'original: what the sender calls the file.';

COMMENT ON COLUMN documents.part IS 'original: 0 for the first file of several.';

CREATE TABLE documents_other (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    fax_id bigint NOT NULL,
    kind document_kind NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    page_count integer,
    data bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    part integer DEFAULT 0 NOT NULL,
    CONSTRAINT data_has_its_size CHECK ((length(data) = size)),
    CONSTRAINT sha256_is_32_octets CHECK ((length(sha256) = 32))
);

ALTER TABLE ONLY documents_other FORCE ROW LEVEL SECURITY;

CREATE TABLE failover_defaults (
    class text NOT NULL,
    action failover_action NOT NULL,
    retry_after integer DEFAULT 180 NOT NULL,
    CONSTRAINT failure_class_is_a_status_a_family_or_no_answer CHECK ((class ~ '^(no_answer|[3-6][0-9]{2}|[3-6]xx)$'::text)),
    CONSTRAINT retry_after_is_positive CHECK ((retry_after > 0))
);

ALTER TABLE ONLY failover_defaults FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE failover_defaults IS 'What a failed call leg leads to, for every carrier that has no rule of its own. An exact status counts before its family.';

COMMENT ON COLUMN failover_defaults.class IS 'A SIP status (404), a family (5xx), or no_answer: silence for two seconds.';

COMMENT ON COLUMN failover_defaults.action IS 'next, stop or retry_later.';

COMMENT ON COLUMN failover_defaults.retry_after IS 'For retry_later: seconds for Retry-After.';

CREATE TABLE failover_rules (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    carrier_id bigint,
    class text NOT NULL,
    action failover_action NOT NULL,
    retry_after integer DEFAULT 180 NOT NULL,
    CONSTRAINT a_cancelled_call_always_stops CHECK ((class <> '487'::text)),
    CONSTRAINT rule_class_is_a_status_a_family_or_no_answer CHECK ((class ~ '^(no_answer|[3-6][0-9]{2}|[3-6]xx)$'::text)),
    CONSTRAINT rule_retry_after_is_positive CHECK ((retry_after > 0))
);

ALTER TABLE ONLY failover_rules FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE failover_rules IS 'A brand''s own view of failures, for one carrier or for all; wins over failover_defaults.';

COMMENT ON COLUMN failover_rules.carrier_id IS 'Only for this carrier; null: for all of the brand.';

COMMENT ON COLUMN failover_rules.class IS 'A SIP status (404), a family (5xx), or no_answer.';

COMMENT ON COLUMN failover_rules.action IS 'next, stop or retry_later.';

COMMENT ON COLUMN failover_rules.retry_after IS 'For retry_later: seconds for Retry-After.';

ALTER TABLE failover_rules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE fax_queues (
    company_id bigint NOT NULL,
    brand_id bigint NOT NULL,
    waiting integer DEFAULT 0 NOT NULL,
    running integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    served_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE ONLY fax_queues FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE fax_queues IS 'Whose turn it is: the company with the fewest calls, the one served longest ago first. Triggers keep it.';

COMMENT ON COLUMN fax_queues.waiting IS 'Faxes that are prepared and wait.';

COMMENT ON COLUMN fax_queues.running IS 'Faxes that are being sent.';

COMMENT ON COLUMN fax_queues.next_at IS 'None of its faxes is due before this.';

COMMENT ON COLUMN fax_queues.served_at IS 'When a worker last took a fax of it.';

CREATE TABLE faxes (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    direction fax_direction NOT NULL,
    status fax_status DEFAULT 'pending'::fax_status NOT NULL,
    reason outcome_reason,
    local_number e164 NOT NULL,
    remote_number text NOT NULL,
    remote_station_id text DEFAULT ''::text NOT NULL,
    pages integer,
    pages_confirmed integer DEFAULT 0 NOT NULL,
    spool_key text,
    claimed_by text,
    claimed_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    send_at timestamp with time zone DEFAULT now() NOT NULL,
    priority smallint DEFAULT 5 NOT NULL,
    resolution text,
    pictures text,
    cover jsonb,
    document_fax_id bigint,
    resend_of bigint,
    broadcast_id bigint,
    idempotency_key text,
    request_digest bytea,
    prepared_at timestamp with time zone,
    expected_seconds integer,
    cancel_requested_at timestamp with time zone,
    test boolean DEFAULT false NOT NULL,
    read_at timestamp with time zone,
    deleted_at timestamp with time zone,
    client_state text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT claimed_while_inprogress CHECK ((((status = 'inprogress'::fax_status) AND (direction = 'out'::fax_direction)) = (claimed_by IS NOT NULL))),
    CONSTRAINT client_state_is_1000_characters CHECK ((length(client_state) <= 1000)),
    CONSTRAINT completed_means_every_page_was_confirmed CHECK (((status <> 'completed'::fax_status) OR ((pages IS NOT NULL) AND (pages_confirmed = pages)))),
    CONSTRAINT error_has_a_reason CHECK (((status <> 'error'::fax_status) OR (reason IS NOT NULL))),
    CONSTRAINT fax_pictures_are_auto_text_or_photo CHECK ((pictures = ANY (ARRAY['auto'::text, 'text'::text, 'photo'::text]))),
    CONSTRAINT fax_resolution_is_normal_fine_or_superfine CHECK ((resolution = ANY (ARRAY['normal'::text, 'fine'::text, 'superfine'::text]))),
    CONSTRAINT idempotency_key_is_1_to_255_characters CHECK (((length(idempotency_key) >= 1) AND (length(idempotency_key) <= 255))),
    CONSTRAINT pages_are_positive CHECK ((pages > 0)),
    CONSTRAINT pages_confirmed_are_not_negative CHECK ((pages_confirmed >= 0)),
    CONSTRAINT priority_is_0_to_9 CHECK (((priority >= 0) AND (priority <= 9)))
);

ALTER TABLE ONLY faxes FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE faxes IS 'One document in one direction.';

COMMENT ON COLUMN faxes.virtual_fax_id IS 'The virtual fax that sends or receives.';

COMMENT ON COLUMN faxes.direction IS 'in or out.';

COMMENT ON COLUMN faxes.status IS 'pending, inprogress, completed (every page confirmed) or error (see reason).';

COMMENT ON COLUMN faxes.reason IS 'Why it ended, such as user_busy; while it waits, why the last attempt failed.';

COMMENT ON COLUMN faxes.local_number IS 'Our DDI.';

COMMENT ON COLUMN faxes.remote_number IS 'The other side''s number, as called or as presented.';

COMMENT ON COLUMN faxes.remote_station_id IS 'What the far machine calls itself (CSI or TSI).';

COMMENT ON COLUMN faxes.pages IS 'Pages of the document; null until it was rendered.';

COMMENT ON COLUMN faxes.pages_confirmed IS 'out: pages that the receiver confirmed; in: pages that we confirmed and kept.';

COMMENT ON COLUMN faxes.spool_key IS 'in: the call in the bridge''s spool that it came from.';

COMMENT ON COLUMN faxes.claimed_by IS 'The worker that has it in hand.';

COMMENT ON COLUMN faxes.claimed_until IS 'End of the worker''s lease; a worker that lives renews it.';

COMMENT ON COLUMN faxes.started_at IS 'When a worker took it, or the call came.';

COMMENT ON COLUMN faxes.finished_at IS 'When it was over.';

COMMENT ON COLUMN faxes.send_at IS 'out: not before this; after a failed attempt, when the next one is due.';

COMMENT ON COLUMN faxes.priority IS 'out: 0 urgent to 9; lower is sent first within a company.';

COMMENT ON COLUMN faxes.resolution IS 'out: of this fax; null: the virtual fax''s.';

COMMENT ON COLUMN faxes.pictures IS 'out: of this fax; null: the virtual fax''s.';

COMMENT ON COLUMN faxes.cover IS 'out: what its cover page says; null: no cover page.';

COMMENT ON COLUMN faxes.document_fax_id IS 'The fax whose document it sends; null: its own.';

COMMENT ON COLUMN faxes.resend_of IS 'The fax that it repeats.';

COMMENT ON COLUMN faxes.broadcast_id IS 'The broadcast that it belongs to.';

COMMENT ON COLUMN faxes.idempotency_key IS 'out: the submitter''s own name of the request: the same one makes no second fax.';

COMMENT ON COLUMN faxes.request_digest IS 'SHA-256 of the request with that key.';

COMMENT ON COLUMN faxes.prepared_at IS 'out: when its pages were made; only then it may be sent.';

COMMENT ON COLUMN faxes.expected_seconds IS 'out: how long its call takes at 14400 bit/s, about.';

COMMENT ON COLUMN faxes.cancel_requested_at IS 'out: when somebody asked to end it.';

COMMENT ON COLUMN faxes.test IS 'out: of a key of the test mode; it leaves to nobody.';

COMMENT ON COLUMN faxes.read_at IS 'in: when somebody first opened it.';

COMMENT ON COLUMN faxes.deleted_at IS 'When a user deleted it: its documents are gone, its record stays.';

COMMENT ON COLUMN faxes.client_state IS 'out: whatever the submitter wants to hear again in webhooks and the API.';

COMMENT ON COLUMN faxes.detail IS 'Facts of the outcome: {"sip": 486, "pages": 5, "confirmed": 3, "next": {...}}; keys by reason: spandsp_bridge/reasons.py.';

ALTER TABLE faxes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE mail_templates (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint,
    event text NOT NULL,
    language text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    html text,
    CONSTRAINT mail_template_event_is_known CHECK ((event = ANY (ARRAY['received'::text, 'partial'::text, 'sent'::text, 'failed'::text]))),
    CONSTRAINT template_language_is_iso_639_1 CHECK ((language ~ '^[a-z]{2}$'::text))
);

ALTER TABLE ONLY mail_templates FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE mail_templates IS 'Mails in a brand''s or a company''s own words (Jinja2); the company''s win, then the brand''s, then the platform''s.';

COMMENT ON COLUMN mail_templates.company_id IS 'Whose; null: all companies of the brand.';

COMMENT ON COLUMN mail_templates.event IS 'received, partial, sent or failed.';

COMMENT ON COLUMN mail_templates.language IS 'ISO 639-1 code.';

COMMENT ON COLUMN mail_templates.subject IS 'Subject line. Variables: FAX_NAME, FAX_PDFNAME, FAX_PAGES, FAX_SRC, FAX_DST, FAX_DATE, FAX_REASON, FAX_ID, FAX_COMPANY, FAX_STATION, FAX_LINK.';

COMMENT ON COLUMN mail_templates.text IS 'The mail as plain text.';

COMMENT ON COLUMN mail_templates.html IS 'The mail as HTML; null: plain text alone.';

ALTER TABLE mail_templates ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE number_transformation_rules (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    transformation_id bigint NOT NULL,
    direction number_direction NOT NULL,
    priority integer DEFAULT 100 NOT NULL,
    prefix text DEFAULT ''::text NOT NULL,
    min_length integer DEFAULT 0 NOT NULL,
    max_length integer DEFAULT 32 NOT NULL,
    strip integer DEFAULT 0 NOT NULL,
    add_prefix text DEFAULT ''::text NOT NULL,
    CONSTRAINT rule_adds_digits_star_hash_or_plus CHECK ((add_prefix ~ '^\+?[0-9*#]{0,20}$'::text)),
    CONSTRAINT rule_max_length_is_up_to_32 CHECK (((max_length >= 0) AND (max_length <= 32))),
    CONSTRAINT rule_min_length_is_0_to_32 CHECK (((min_length >= 0) AND (min_length <= 32))),
    CONSTRAINT rule_min_length_is_not_above_max CHECK ((min_length <= max_length)),
    CONSTRAINT rule_prefix_is_digits_star_hash_or_plus CHECK ((prefix ~ '^\+?[0-9*#]{0,20}$'::text)),
    CONSTRAINT rule_priority_is_0_to_254 CHECK (((priority >= 0) AND (priority <= 254))),
    CONSTRAINT rule_strips_0_to_20 CHECK (((strip >= 0) AND (strip <= 20)))
);

ALTER TABLE ONLY number_transformation_rules FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE number_transformation_rules IS 'One rule: numbers that match prefix and length lose strip characters and get add_prefix. The first by priority wins.';

COMMENT ON COLUMN number_transformation_rules.transformation_id IS 'The set that it belongs to.';

COMMENT ON COLUMN number_transformation_rules.direction IS 'callee_in, caller_in: from the peer, result is E.164; callee_out, caller_out: E.164 to what the peer wants.';

COMMENT ON COLUMN number_transformation_rules.priority IS 'Lower is looked at first.';

COMMENT ON COLUMN number_transformation_rules.prefix IS 'The number starts with it; empty: any number.';

COMMENT ON COLUMN number_transformation_rules.min_length IS 'Shortest number that matches, in characters, + included.';

COMMENT ON COLUMN number_transformation_rules.max_length IS 'Longest number that matches, in characters.';

COMMENT ON COLUMN number_transformation_rules.strip IS 'So many characters are taken off the front.';

COMMENT ON COLUMN number_transformation_rules.add_prefix IS 'Then this is put in front.';

ALTER TABLE number_transformation_rules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE number_transformations (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL
);

ALTER TABLE ONLY number_transformations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE number_transformations IS 'How a peer writes numbers: a named set of rules, used by DDI providers, carriers and companies.';

ALTER TABLE number_transformations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE operator_logins (
    login name NOT NULL,
    brand_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT operator_login_is_not_a_role_of_ours CHECK (((login)::text !~ '^(vfax|pg)_'::text))
);

ALTER TABLE ONLY operator_logins FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE operator_logins IS 'The brand that a login role in vfax_brand acts for; `vfax operator add` writes it. A login without a row sees nothing.';

COMMENT ON COLUMN operator_logins.login IS 'The login role, as in pg_roles.rolname.';

CREATE TABLE outgoing_route_carriers (
    brand_id bigint NOT NULL,
    route_id bigint NOT NULL,
    carrier_id bigint NOT NULL
);

ALTER TABLE ONLY outgoing_route_carriers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE outgoing_route_carriers IS 'The carriers among which an lcr route chooses by price.';

COMMENT ON COLUMN outgoing_route_carriers.route_id IS 'The lcr route.';

COMMENT ON COLUMN outgoing_route_carriers.carrier_id IS 'A carrier with rates.';

CREATE TABLE outgoing_routes (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint,
    type route_type NOT NULL,
    mode route_mode DEFAULT 'static'::route_mode NOT NULL,
    priority integer DEFAULT 100 NOT NULL,
    weight integer DEFAULT 1 NOT NULL,
    stopper boolean DEFAULT false NOT NULL,
    carrier_id bigint,
    pattern_id bigint,
    group_id bigint,
    add_prefix text DEFAULT ''::text NOT NULL,
    caller_id e164,
    routing_tag_id bigint,
    CONSTRAINT add_prefix_is_digits_star_hash CHECK ((add_prefix ~ '^[0-9*#]{0,20}$'::text)),
    CONSTRAINT group_route_has_a_group CHECK (((type = 'group'::route_type) = (group_id IS NOT NULL))),
    CONSTRAINT pattern_route_has_a_pattern CHECK (((type = 'pattern'::route_type) = (pattern_id IS NOT NULL))),
    CONSTRAINT route_priority_is_0_to_254 CHECK (((priority >= 0) AND (priority <= 254))),
    CONSTRAINT route_weight_is_1_to_20 CHECK (((weight >= 1) AND (weight <= 20))),
    CONSTRAINT static_route_has_a_carrier_block_route_has_none CHECK ((((mode = 'static'::route_mode) AND (carrier_id IS NOT NULL)) OR ((mode <> 'static'::route_mode) AND (carrier_id IS NULL))))
);

ALTER TABLE ONLY outgoing_routes FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE outgoing_routes IS 'How calls leave: which carrier takes which numbers, in which order.';

COMMENT ON COLUMN outgoing_routes.company_id IS 'Only for this company; null: for all companies of the brand.';

COMMENT ON COLUMN outgoing_routes.type IS 'pattern or group: calls by prefix; fax: faxes to any number, before the others.';

COMMENT ON COLUMN outgoing_routes.mode IS 'static: the carrier; lcr: the carriers of outgoing_route_carriers, cheapest first; block: refuse with 403.';

COMMENT ON COLUMN outgoing_routes.priority IS '0 to 254, lower is tried first.';

COMMENT ON COLUMN outgoing_routes.weight IS '1 to 20: share among routes of the same priority.';

COMMENT ON COLUMN outgoing_routes.stopper IS 'Routes of a higher priority number than this one are not tried.';

COMMENT ON COLUMN outgoing_routes.carrier_id IS 'static: who takes the call; null for lcr and block.';

COMMENT ON COLUMN outgoing_routes.pattern_id IS 'For type pattern: which numbers.';

COMMENT ON COLUMN outgoing_routes.group_id IS 'For type group: which numbers.';

COMMENT ON COLUMN outgoing_routes.add_prefix IS 'Put in front of the number that the carrier gets.';

COMMENT ON COLUMN outgoing_routes.caller_id IS 'Every call by this route shows this caller; null: its own.';

COMMENT ON COLUMN outgoing_routes.routing_tag_id IS 'Only for calls dialled with this tag; null: only for calls without one.';

ALTER TABLE outgoing_routes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE pages (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    fax_id bigint NOT NULL,
    page integer NOT NULL,
    width integer NOT NULL,
    length integer NOT NULL,
    line_bytes integer,
    bad_rows integer,
    confirmed timestamp with time zone,
    retransmissions integer DEFAULT 0 NOT NULL,
    seconds real,
    CONSTRAINT page_counts_from_1 CHECK ((page > 0))
);

ALTER TABLE ONLY pages FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE pages IS 'Each page of a fax, and when it was confirmed.';

COMMENT ON COLUMN pages.page IS 'From 1.';

COMMENT ON COLUMN pages.width IS 'Pixels in a row.';

COMMENT ON COLUMN pages.length IS 'Rows.';

COMMENT ON COLUMN pages.line_bytes IS 'Octets that it took on the line.';

COMMENT ON COLUMN pages.bad_rows IS 'Rows that came damaged (without ECM).';

COMMENT ON COLUMN pages.confirmed IS 'When MCF came (out) or was allowed to leave (in); null: not confirmed.';

COMMENT ON COLUMN pages.retransmissions IS 'ECM: how often parts of the page were asked for again.';

COMMENT ON COLUMN pages.seconds IS 'From the page before it, or from the agreement on rates, to its confirmation.';

CREATE TABLE peer_profiles (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    number e164 NOT NULL,
    audio_fax text,
    ecm boolean,
    max_bit_rate integer,
    max_datagram integer,
    resolution text,
    avoid_carriers bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    calls integer,
    reason text DEFAULT ''::text NOT NULL,
    pinned boolean DEFAULT false NOT NULL,
    learned_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + '30 days'::interval),
    learned_from bigint,
    changes text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT profile_audio_fax_is_never_after_t38_refused_or_first CHECK ((audio_fax = ANY (ARRAY['never'::text, 'after_t38_refused'::text, 'first'::text]))),
    CONSTRAINT profile_bit_rate_is_one_of_t30 CHECK ((max_bit_rate = ANY (ARRAY[2400, 4800, 7200, 9600, 12000, 14400]))),
    CONSTRAINT profile_calls_is_positive CHECK ((calls > 0)),
    CONSTRAINT profile_datagram_is_40_to_1400 CHECK (((max_datagram >= 40) AND (max_datagram <= 1400))),
    CONSTRAINT profile_resolution_is_normal_fine_or_superfine CHECK ((resolution = ANY (ARRAY['normal'::text, 'fine'::text, 'superfine'::text])))
);

ALTER TABLE ONLY peer_profiles FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE peer_profiles IS 'How to fax a number, as learned from what worked; operators may edit rows and pin them.';

COMMENT ON COLUMN peer_profiles.number IS 'The destination.';

COMMENT ON COLUMN peer_profiles.audio_fax IS 'Instead of the virtual fax''s; null: as there.';

COMMENT ON COLUMN peer_profiles.ecm IS 'Instead of the virtual fax''s; null: as there.';

COMMENT ON COLUMN peer_profiles.max_bit_rate IS 'Fastest modem rate, bit/s; null: the virtual fax''s.';

COMMENT ON COLUMN peer_profiles.max_datagram IS 'Largest UDPTL packet for it, octets; null: as its SDP says.';

COMMENT ON COLUMN peer_profiles.resolution IS 'Finest resolution it takes; null: any.';

COMMENT ON COLUMN peer_profiles.avoid_carriers IS 'Carriers that are tried last for it.';

COMMENT ON COLUMN peer_profiles.calls IS 'Calls to it at a time, of all companies; null: 1, or no limit for our own DDIs.';

COMMENT ON COLUMN peer_profiles.reason IS 'Why it is so.';

COMMENT ON COLUMN peer_profiles.pinned IS 'true: nothing learned changes the row, and it does not expire.';

COMMENT ON COLUMN peer_profiles.learned_at IS 'When it was learned or written.';

COMMENT ON COLUMN peer_profiles.expires_at IS 'After this it is forgotten, and everything is tried again; null: never.';

COMMENT ON COLUMN peer_profiles.learned_from IS 'The fax that went through in this way; null: an operator wrote the row.';

COMMENT ON COLUMN peer_profiles.changes IS 'What that fax changed: ecm_off, v17_off, audio, other_carrier, coarser.';

ALTER TABLE peer_profiles ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE retry_defaults (
    reason text NOT NULL,
    action retry_action NOT NULL,
    delay integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    steps retry_steps DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT retry_delay_is_a_day_at_most CHECK (((delay >= 0) AND (delay <= 86400))),
    CONSTRAINT retry_tries_are_1_to_12 CHECK (((tries >= 1) AND (tries <= 12)))
);

ALTER TABLE ONLY retry_defaults FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE retry_defaults IS 'What an attempt leads to that ended for a reason, where a brand has no rule of its own.';

COMMENT ON COLUMN retry_defaults.reason IS 'Why the attempt failed, as in attempts.reason.';

COMMENT ON COLUMN retry_defaults.action IS 'retry or stop.';

COMMENT ON COLUMN retry_defaults.delay IS 'Seconds until the next attempt; half of it up to one and a half times of it, by chance.';

COMMENT ON COLUMN retry_defaults.tries IS 'Attempts that may end for this reason; with the last one the fax ends in error.';

COMMENT ON COLUMN retry_defaults.steps IS 'What the next attempts change: ecm_off, v17_off, audio, same.';

CREATE TABLE retry_rules (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    reason text NOT NULL,
    action retry_action NOT NULL,
    delay integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    steps retry_steps DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT retry_delay_is_a_day_at_most CHECK (((delay >= 0) AND (delay <= 86400))),
    CONSTRAINT retry_tries_are_1_to_12 CHECK (((tries >= 1) AND (tries <= 12)))
);

ALTER TABLE ONLY retry_rules FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE retry_rules IS 'A brand''s own view of what follows a failed attempt; wins over retry_defaults.';

COMMENT ON COLUMN retry_rules.reason IS 'Why the attempt failed, as in attempts.reason.';

COMMENT ON COLUMN retry_rules.action IS 'retry or stop.';

COMMENT ON COLUMN retry_rules.delay IS 'Seconds until the next attempt; half of it up to one and a half times of it, by chance.';

COMMENT ON COLUMN retry_rules.tries IS 'Attempts that may end for this reason.';

COMMENT ON COLUMN retry_rules.steps IS 'What the next attempts change: ecm_off, v17_off, audio, same.';

ALTER TABLE retry_rules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE routing_changes (
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    kind text NOT NULL,
    ids text[] NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY routing_changes FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE routing_changes IS 'What the publishers of the Kamailio hosts have to read again; written by triggers, kept for an hour.';

COMMENT ON COLUMN routing_changes.txid IS 'The transaction that made the change.';

COMMENT ON COLUMN routing_changes.kind IS 'A view routing_KIND; * is everything.';

COMMENT ON COLUMN routing_changes.ids IS 'Values of its column id.';

COMMENT ON COLUMN routing_changes.changed_at IS 'When.';

CREATE TABLE routing_pattern_group_members (
    brand_id bigint NOT NULL,
    group_id bigint NOT NULL,
    pattern_id bigint NOT NULL
);

ALTER TABLE ONLY routing_pattern_group_members FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE routing_pattern_group_members IS 'Which patterns belong to a group.';

COMMENT ON COLUMN routing_pattern_group_members.group_id IS 'The group.';

COMMENT ON COLUMN routing_pattern_group_members.pattern_id IS 'A pattern of it.';

CREATE TABLE routing_pattern_groups (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL
);

ALTER TABLE ONLY routing_pattern_groups FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE routing_pattern_groups IS 'Several patterns under one name, such as "Europe".';

ALTER TABLE routing_pattern_groups ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE routing_patterns (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    CONSTRAINT prefix_is_plus_and_digits CHECK ((prefix ~ '^\+[0-9]{0,15}$'::text))
);

ALTER TABLE ONLY routing_patterns FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE routing_patterns IS 'Called numbers by prefix, as E.164: +34 is Spain, + is every number.';

COMMENT ON COLUMN routing_patterns.prefix IS '+ and leading digits.';

ALTER TABLE routing_patterns ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE routing_tags (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    name text NOT NULL,
    tag text NOT NULL,
    CONSTRAINT tag_is_1_to_4_digits_and_hash CHECK ((tag ~ '^[0-9]{1,4}#$'::text))
);

ALTER TABLE ONLY routing_tags FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE routing_tags IS 'Dialled before a number (12#), a tag chooses the routes that bear it.';

COMMENT ON COLUMN routing_tags.tag IS 'One to four digits and #.';

ALTER TABLE routing_tags ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE sending_hours (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    weekday integer NOT NULL,
    opens time without time zone NOT NULL,
    closes time without time zone NOT NULL,
    CONSTRAINT sending_hours_open_before_they_close CHECK ((opens < closes)),
    CONSTRAINT sending_weekday_is_1_monday_to_7_sunday CHECK (((weekday >= 1) AND (weekday <= 7)))
);

ALTER TABLE ONLY sending_hours FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE sending_hours IS 'When a company''s faxes may be dialled, in its zone; no row: always. Urgent ones (priority 0) always.';

COMMENT ON COLUMN sending_hours.weekday IS '1 Monday to 7 Sunday.';

COMMENT ON COLUMN sending_hours.opens IS 'From this time on.';

COMMENT ON COLUMN sending_hours.closes IS 'Up to, not including; 24:00 is the end of the day.';

ALTER TABLE sending_hours ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE sip_accounts (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    username text NOT NULL,
    ha1 text NOT NULL,
    fax_device boolean DEFAULT false NOT NULL,
    outgoing_ddi_id bigint,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ha1_is_made_with_sip_ha1 CHECK ((ha1 ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT username_is_letters_digits_dot_dash CHECK ((username ~ '^[A-Za-z0-9._-]{1,64}$'::text))
);

ALTER TABLE ONLY sip_accounts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE sip_accounts IS 'A phone, ATA or PBX at the SIP edge: registers as username@sip_domain.';

COMMENT ON COLUMN sip_accounts.username IS 'User part of its address of record, unique in the company.';

COMMENT ON COLUMN sip_accounts.ha1 IS 'sip_ha1(username, sip_domain, password): what digest needs (RFC 2617 3.2.2.2), never the password.';

COMMENT ON COLUMN sip_accounts.fax_device IS 'true: all its calls are faxes and take fax routes first.';

COMMENT ON COLUMN sip_accounts.outgoing_ddi_id IS 'Its caller id; null: the company''s outgoing DDI.';

COMMENT ON COLUMN sip_accounts.enabled IS 'false: neither registers nor calls nor is called.';

ALTER TABLE sip_accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE users (
    id bigint NOT NULL,
    brand_id bigint,
    company_id bigint,
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    role text NOT NULL,
    password_hash text,
    language text DEFAULT 'en'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    fax_only boolean DEFAULT false NOT NULL,
    time_zone text,
    failed_logins integer DEFAULT 0 NOT NULL,
    locked_until timestamp with time zone,
    last_login_at timestamp with time zone,
    CONSTRAINT fax_only_is_for_company_administrators CHECK (((NOT fax_only) OR (role = 'company'::text))),
    CONSTRAINT only_company_users_have_a_company CHECK (((role = ANY (ARRAY['company'::text, 'user'::text])) = (company_id IS NOT NULL))),
    CONSTRAINT platform_users_have_no_brand CHECK (((role = 'platform'::text) = (brand_id IS NULL))),
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['platform'::text, 'brand'::text, 'company'::text, 'user'::text]))),
    CONSTRAINT user_email_is_an_address_in_lower_case CHECK (((email = lower(email)) AND (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text)))
);

ALTER TABLE ONLY users FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE users IS 'People who log in to the portal.';

COMMENT ON COLUMN users.email IS 'Log-in name, unique in the platform.';

COMMENT ON COLUMN users.role IS 'platform, brand, company (its administrator) or user.';

COMMENT ON COLUMN users.password_hash IS 'argon2; null: cannot log in yet.';

COMMENT ON COLUMN users.language IS 'ISO 639 code of the portal''s language.';

COMMENT ON COLUMN users.enabled IS 'false: cannot log in, and is logged out.';

COMMENT ON COLUMN users.fax_only IS 'A company administrator of faxes and virtual faxes alone: no users, keys or webhooks.';

COMMENT ON COLUMN users.time_zone IS 'IANA zone in which times are shown; null: the company''s.';

COMMENT ON COLUMN users.failed_logins IS 'Wrong passwords since the last right one.';

COMMENT ON COLUMN users.locked_until IS 'After too many wrong passwords: no log-in before this.';

COMMENT ON COLUMN users.last_login_at IS 'When somebody last logged in as this user.';

ALTER TABLE users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE virtual_fax_callers (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    prefix text NOT NULL,
    action caller_action NOT NULL,
    CONSTRAINT caller_prefix_is_plus_digits_or_anonymous CHECK ((prefix ~ '^(\+[0-9]{0,15}|anonymous)$'::text))
);

ALTER TABLE ONLY virtual_fax_callers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE virtual_fax_callers IS 'Black and white lists: the longest matching prefix decides. Any allow row makes the rest denied.';

COMMENT ON COLUMN virtual_fax_callers.virtual_fax_id IS 'Whose list.';

COMMENT ON COLUMN virtual_fax_callers.prefix IS 'Caller as E.164 prefix (+34600), or anonymous.';

COMMENT ON COLUMN virtual_fax_callers.action IS 'allow or deny (403).';

ALTER TABLE virtual_fax_callers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE virtual_fax_hours (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    weekday integer NOT NULL,
    opens time without time zone NOT NULL,
    closes time without time zone NOT NULL,
    CONSTRAINT hours_open_before_they_close CHECK ((opens < closes)),
    CONSTRAINT weekday_is_1_monday_to_7_sunday CHECK (((weekday >= 1) AND (weekday <= 7)))
);

ALTER TABLE ONLY virtual_fax_hours FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE virtual_fax_hours IS 'Opening hours in the company''s zone; no row: always open. Outside of them calls get 480.';

COMMENT ON COLUMN virtual_fax_hours.virtual_fax_id IS 'Whose hours.';

COMMENT ON COLUMN virtual_fax_hours.weekday IS '1 Monday to 7 Sunday.';

COMMENT ON COLUMN virtual_fax_hours.opens IS 'From this time on.';

COMMENT ON COLUMN virtual_fax_hours.closes IS 'Up to, not including; 24:00 is the end of the day.';

ALTER TABLE virtual_fax_hours ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE virtual_fax_senders (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    email text NOT NULL,
    CONSTRAINT sender_is_an_address_or_a_domain CHECK (((email = lower(email)) AND (email ~ '^[^@[:space:]]*@[^@[:space:]]+$'::text)))
);

ALTER TABLE ONLY virtual_fax_senders FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE virtual_fax_senders IS 'Who may fax by mail, and as which virtual fax.';

COMMENT ON COLUMN virtual_fax_senders.virtual_fax_id IS 'The virtual fax that sends.';

COMMENT ON COLUMN virtual_fax_senders.email IS 'The sender''s address in lower case; @domain: everybody there. In the platform it names one virtual fax.';

CREATE TABLE virtual_fax_users (
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    virtual_fax_id bigint NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE ONLY virtual_fax_users FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE virtual_fax_users IS 'Which users (role user) may use which virtual faxes; administrators use all.';

COMMENT ON COLUMN virtual_fax_users.virtual_fax_id IS 'The virtual fax.';

COMMENT ON COLUMN virtual_fax_users.user_id IS 'Who sends by it and sees its faxes.';

CREATE TABLE virtual_faxes (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    name text NOT NULL,
    email text[] DEFAULT '{}'::text[] NOT NULL,
    send_by_email boolean DEFAULT false NOT NULL,
    outgoing_ddi_id bigint,
    station_id text,
    header_line text,
    ecm boolean DEFAULT true NOT NULL,
    max_bit_rate integer DEFAULT 14400 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    audio_fax text DEFAULT 'after_t38_refused'::text NOT NULL,
    resolution text DEFAULT 'fine'::text NOT NULL,
    pictures text DEFAULT 'auto'::text NOT NULL,
    long_pages text DEFAULT 'split'::text NOT NULL,
    mail_events text[] DEFAULT '{received,partial}'::text[] NOT NULL,
    mail_document text DEFAULT 'pdf'::text NOT NULL,
    max_attempts integer,
    retry_delay integer,
    CONSTRAINT audio_fax_is_never_after_t38_refused_or_first CHECK ((audio_fax = ANY (ARRAY['never'::text, 'after_t38_refused'::text, 'first'::text]))),
    CONSTRAINT bit_rate_is_one_of_t30 CHECK ((max_bit_rate = ANY (ARRAY[2400, 4800, 7200, 9600, 12000, 14400]))),
    CONSTRAINT email_is_needed_to_send_by_email CHECK (((NOT send_by_email) OR (cardinality(email) > 0))),
    CONSTRAINT header_line_is_50_characters CHECK ((length(header_line) <= 50)),
    CONSTRAINT long_pages_are_split_or_scaled CHECK ((long_pages = ANY (ARRAY['split'::text, 'scale'::text]))),
    CONSTRAINT mail_document_is_pdf_or_link CHECK ((mail_document = ANY (ARRAY['pdf'::text, 'link'::text]))),
    CONSTRAINT mail_events_are_known CHECK ((mail_events <@ ARRAY['received'::text, 'partial'::text, 'sent'::text, 'failed'::text])),
    CONSTRAINT max_attempts_is_1_to_12 CHECK (((max_attempts >= 1) AND (max_attempts <= 12))),
    CONSTRAINT pictures_are_auto_text_or_photo CHECK ((pictures = ANY (ARRAY['auto'::text, 'text'::text, 'photo'::text]))),
    CONSTRAINT resolution_is_normal_fine_or_superfine CHECK ((resolution = ANY (ARRAY['normal'::text, 'fine'::text, 'superfine'::text]))),
    CONSTRAINT retry_delay_is_10_seconds_to_a_day CHECK (((retry_delay >= 10) AND (retry_delay <= 86400))),
    CONSTRAINT station_id_is_20_printable_characters CHECK ((station_id ~ '^[ -~]{0,20}$'::text)),
    CONSTRAINT virtual_fax_name_has_no_slash CHECK (((name <> ''::text) AND (name !~ '/'::text)))
);

ALTER TABLE ONLY virtual_faxes FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE virtual_faxes IS 'A fax machine without the machine: receives to PDF and email, sends PDF.';

COMMENT ON COLUMN virtual_faxes.name IS 'Unique in the company; used as company/name on the command line.';

COMMENT ON COLUMN virtual_faxes.email IS 'Who gets received faxes.';

COMMENT ON COLUMN virtual_faxes.send_by_email IS 'Mail to email what mail_events says.';

COMMENT ON COLUMN virtual_faxes.outgoing_ddi_id IS 'Caller id of its faxes; null: the company''s outgoing DDI.';

COMMENT ON COLUMN virtual_faxes.station_id IS 'TSI and CSI (T.30), 20 characters; null: the outgoing DDI''s digits.';

COMMENT ON COLUMN virtual_faxes.header_line IS 'Text of the header line on sent pages; null: no header line.';

COMMENT ON COLUMN virtual_faxes.ecm IS 'Error correction mode of T.30. Leave on, unless a peer needs it off.';

COMMENT ON COLUMN virtual_faxes.max_bit_rate IS 'Fastest modem rate to offer, bit/s.';

COMMENT ON COLUMN virtual_faxes.audio_fax IS 'When a fax may go over G.711 audio: never; after_t38_refused; first, without asking for T.38.';

COMMENT ON COLUMN virtual_faxes.resolution IS 'Of sent pages: normal (98), fine (196) or superfine (391 lines an inch).';

COMMENT ON COLUMN virtual_faxes.pictures IS 'auto: chosen by page; text: black or white; photo: with greys.';

COMMENT ON COLUMN virtual_faxes.long_pages IS 'A page longer than the paper is split into several, or scaled to fit.';

COMMENT ON COLUMN virtual_faxes.mail_events IS 'What is mailed, with send_by_email: received, partial, sent, failed.';

COMMENT ON COLUMN virtual_faxes.mail_document IS 'pdf: the mail carries the document; link: it leads to the portal.';

COMMENT ON COLUMN virtual_faxes.max_attempts IS 'Calls that are made for one fax at the most; null: as often as the retry rules say.';

COMMENT ON COLUMN virtual_faxes.retry_delay IS 'Seconds until a failed fax is tried again, half of it up to one and a half times of it, by chance; null: as the retry rules say.';

ALTER TABLE virtual_faxes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

CREATE TABLE web_sessions (
    token_sha256 bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    CONSTRAINT session_digest_is_32_octets CHECK ((length(token_sha256) = 32))
);

ALTER TABLE ONLY web_sessions FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE web_sessions IS 'Who is logged in to the portal; a deleted row is logged out.';

COMMENT ON COLUMN web_sessions.token_sha256 IS 'Digest of the cookie; the cookie itself is stored nowhere.';

COMMENT ON COLUMN web_sessions.user_id IS 'Who.';

COMMENT ON COLUMN web_sessions.seen_at IS 'Last request, to the minute.';

COMMENT ON COLUMN web_sessions.expires_at IS 'After this the session is over.';

COMMENT ON COLUMN web_sessions.address IS 'Where the log-in came from.';

COMMENT ON COLUMN web_sessions.agent IS 'The browser, as it calls itself.';

CREATE TABLE webhooks (
    id bigint NOT NULL,
    brand_id bigint NOT NULL,
    company_id bigint NOT NULL,
    url text NOT NULL,
    secret text DEFAULT ('whsec_'::text || encode((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'::text)) NOT NULL,
    events text[] DEFAULT '{fax.received,fax.sent,fax.failed}'::text[] NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_events_are_known CHECK ((events <@ ARRAY['fax.received'::text, 'fax.sent'::text, 'fax.failed'::text, 'fax.progress'::text])),
    CONSTRAINT webhook_secret_is_whsec_and_base64 CHECK ((secret ~ '^whsec_[A-Za-z0-9+/=]{32,88}$'::text)),
    CONSTRAINT webhook_url_is_http_or_https CHECK ((url ~ '^https?://[^[:space:]]+$'::text))
);

ALTER TABLE ONLY webhooks FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE webhooks IS 'Where a company is told what happened (Standard Webhooks).';

COMMENT ON COLUMN webhooks.url IS 'Gets POSTs; addresses inside our own network are refused.';

COMMENT ON COLUMN webhooks.secret IS 'Key of the signatures: whsec_ and base64. Written, never read again.';

COMMENT ON COLUMN webhooks.events IS 'fax.received, fax.sent, fax.failed, fax.progress (each page).';

COMMENT ON COLUMN webhooks.enabled IS 'false: nothing is sent.';

ALTER TABLE webhooks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

ALTER TABLE ONLY documents ATTACH PARTITION documents_other DEFAULT;

ALTER TABLE ONLY faxes
    ADD CONSTRAINT a_received_call_is_stored_once UNIQUE (spool_key);

ALTER TABLE ONLY sip_accounts
    ADD CONSTRAINT account_username_is_unique_in_its_company UNIQUE (company_id, username);

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_key_is_unique UNIQUE (secret);

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempt_number_is_unique_in_its_fax UNIQUE (company_id, fax_id, number);

ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (company_id, id);

ALTER TABLE ONLY audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY brand_countries
    ADD CONSTRAINT brand_countries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY brands
    ADD CONSTRAINT brand_name_is_unique UNIQUE (name);

ALTER TABLE ONLY brands
    ADD CONSTRAINT brands_pkey PRIMARY KEY (id);

ALTER TABLE ONLY bridges
    ADD CONSTRAINT bridge_address_is_unique UNIQUE (sip_address, sip_port);

ALTER TABLE ONLY bridges
    ADD CONSTRAINT bridge_name_is_unique UNIQUE (name);

ALTER TABLE ONLY bridges
    ADD CONSTRAINT bridges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY broadcasts
    ADD CONSTRAINT broadcasts_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY broadcasts
    ADD CONSTRAINT broadcasts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY virtual_fax_callers
    ADD CONSTRAINT caller_is_listed_once UNIQUE (virtual_fax_id, prefix);

ALTER TABLE ONLY carriers
    ADD CONSTRAINT carrier_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY carrier_rates
    ADD CONSTRAINT carrier_rates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY carrier_registrations
    ADD CONSTRAINT carrier_registrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY carrier_servers
    ADD CONSTRAINT carrier_server_host_is_unique UNIQUE (carrier_id, host, port, transport);

ALTER TABLE ONLY carrier_servers
    ADD CONSTRAINT carrier_server_id_and_brand UNIQUE (id, brand_id);

ALTER TABLE ONLY carrier_servers
    ADD CONSTRAINT carrier_server_is_unique UNIQUE (carrier_id, address, port, transport);

ALTER TABLE ONLY carrier_servers
    ADD CONSTRAINT carrier_servers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY carriers
    ADD CONSTRAINT carriers_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY carriers
    ADD CONSTRAINT carriers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT companies_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT companies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT company_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY company_routing_tags
    ADD CONSTRAINT company_routing_tags_pkey PRIMARY KEY (company_id, routing_tag_id);

ALTER TABLE ONLY countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (code);

ALTER TABLE ONLY brand_countries
    ADD CONSTRAINT country_is_named_once UNIQUE (brand_id, country);

ALTER TABLE ONLY cover_pages
    ADD CONSTRAINT cover_page_name_is_unique_in_its_company UNIQUE (company_id, name);

ALTER TABLE ONLY cover_pages
    ADD CONSTRAINT cover_pages_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY cover_pages
    ADD CONSTRAINT cover_pages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddi_number_is_unique UNIQUE (number);

ALTER TABLE ONLY ddi_provider_addresses
    ADD CONSTRAINT ddi_provider_addresses_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ddi_providers
    ADD CONSTRAINT ddi_provider_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY ddi_providers
    ADD CONSTRAINT ddi_providers_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY ddi_providers
    ADD CONSTRAINT ddi_providers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddis_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddis_pkey PRIMARY KEY (id);

ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (company_id, fax_id, kind, part, created_at);

ALTER TABLE ONLY documents_other
    ADD CONSTRAINT documents_other_pkey PRIMARY KEY (company_id, fax_id, kind, part, created_at);

ALTER TABLE ONLY failover_defaults
    ADD CONSTRAINT failover_defaults_pkey PRIMARY KEY (class);

ALTER TABLE ONLY failover_rules
    ADD CONSTRAINT failover_rule_is_unique UNIQUE NULLS NOT DISTINCT (brand_id, carrier_id, class);

ALTER TABLE ONLY failover_rules
    ADD CONSTRAINT failover_rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY fax_queues
    ADD CONSTRAINT fax_queues_pkey PRIMARY KEY (company_id);

ALTER TABLE ONLY faxes
    ADD CONSTRAINT faxes_pkey PRIMARY KEY (company_id, id);

ALTER TABLE ONLY faxes
    ADD CONSTRAINT idempotency_key_is_unique_in_its_company UNIQUE (company_id, idempotency_key);

ALTER TABLE ONLY mail_templates
    ADD CONSTRAINT mail_template_is_unique UNIQUE NULLS NOT DISTINCT (brand_id, company_id, event, language);

ALTER TABLE ONLY mail_templates
    ADD CONSTRAINT mail_templates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY number_transformation_rules
    ADD CONSTRAINT number_transformation_rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY number_transformations
    ADD CONSTRAINT number_transformations_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY number_transformations
    ADD CONSTRAINT number_transformations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY operator_logins
    ADD CONSTRAINT operator_logins_pkey PRIMARY KEY (login);

ALTER TABLE ONLY outgoing_route_carriers
    ADD CONSTRAINT outgoing_route_carriers_pkey PRIMARY KEY (route_id, carrier_id);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT outgoing_routes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pages
    ADD CONSTRAINT pages_pkey PRIMARY KEY (company_id, fax_id, page);

ALTER TABLE ONLY routing_pattern_groups
    ADD CONSTRAINT pattern_group_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY routing_patterns
    ADD CONSTRAINT pattern_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY peer_profiles
    ADD CONSTRAINT peer_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY peer_profiles
    ADD CONSTRAINT profile_number_is_unique_in_its_brand UNIQUE (brand_id, number);

ALTER TABLE ONLY ddi_provider_addresses
    ADD CONSTRAINT provider_address_is_unique UNIQUE NULLS NOT DISTINCT (address, local_address, local_port);

ALTER TABLE ONLY carrier_rates
    ADD CONSTRAINT rate_is_unique UNIQUE (carrier_id, prefix, valid_from);

ALTER TABLE ONLY retry_defaults
    ADD CONSTRAINT retry_defaults_pkey PRIMARY KEY (reason);

ALTER TABLE ONLY retry_rules
    ADD CONSTRAINT retry_rule_is_unique UNIQUE (brand_id, reason);

ALTER TABLE ONLY retry_rules
    ADD CONSTRAINT retry_rules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_id_and_brand UNIQUE (id, brand_id);

ALTER TABLE ONLY routing_pattern_group_members
    ADD CONSTRAINT routing_pattern_group_members_pkey PRIMARY KEY (group_id, pattern_id);

ALTER TABLE ONLY routing_pattern_groups
    ADD CONSTRAINT routing_pattern_groups_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY routing_pattern_groups
    ADD CONSTRAINT routing_pattern_groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY routing_patterns
    ADD CONSTRAINT routing_patterns_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY routing_patterns
    ADD CONSTRAINT routing_patterns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY routing_tags
    ADD CONSTRAINT routing_tags_id_brand_id_key UNIQUE (id, brand_id);

ALTER TABLE ONLY routing_tags
    ADD CONSTRAINT routing_tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sending_hours
    ADD CONSTRAINT sending_hours_pkey PRIMARY KEY (id);

ALTER TABLE ONLY carrier_registrations
    ADD CONSTRAINT server_is_registered_at_once UNIQUE (carrier_server_id);

ALTER TABLE ONLY sip_accounts
    ADD CONSTRAINT sip_accounts_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY sip_accounts
    ADD CONSTRAINT sip_accounts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT sip_domain_is_unique UNIQUE (sip_domain);

ALTER TABLE ONLY routing_tags
    ADD CONSTRAINT tag_is_unique_in_its_brand UNIQUE (brand_id, tag);

ALTER TABLE ONLY routing_tags
    ADD CONSTRAINT tag_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY number_transformations
    ADD CONSTRAINT transformation_name_is_unique_in_its_brand UNIQUE (brand_id, name);

ALTER TABLE ONLY users
    ADD CONSTRAINT user_email_is_unique UNIQUE (email);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY virtual_fax_callers
    ADD CONSTRAINT virtual_fax_callers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY virtual_fax_hours
    ADD CONSTRAINT virtual_fax_hours_pkey PRIMARY KEY (id);

ALTER TABLE ONLY virtual_faxes
    ADD CONSTRAINT virtual_fax_name_is_unique_in_its_company UNIQUE (company_id, name);

ALTER TABLE ONLY virtual_fax_senders
    ADD CONSTRAINT virtual_fax_senders_pkey PRIMARY KEY (email);

ALTER TABLE ONLY virtual_fax_users
    ADD CONSTRAINT virtual_fax_users_pkey PRIMARY KEY (virtual_fax_id, user_id);

ALTER TABLE ONLY virtual_faxes
    ADD CONSTRAINT virtual_faxes_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY virtual_faxes
    ADD CONSTRAINT virtual_faxes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY web_sessions
    ADD CONSTRAINT web_sessions_pkey PRIMARY KEY (token_sha256);

ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_id_company_id_key UNIQUE (id, company_id);

ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_by_company ON api_keys USING btree (company_id);

CREATE INDEX attempts_by_brand ON attempts USING btree (brand_id, started_at DESC);

CREATE INDEX audit_log_by_company ON audit_log USING btree (company_id, at DESC);

CREATE INDEX audit_log_by_fax ON audit_log USING btree (company_id, fax_id) WHERE (fax_id IS NOT NULL);

CREATE INDEX broadcasts_by_company ON broadcasts USING btree (company_id, created_at DESC);

CREATE INDEX carrier_rates_by_entry ON carrier_rates USING btree (((((carrier_id)::text || ':'::text) || prefix)));

CREATE INDEX ddis_by_sip_account ON ddis USING btree (sip_account_id) WHERE (sip_account_id IS NOT NULL);

CREATE INDEX deliveries_by_fax ON deliveries USING btree (company_id, fax_id);

CREATE INDEX deliveries_pending ON deliveries USING btree (created_at) WHERE (state = 'pending'::delivery_state);

CREATE INDEX fax_queues_turn ON fax_queues USING btree (running, served_at) WHERE (waiting > 0);

CREATE INDEX faxes_by_brand ON faxes USING btree (brand_id, created_at DESC, id DESC);

CREATE INDEX faxes_by_company ON faxes USING btree (company_id, created_at DESC, id DESC);

CREATE INDEX faxes_by_direction ON faxes USING btree (company_id, direction, created_at DESC, id DESC);

CREATE INDEX faxes_by_id ON faxes USING btree (id);

CREATE INDEX faxes_by_number ON faxes USING gin (company_id, remote_number gin_trgm_ops);

CREATE INDEX faxes_by_station ON faxes USING btree (company_id, upper(replace(remote_station_id, ' '::text, ''::text)) text_pattern_ops) WHERE (remote_station_id <> ''::text);

CREATE INDEX faxes_by_time ON faxes USING btree (created_at DESC, id DESC);

CREATE INDEX faxes_by_virtual_fax ON faxes USING btree (virtual_fax_id, created_at DESC, id DESC);

CREATE INDEX faxes_calling ON faxes USING btree (remote_number) WHERE ((status = 'inprogress'::fax_status) AND (direction = 'out'::fax_direction));

CREATE INDEX faxes_claimed ON faxes USING btree (claimed_until) WHERE (status = 'inprogress'::fax_status);

CREATE INDEX faxes_due ON faxes USING btree (company_id, priority, send_at, id) WHERE ((status = 'pending'::fax_status) AND (direction = 'out'::fax_direction) AND (prepared_at IS NOT NULL));

CREATE INDEX faxes_failed ON faxes USING btree (company_id, created_at DESC, id DESC) WHERE (status = 'error'::fax_status);

CREATE INDEX faxes_in_by_number ON faxes USING btree (company_id, remote_number, id) WHERE (direction = 'in'::fax_direction);

CREATE INDEX faxes_in_by_pages ON faxes USING btree (company_id, COALESCE(pages, 0), id) WHERE (direction = 'in'::fax_direction);

CREATE INDEX faxes_of_broadcast ON faxes USING btree (broadcast_id, status) WHERE (broadcast_id IS NOT NULL);

CREATE INDEX faxes_of_document ON faxes USING btree (company_id, document_fax_id) WHERE (document_fax_id IS NOT NULL);

CREATE INDEX faxes_out_by_number ON faxes USING btree (company_id, remote_number, id) WHERE (direction = 'out'::fax_direction);

CREATE INDEX faxes_out_by_pages ON faxes USING btree (company_id, COALESCE(pages, 0), id) WHERE (direction = 'out'::fax_direction);

CREATE INDEX faxes_under_way ON faxes USING btree (company_id, created_at DESC, id DESC) WHERE (status = ANY (ARRAY['pending'::fax_status, 'inprogress'::fax_status]));

CREATE INDEX faxes_unprepared ON faxes USING btree (created_at) WHERE ((status = 'pending'::fax_status) AND (direction = 'out'::fax_direction) AND (prepared_at IS NULL) AND (document_fax_id IS NULL));

CREATE INDEX faxes_unread ON faxes USING btree (company_id, created_at DESC, id DESC) WHERE ((direction = 'in'::fax_direction) AND (read_at IS NULL) AND (deleted_at IS NULL));

CREATE INDEX number_transformation_rules_by_set ON number_transformation_rules USING btree (transformation_id);

CREATE INDEX operator_logins_by_brand ON operator_logins USING btree (brand_id);

CREATE INDEX outgoing_routes_by_group ON outgoing_routes USING btree (group_id);

CREATE INDEX outgoing_routes_by_owner ON outgoing_routes USING btree (brand_id, company_id);

CREATE INDEX outgoing_routes_by_pattern ON outgoing_routes USING btree (pattern_id);

CREATE INDEX routing_changes_by_age ON routing_changes USING btree (changed_at);

CREATE INDEX routing_changes_by_txid ON routing_changes USING btree (txid);

CREATE INDEX sending_hours_by_company ON sending_hours USING btree (company_id);

CREATE INDEX users_by_company ON users USING btree (company_id);

CREATE INDEX virtual_fax_hours_by_fax ON virtual_fax_hours USING btree (virtual_fax_id);

CREATE INDEX virtual_fax_users_by_user ON virtual_fax_users USING btree (user_id);

CREATE INDEX web_sessions_by_user ON web_sessions USING btree (user_id);

CREATE INDEX webhooks_by_company ON webhooks USING btree (company_id);

ALTER INDEX documents_pkey ATTACH PARTITION documents_other_pkey;

CREATE TRIGGER account_needs_a_domain BEFORE INSERT OR UPDATE OF company_id ON sip_accounts FOR EACH ROW EXECUTE FUNCTION account_needs_a_domain();

CREATE TRIGGER keep_sip_domain BEFORE UPDATE OF sip_domain ON companies FOR EACH ROW EXECUTE FUNCTION keep_sip_domain();

ALTER TABLE ONLY sip_accounts
    ADD CONSTRAINT account_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY sip_accounts
    ADD CONSTRAINT account_outgoing_ddi_is_of_the_same_company FOREIGN KEY (outgoing_ddi_id, company_id) REFERENCES ddis(id, company_id);

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempt_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_company_id_fax_id_fkey FOREIGN KEY (company_id, fax_id) REFERENCES faxes(company_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY audit_log
    ADD CONSTRAINT audit_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY audit_log
    ADD CONSTRAINT audit_fax_is_of_the_same_company FOREIGN KEY (company_id, fax_id) REFERENCES faxes(company_id, id) ON DELETE SET NULL (fax_id);

ALTER TABLE ONLY brand_countries
    ADD CONSTRAINT brand_countries_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id) ON DELETE CASCADE;

ALTER TABLE ONLY broadcasts
    ADD CONSTRAINT broadcast_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY broadcasts
    ADD CONSTRAINT broadcast_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id);

ALTER TABLE ONLY virtual_fax_callers
    ADD CONSTRAINT caller_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY virtual_fax_callers
    ADD CONSTRAINT caller_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id) ON DELETE CASCADE;

ALTER TABLE ONLY carrier_servers
    ADD CONSTRAINT carrier_server_is_of_the_same_brand FOREIGN KEY (carrier_id, brand_id) REFERENCES carriers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY carriers
    ADD CONSTRAINT carrier_transformation_is_of_the_same_brand FOREIGN KEY (transformation_id, brand_id) REFERENCES number_transformations(id, brand_id);

ALTER TABLE ONLY carriers
    ADD CONSTRAINT carriers_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT companies_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT company_cover_page_is_its_own FOREIGN KEY (cover_page_id, id) REFERENCES cover_pages(id, company_id);

ALTER TABLE ONLY companies
    ADD CONSTRAINT company_outgoing_ddi_is_of_the_same_company FOREIGN KEY (outgoing_ddi_id, id) REFERENCES ddis(id, company_id);

ALTER TABLE ONLY company_routing_tags
    ADD CONSTRAINT company_tag_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY company_routing_tags
    ADD CONSTRAINT company_tag_is_of_the_same_brand FOREIGN KEY (routing_tag_id, brand_id) REFERENCES routing_tags(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY companies
    ADD CONSTRAINT company_transformation_is_of_the_same_brand FOREIGN KEY (transformation_id, brand_id) REFERENCES number_transformations(id, brand_id);

ALTER TABLE ONLY brand_countries
    ADD CONSTRAINT country_is_known FOREIGN KEY (country) REFERENCES countries(code);

ALTER TABLE ONLY companies
    ADD CONSTRAINT country_is_known FOREIGN KEY (country) REFERENCES countries(code);

ALTER TABLE ONLY cover_pages
    ADD CONSTRAINT cover_page_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddi_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddi_provider_is_of_the_same_brand FOREIGN KEY (ddi_provider_id, brand_id) REFERENCES ddi_providers(id, brand_id);

ALTER TABLE ONLY ddi_providers
    ADD CONSTRAINT ddi_provider_transformation_is_of_the_same_brand FOREIGN KEY (transformation_id, brand_id) REFERENCES number_transformations(id, brand_id);

ALTER TABLE ONLY ddi_providers
    ADD CONSTRAINT ddi_providers_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddi_sip_account_is_of_the_same_company FOREIGN KEY (sip_account_id, company_id) REFERENCES sip_accounts(id, company_id);

ALTER TABLE ONLY ddis
    ADD CONSTRAINT ddi_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id);

ALTER TABLE ONLY deliveries
    ADD CONSTRAINT delivery_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY deliveries
    ADD CONSTRAINT delivery_fax_is_of_the_same_company FOREIGN KEY (company_id, fax_id) REFERENCES faxes(company_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY deliveries
    ADD CONSTRAINT delivery_webhook_is_of_the_same_company FOREIGN KEY (webhook_id, company_id) REFERENCES webhooks(id, company_id) ON DELETE CASCADE;

ALTER TABLE documents
    ADD CONSTRAINT document_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE documents
    ADD CONSTRAINT document_fax_is_of_the_same_company FOREIGN KEY (company_id, fax_id) REFERENCES faxes(company_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY failover_rules
    ADD CONSTRAINT failover_rule_carrier_is_of_the_same_brand FOREIGN KEY (carrier_id, brand_id) REFERENCES carriers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY failover_rules
    ADD CONSTRAINT failover_rules_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY faxes
    ADD CONSTRAINT fax_broadcast_is_of_the_same_company FOREIGN KEY (broadcast_id, company_id) REFERENCES broadcasts(id, company_id);

ALTER TABLE ONLY faxes
    ADD CONSTRAINT fax_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY fax_queues
    ADD CONSTRAINT fax_queues_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies(id) ON DELETE CASCADE;

ALTER TABLE ONLY virtual_fax_users
    ADD CONSTRAINT fax_user_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY virtual_fax_users
    ADD CONSTRAINT fax_user_is_of_the_same_company FOREIGN KEY (user_id, company_id) REFERENCES users(id, company_id) ON DELETE CASCADE;

ALTER TABLE ONLY virtual_fax_users
    ADD CONSTRAINT fax_user_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id) ON DELETE CASCADE;

ALTER TABLE ONLY faxes
    ADD CONSTRAINT fax_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id);

ALTER TABLE ONLY routing_pattern_group_members
    ADD CONSTRAINT group_member_group_is_of_the_same_brand FOREIGN KEY (group_id, brand_id) REFERENCES routing_pattern_groups(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY routing_pattern_group_members
    ADD CONSTRAINT group_member_pattern_is_of_the_same_brand FOREIGN KEY (pattern_id, brand_id) REFERENCES routing_patterns(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY virtual_fax_hours
    ADD CONSTRAINT hours_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY virtual_fax_hours
    ADD CONSTRAINT hours_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id) ON DELETE CASCADE;

ALTER TABLE ONLY api_keys
    ADD CONSTRAINT key_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY outgoing_route_carriers
    ADD CONSTRAINT lcr_carrier_is_of_the_same_brand FOREIGN KEY (carrier_id, brand_id) REFERENCES carriers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY mail_templates
    ADD CONSTRAINT mail_template_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY mail_templates
    ADD CONSTRAINT mail_templates_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id) ON DELETE CASCADE;

ALTER TABLE ONLY number_transformations
    ADD CONSTRAINT number_transformations_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY operator_logins
    ADD CONSTRAINT operator_logins_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id) ON DELETE CASCADE;

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT outgoing_routes_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY pages
    ADD CONSTRAINT page_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY pages
    ADD CONSTRAINT pages_company_id_fax_id_fkey FOREIGN KEY (company_id, fax_id) REFERENCES faxes(company_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY peer_profiles
    ADD CONSTRAINT peer_profiles_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id) ON DELETE CASCADE;

ALTER TABLE ONLY ddi_provider_addresses
    ADD CONSTRAINT provider_address_is_of_the_same_brand FOREIGN KEY (ddi_provider_id, brand_id) REFERENCES ddi_providers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY fax_queues
    ADD CONSTRAINT queue_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY carrier_rates
    ADD CONSTRAINT rate_carrier_is_of_the_same_brand FOREIGN KEY (carrier_id, brand_id) REFERENCES carriers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY carrier_registrations
    ADD CONSTRAINT registration_is_of_the_same_brand FOREIGN KEY (carrier_server_id, brand_id) REFERENCES carrier_servers(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY retry_rules
    ADD CONSTRAINT retry_rules_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id) ON DELETE CASCADE;

ALTER TABLE ONLY retry_rules
    ADD CONSTRAINT retry_rules_reason_fkey FOREIGN KEY (reason) REFERENCES retry_defaults(reason);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_carrier_is_of_the_same_brand FOREIGN KEY (carrier_id, brand_id) REFERENCES carriers(id, brand_id);

ALTER TABLE ONLY outgoing_route_carriers
    ADD CONSTRAINT route_carrier_route_is_of_the_same_brand FOREIGN KEY (route_id, brand_id) REFERENCES outgoing_routes(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_group_is_of_the_same_brand FOREIGN KEY (group_id, brand_id) REFERENCES routing_pattern_groups(id, brand_id);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_pattern_is_of_the_same_brand FOREIGN KEY (pattern_id, brand_id) REFERENCES routing_patterns(id, brand_id);

ALTER TABLE ONLY outgoing_routes
    ADD CONSTRAINT route_tag_is_of_the_same_brand FOREIGN KEY (routing_tag_id, brand_id) REFERENCES routing_tags(id, brand_id);

ALTER TABLE ONLY routing_pattern_groups
    ADD CONSTRAINT routing_pattern_groups_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY routing_patterns
    ADD CONSTRAINT routing_patterns_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY routing_tags
    ADD CONSTRAINT routing_tags_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY number_transformation_rules
    ADD CONSTRAINT rule_is_of_the_same_brand FOREIGN KEY (transformation_id, brand_id) REFERENCES number_transformations(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY virtual_fax_senders
    ADD CONSTRAINT sender_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY virtual_fax_senders
    ADD CONSTRAINT sender_virtual_fax_is_of_the_same_company FOREIGN KEY (virtual_fax_id, company_id) REFERENCES virtual_faxes(id, company_id) ON DELETE CASCADE;

ALTER TABLE ONLY sending_hours
    ADD CONSTRAINT sending_hours_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE ONLY users
    ADD CONSTRAINT user_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES brands(id);

ALTER TABLE ONLY virtual_faxes
    ADD CONSTRAINT virtual_fax_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id);

ALTER TABLE ONLY virtual_faxes
    ADD CONSTRAINT virtual_fax_outgoing_ddi_is_of_the_same_company FOREIGN KEY (outgoing_ddi_id, company_id) REFERENCES ddis(id, company_id);

ALTER TABLE ONLY web_sessions
    ADD CONSTRAINT web_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhook_company_is_of_the_same_brand FOREIGN KEY (company_id, brand_id) REFERENCES companies(id, brand_id) ON DELETE CASCADE;

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE brand_countries ENABLE ROW LEVEL SECURITY;

ALTER TABLE brands ENABLE ROW LEVEL SECURITY;

ALTER TABLE bridges ENABLE ROW LEVEL SECURITY;

ALTER TABLE broadcasts ENABLE ROW LEVEL SECURITY;

ALTER TABLE carrier_rates ENABLE ROW LEVEL SECURITY;

ALTER TABLE carrier_registrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE carrier_servers ENABLE ROW LEVEL SECURITY;

ALTER TABLE carriers ENABLE ROW LEVEL SECURITY;

ALTER TABLE companies ENABLE ROW LEVEL SECURITY;

ALTER TABLE company_routing_tags ENABLE ROW LEVEL SECURITY;

ALTER TABLE countries ENABLE ROW LEVEL SECURITY;

ALTER TABLE cover_pages ENABLE ROW LEVEL SECURITY;

ALTER TABLE ddi_provider_addresses ENABLE ROW LEVEL SECURITY;

ALTER TABLE ddi_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE ddis ENABLE ROW LEVEL SECURITY;

ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents_other ENABLE ROW LEVEL SECURITY;

ALTER TABLE failover_defaults ENABLE ROW LEVEL SECURITY;

ALTER TABLE failover_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE fax_queues ENABLE ROW LEVEL SECURITY;

ALTER TABLE faxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE mail_templates ENABLE ROW LEVEL SECURITY;

ALTER TABLE number_transformation_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE number_transformations ENABLE ROW LEVEL SECURITY;

ALTER TABLE operator_logins ENABLE ROW LEVEL SECURITY;

ALTER TABLE outgoing_route_carriers ENABLE ROW LEVEL SECURITY;

ALTER TABLE outgoing_routes ENABLE ROW LEVEL SECURITY;

ALTER TABLE pages ENABLE ROW LEVEL SECURITY;

ALTER TABLE peer_profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE retry_defaults ENABLE ROW LEVEL SECURITY;

ALTER TABLE retry_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE routing_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE routing_pattern_group_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE routing_pattern_groups ENABLE ROW LEVEL SECURITY;

ALTER TABLE routing_patterns ENABLE ROW LEVEL SECURITY;

ALTER TABLE routing_tags ENABLE ROW LEVEL SECURITY;

ALTER TABLE sending_hours ENABLE ROW LEVEL SECURITY;

ALTER TABLE sip_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE users ENABLE ROW LEVEL SECURITY;

ALTER TABLE virtual_fax_callers ENABLE ROW LEVEL SECURITY;

ALTER TABLE virtual_fax_hours ENABLE ROW LEVEL SECURITY;

ALTER TABLE virtual_fax_senders ENABLE ROW LEVEL SECURITY;

ALTER TABLE virtual_fax_users ENABLE ROW LEVEL SECURITY;

ALTER TABLE virtual_faxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE web_sessions ENABLE ROW LEVEL SECURITY;

ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
