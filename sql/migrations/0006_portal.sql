-- The portal and the API: people and what they may do, web sessions, API keys, and lists that stay
-- fast at any length.

create extension if not exists pg_trgm;
create extension if not exists btree_gin;

-- ---- people --------------------------------------------------------------------------------------

update users set email = lower(email);
alter table users alter column brand_id drop not null;
update users set brand_id = null, company_id = null where role = 'platform';
alter table users
    add column enabled boolean not null default true,
    add column fax_only boolean not null default false,
    add column time_zone text,
    add column failed_logins integer not null default 0,
    add column locked_until timestamptz,
    add column last_login_at timestamptz,
    add constraint user_email_is_an_address_in_lower_case check (email = lower(email) and email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    add constraint platform_users_have_no_brand check ((role = 'platform') = (brand_id is null)),
    add constraint only_company_users_have_a_company check ((role in ('company', 'user')) = (company_id is not null)),
    add constraint fax_only_is_for_company_administrators check (not fax_only or role = 'company'),
    add unique (id, company_id);
alter table users drop constraint company_users_have_a_company;
create index users_by_company on users (company_id);
comment on column users.enabled is 'false: cannot log in, and is logged out.';
comment on column users.fax_only is 'A company administrator of faxes and virtual faxes alone: no users, keys or webhooks.';
comment on column users.time_zone is 'IANA zone in which times are shown; null: the company''s.';
comment on column users.failed_logins is 'Wrong passwords since the last right one.';
comment on column users.locked_until is 'After too many wrong passwords: no log-in before this.';
comment on column users.last_login_at is 'When somebody last logged in as this user.';

create table virtual_fax_users (
    brand_id       bigint not null,
    company_id     bigint not null,
    virtual_fax_id bigint not null,
    user_id        bigint not null,
    primary key (virtual_fax_id, user_id),
    constraint fax_user_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id) on delete cascade,
    constraint fax_user_is_of_the_same_company
        foreign key (user_id, company_id) references users (id, company_id) on delete cascade,
    constraint fax_user_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id)
);
create index virtual_fax_users_by_user on virtual_fax_users (user_id);
comment on table virtual_fax_users is 'Which users (role user) may use which virtual faxes; administrators use all.';
comment on column virtual_fax_users.virtual_fax_id is 'The virtual fax.';
comment on column virtual_fax_users.user_id is 'Who sends by it and sees its faxes.';

create table web_sessions (
    token_sha256 bytea primary key constraint session_digest_is_32_octets check (length(token_sha256) = 32),
    user_id      bigint not null references users on delete cascade,
    created_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now(),
    expires_at   timestamptz not null,
    address      text not null default '',
    agent        text not null default ''
);
create index web_sessions_by_user on web_sessions (user_id);
comment on table web_sessions is 'Who is logged in to the portal; a deleted row is logged out.';
comment on column web_sessions.token_sha256 is 'Digest of the cookie; the cookie itself is stored nowhere.';
comment on column web_sessions.user_id is 'Who.';
comment on column web_sessions.seen_at is 'Last request, to the minute.';
comment on column web_sessions.expires_at is 'After this the session is over.';
comment on column web_sessions.address is 'Where the log-in came from.';
comment on column web_sessions.agent is 'The browser, as it calls itself.';

create table api_keys (
    id           bigint generated always as identity primary key,
    brand_id     bigint not null references brands,
    company_id   bigint,
    name         text not null constraint key_name_is_not_empty check (name <> ''),
    secret       bytea not null constraint api_key_is_unique unique
                 constraint key_digest_is_32_octets check (length(secret) = 32),
    shown        text not null,
    scopes       text[] not null default '{faxes:read,faxes:write}'
                 constraint key_scopes_are_known
                 check (scopes <@ array['faxes:read', 'faxes:write', 'config:read', 'config:write']),
    test         boolean not null default false,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint key_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade
);
create index api_keys_by_company on api_keys (company_id);
comment on table api_keys is 'Keys of programs that use the API.';
comment on column api_keys.company_id is 'The company that the key acts for; null: a brand operator''s key.';
comment on column api_keys.secret is 'SHA-256 of the key; the key itself is shown once, when it is made.';
comment on column api_keys.shown is 'The first characters of the key, to tell it by.';
comment on column api_keys.scopes is 'faxes:read, faxes:write, config:read, config:write.';
comment on column api_keys.test is 'true: its faxes call a peer of ours that has every fault, and nobody else.';
comment on column api_keys.last_used_at is 'Last request, to the minute.';
comment on column api_keys.revoked_at is 'After this the key opens nothing.';

-- ---- faxes -----------------------------------------------------------------------------------------

alter table faxes
    add column test boolean not null default false,
    add column read_at timestamptz,
    add column deleted_at timestamptz,
    add column client_state text constraint client_state_is_1000_characters check (length(client_state) <= 1000);
comment on column faxes.test is 'out: of a key of the test mode; it leaves to nobody.';
comment on column faxes.read_at is 'in: when somebody first opened it.';
comment on column faxes.deleted_at is 'When a user deleted it: its documents are gone, its record stays.';
comment on column faxes.client_state is 'out: whatever the submitter wants to hear again in webhooks and the API.';

-- Lists are sorted by (created_at, id), the newest first, and go on behind a given pair.
drop index faxes_by_company;
create index faxes_by_company on faxes (company_id, created_at desc, id desc);
create index faxes_by_direction on faxes (company_id, direction, created_at desc, id desc);
create index faxes_by_virtual_fax on faxes (virtual_fax_id, created_at desc, id desc);
create index faxes_failed on faxes (company_id, created_at desc, id desc) where status = 'error';
create index faxes_under_way on faxes (company_id, created_at desc, id desc) where status in ('pending', 'inprogress');
create index faxes_unread on faxes (company_id, created_at desc, id desc)
    where direction = 'in' and read_at is null and deleted_at is null;
create index faxes_by_brand on faxes (brand_id, created_at desc, id desc);
create index faxes_by_time on faxes (created_at desc, id desc);
-- Search: a part of a number; how a station id begins, whatever its blanks and case.
create index faxes_by_number on faxes using gin (company_id, remote_number gin_trgm_ops);
create index faxes_by_station on faxes (company_id, upper(replace(remote_station_id, ' ', '')) text_pattern_ops)
    where remote_station_id <> '';
-- Charts of a brand.
create index attempts_by_brand on attempts (brand_id, started_at desc);

alter table deliveries add column recipients text[];
comment on column deliveries.recipients is 'mail: who gets it; null: whom the virtual fax names.';

do $$
declare
    t text;
begin
    foreach t in array array['virtual_fax_users', 'web_sessions', 'api_keys']
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end
$$;
