-- The queue that is fair between companies, documents that are shared, what was learned of far
-- machines, broadcasts, and the delivery of what happened by mail and webhooks.

-- ---- settings of companies and virtual faxes ---------------------------------------------------

create table cover_pages (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null,
    company_id bigint not null,
    name       text not null constraint cover_page_name_is_not_empty check (name <> ''),
    html       text not null constraint cover_page_is_100_kb_at_most check (length(html) <= 100000),
    constraint cover_page_name_is_unique_in_its_company unique (company_id, name),
    constraint cover_page_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade,
    unique (id, company_id)
);
comment on table cover_pages is 'Templates of cover pages: Jinja2 over simple HTML.';
comment on column cover_pages.name is 'Unique in the company.';
comment on column cover_pages.html is 'Jinja2: to_name, to_number, from_name, from_number, subject, text, date.';

alter table companies
    add column language text not null default 'en'
        constraint language_is_iso_639_1 check (language ~ '^[a-z]{2}$'),
    add column sending_calls integer constraint sending_calls_is_positive check (sending_calls > 0),
    add column retention_days integer constraint retention_is_a_day_at_least check (retention_days > 0),
    add column continuation_cover boolean not null default true,
    add column cover_page_id bigint,
    add constraint company_cover_page_is_its_own
        foreign key (cover_page_id, id) references cover_pages (id, company_id);
comment on column companies.language is 'ISO 639-1 code: of mails and cover pages.';
comment on column companies.sending_calls is 'Faxes sent at a time; null: as many as the workers can.';
comment on column companies.retention_days is 'Documents are deleted after so many days, their records stay; null: kept.';
comment on column companies.continuation_cover is 'A fax that was cut off goes on with a page that says so.';
comment on column companies.cover_page_id is 'Template of cover pages; null: the standard one.';

alter table virtual_faxes
    add column resolution text not null default 'fine'
        constraint resolution_is_normal_fine_or_superfine check (resolution in ('normal', 'fine', 'superfine')),
    add column pictures text not null default 'auto'
        constraint pictures_are_auto_text_or_photo check (pictures in ('auto', 'text', 'photo')),
    add column long_pages text not null default 'split'
        constraint long_pages_are_split_or_scaled check (long_pages in ('split', 'scale')),
    add column mail_events text[] not null default '{received,partial}'
        constraint mail_events_are_known check (mail_events <@ array['received', 'partial', 'sent', 'failed']),
    add column mail_document text not null default 'pdf'
        constraint mail_document_is_pdf_or_link check (mail_document in ('pdf', 'link'));
comment on column virtual_faxes.resolution is 'Of sent pages: normal (98), fine (196) or superfine (391 lines an inch).';
comment on column virtual_faxes.pictures is 'auto: chosen by page; text: black or white; photo: with greys.';
comment on column virtual_faxes.long_pages is 'A page longer than the paper is split into several, or scaled to fit.';
comment on column virtual_faxes.mail_events is 'What is mailed, with send_by_email: received, partial, sent, failed.';
comment on column virtual_faxes.mail_document is 'pdf: the mail carries the document; link: it leads to the portal.';
comment on column virtual_faxes.send_by_email is 'Mail to email what mail_events says.';

create table sending_hours (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null,
    company_id bigint not null,
    weekday    integer not null constraint sending_weekday_is_1_monday_to_7_sunday check (weekday between 1 and 7),
    opens      time not null,
    closes     time not null,
    constraint sending_hours_open_before_they_close check (opens < closes),
    constraint sending_hours_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade
);
create index sending_hours_by_company on sending_hours (company_id);
comment on table sending_hours is 'When a company''s faxes may be dialled, in its zone; no row: always. Urgent ones (priority 0) always.';
comment on column sending_hours.weekday is '1 Monday to 7 Sunday.';
comment on column sending_hours.opens is 'From this time on.';
comment on column sending_hours.closes is 'Up to, not including; 24:00 is the end of the day.';

create table virtual_fax_senders (
    brand_id       bigint not null,
    company_id     bigint not null,
    virtual_fax_id bigint not null,
    email          text not null primary key
                   constraint sender_is_an_address_or_a_domain check (email = lower(email) and email ~ '^[^@[:space:]]*@[^@[:space:]]+$'),
    constraint sender_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id) on delete cascade,
    constraint sender_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id)
);
comment on table virtual_fax_senders is 'Who may fax by mail, and as which virtual fax.';
comment on column virtual_fax_senders.virtual_fax_id is 'The virtual fax that sends.';
comment on column virtual_fax_senders.email is 'The sender''s address in lower case; @domain: everybody there. In the platform it names one virtual fax.';

-- ---- faxes ---------------------------------------------------------------------------------------

create table broadcasts (
    id             bigint generated always as identity primary key,
    brand_id       bigint not null,
    company_id     bigint not null,
    virtual_fax_id bigint not null,
    name           text not null default '',
    total          integer not null constraint broadcast_has_destinations check (total > 0),
    created_at     timestamptz not null default now(),
    constraint broadcast_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    constraint broadcast_virtual_fax_is_of_the_same_company
        foreign key (virtual_fax_id, company_id) references virtual_faxes (id, company_id),
    unique (id, company_id)
);
create index broadcasts_by_company on broadcasts (company_id, created_at desc);
comment on table broadcasts is 'One document to many destinations; broadcast_progress says how far it is.';
comment on column broadcasts.virtual_fax_id is 'The virtual fax that sends.';
comment on column broadcasts.name is 'What the sender calls it.';
comment on column broadcasts.total is 'How many faxes it has.';

alter table faxes
    add column priority smallint not null default 5
        constraint priority_is_0_to_9 check (priority between 0 and 9),
    add column resolution text
        constraint fax_resolution_is_normal_fine_or_superfine check (resolution in ('normal', 'fine', 'superfine')),
    add column pictures text
        constraint fax_pictures_are_auto_text_or_photo check (pictures in ('auto', 'text', 'photo')),
    add column cover jsonb,
    add column document_fax_id bigint,
    add column resend_of bigint,
    add column broadcast_id bigint,
    add column idempotency_key text
        constraint idempotency_key_is_1_to_255_characters check (length(idempotency_key) between 1 and 255),
    add column request_digest bytea,
    add column prepared_at timestamptz,
    add column expected_seconds integer,
    add column cancel_requested_at timestamptz,
    add constraint idempotency_key_is_unique_in_its_company unique (company_id, idempotency_key),
    add constraint fax_broadcast_is_of_the_same_company
        foreign key (broadcast_id, company_id) references broadcasts (id, company_id);
update faxes set prepared_at = created_at where direction = 'in' or pages is not null;
comment on column faxes.priority is 'out: 0 urgent to 9; lower is sent first within a company.';
comment on column faxes.resolution is 'out: of this fax; null: the virtual fax''s.';
comment on column faxes.pictures is 'out: of this fax; null: the virtual fax''s.';
comment on column faxes.cover is 'out: what its cover page says; null: no cover page.';
comment on column faxes.document_fax_id is 'The fax whose document it sends; null: its own.';
comment on column faxes.resend_of is 'The fax that it repeats.';
comment on column faxes.broadcast_id is 'The broadcast that it belongs to.';
comment on column faxes.idempotency_key is 'out: the submitter''s own name of the request: the same one makes no second fax.';
comment on column faxes.request_digest is 'SHA-256 of the request with that key.';
comment on column faxes.prepared_at is 'out: when its pages were made; only then it may be sent.';
comment on column faxes.expected_seconds is 'out: how long its call takes at 14400 bit/s, about.';
comment on column faxes.cancel_requested_at is 'out: when somebody asked to end it.';
drop index faxes_pending;
-- claim_fax(): the head of a company's queue, one probe for each priority.
create index faxes_due on faxes (company_id, priority, send_at, id)
    where status = 'pending' and direction = 'out' and prepared_at is not null;
-- claim_fax(): how many calls a destination has.
create index faxes_calling on faxes (remote_number) where status = 'inprogress' and direction = 'out';
create index faxes_of_broadcast on faxes (broadcast_id, status) where broadcast_id is not null;
create index faxes_of_document on faxes (company_id, document_fax_id) where document_fax_id is not null;
-- sweep_faxes(): what waits to be prepared.
create index faxes_unprepared on faxes (created_at)
    where status = 'pending' and direction = 'out' and prepared_at is null and document_fax_id is null;

create table fax_queues (
    company_id bigint primary key references companies (id) on delete cascade,
    brand_id   bigint not null,
    waiting    integer not null default 0,
    running    integer not null default 0,
    next_at    timestamptz not null default 'infinity',
    served_at  timestamptz not null default '-infinity',
    constraint queue_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade
) with (fillfactor = 50);
-- claim_fax(): whose turn it is.
create index fax_queues_turn on fax_queues (running, served_at) where waiting > 0;
comment on table fax_queues is 'Whose turn it is: the company with the fewest calls, the one served longest ago first. Triggers keep it.';
comment on column fax_queues.waiting is 'Faxes that are prepared and wait.';
comment on column fax_queues.running is 'Faxes that are being sent.';
comment on column fax_queues.next_at is 'None of its faxes is due before this.';
comment on column fax_queues.served_at is 'When a worker last took a fax of it.';
create type queued_fax as (company_id bigint, brand_id bigint, status fax_status, prepared boolean, send_at timestamptz);
comment on type queued_fax is 'What fax_queues counts of a fax.';
insert into fax_queues (company_id, brand_id, waiting, running, next_at)
    select company_id, brand_id, count(*) filter (where status = 'pending' and prepared_at is not null),
           count(*) filter (where status = 'inprogress'), '-infinity'
    from faxes where direction = 'out' group by company_id, brand_id;

alter type document_kind add value 'cover';
comment on type document_kind is
    'original: as uploaded; tiff: TIFF-F as it was sent or received; pdf: what the user downloads; thumbnail: PNG of the first page; cover: TIFF-F of a cover page of its own.';
alter type document_kind add value 'thumbnail';
alter table documents add column name text not null default '', add column part integer not null default 0;
alter table documents drop constraint documents_pkey, add primary key (company_id, fax_id, kind, part, created_at);
comment on column documents.name is 'original: what the sender calls the file.';
comment on column documents.part is 'original: 0 for the first file of several.';

-- ---- what was learned of far machines --------------------------------------------------------------

create table peer_profiles (
    id              bigint generated always as identity primary key,
    brand_id        bigint not null references brands on delete cascade,
    number          e164 not null,
    audio_fax       text constraint profile_audio_fax_is_never_after_t38_refused_or_first
                    check (audio_fax in ('never', 'after_t38_refused', 'first')),
    ecm             boolean,
    max_bit_rate    integer constraint profile_bit_rate_is_one_of_t30
                    check (max_bit_rate in (2400, 4800, 7200, 9600, 12000, 14400)),
    max_datagram    integer constraint profile_datagram_is_40_to_1400 check (max_datagram between 40 and 1400),
    resolution      text constraint profile_resolution_is_normal_fine_or_superfine
                    check (resolution in ('normal', 'fine', 'superfine')),
    avoid_carriers  bigint[] not null default '{}',
    calls           integer constraint profile_calls_is_positive check (calls > 0),
    reason          text not null default '',
    pinned          boolean not null default false,
    learned_at      timestamptz not null default now(),
    expires_at      timestamptz default now() + interval '30 days',
    constraint profile_number_is_unique_in_its_brand unique (brand_id, number)
);
comment on table peer_profiles is 'How to fax a number, as learned from what worked; operators may edit rows and pin them.';
comment on column peer_profiles.number is 'The destination.';
comment on column peer_profiles.audio_fax is 'Instead of the virtual fax''s; null: as there.';
comment on column peer_profiles.ecm is 'Instead of the virtual fax''s; null: as there.';
comment on column peer_profiles.max_bit_rate is 'Fastest modem rate, bit/s; null: the virtual fax''s.';
comment on column peer_profiles.max_datagram is 'Largest UDPTL packet for it, octets; null: as its SDP says.';
comment on column peer_profiles.resolution is 'Finest resolution it takes; null: any.';
comment on column peer_profiles.avoid_carriers is 'Carriers that are tried last for it.';
comment on column peer_profiles.calls is 'Calls to it at a time, of all companies; null: 1, or no limit for our own DDIs.';
comment on column peer_profiles.reason is 'Why it is so.';
comment on column peer_profiles.pinned is 'true: nothing learned changes the row, and it does not expire.';
comment on column peer_profiles.learned_at is 'When it was learned or written.';
comment on column peer_profiles.expires_at is 'After this it is forgotten, and everything is tried again; null: never.';

alter domain retry_steps drop constraint retry_steps_are_known;
alter domain retry_steps add constraint retry_steps_are_known
    check (value <@ array['', 'ecm_off', 'v17_off', 'audio', 'other_carrier', 'coarser', 'same']);
comment on domain retry_steps is
    'What the next attempts change, one after the other: ecm_off; v17_off (9600 bit/s at most); audio (G.711 instead of T.38); other_carrier (the ones that failed come last); coarser (a lower resolution); same.';
update retry_defaults set action = 'retry', delay = 0, tries = 3, steps = '{coarser,coarser}',
    why = 'The pages are made again in a lower resolution.' where reason = 'receiver_resolution';
update retry_defaults set action = 'retry', delay = 60, tries = 3, steps = '{other_carrier,audio}'
    where reason = 't38_refused';
update retry_defaults set steps = '{other_carrier,other_carrier,other_carrier}' where reason = 'carrier_failed';
update retry_defaults set steps = '{same,other_carrier,audio}' where reason = 'receiver_call_dropped';
insert into retry_defaults (reason, action, why) values
    ('cancelled', 'stop', 'Somebody asked for it.');

-- ---- delivery ------------------------------------------------------------------------------------------

create table mail_templates (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null references brands on delete cascade,
    company_id bigint,
    event      text not null constraint mail_template_event_is_known
               check (event in ('received', 'partial', 'sent', 'failed')),
    language   text not null constraint template_language_is_iso_639_1 check (language ~ '^[a-z]{2}$'),
    subject    text not null,
    text       text not null,
    html       text,
    constraint mail_template_is_unique unique nulls not distinct (brand_id, company_id, event, language),
    constraint mail_template_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade
);
comment on table mail_templates is 'Mails in a brand''s or a company''s own words (Jinja2); the company''s win, then the brand''s, then the platform''s.';
comment on column mail_templates.company_id is 'Whose; null: all companies of the brand.';
comment on column mail_templates.event is 'received, partial, sent or failed.';
comment on column mail_templates.language is 'ISO 639-1 code.';
comment on column mail_templates.subject is 'Subject line. Variables: FAX_NAME, FAX_PDFNAME, FAX_PAGES, FAX_SRC, FAX_DST, FAX_DATE, FAX_REASON, FAX_ID, FAX_COMPANY, FAX_STATION, FAX_LINK.';
comment on column mail_templates.text is 'The mail as plain text.';
comment on column mail_templates.html is 'The mail as HTML; null: plain text alone.';

create table webhooks (
    id         bigint generated always as identity primary key,
    brand_id   bigint not null,
    company_id bigint not null,
    url        text not null constraint webhook_url_is_http_or_https check (url ~ '^https?://[^[:space:]]+$'),
    secret     text not null default 'whsec_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64')
               constraint webhook_secret_is_whsec_and_base64 check (secret ~ '^whsec_[A-Za-z0-9+/=]{32,88}$'),
    events     text[] not null default '{fax.received,fax.sent,fax.failed}'
               constraint webhook_events_are_known
               check (events <@ array['fax.received', 'fax.sent', 'fax.failed', 'fax.progress']),
    enabled    boolean not null default true,
    created_at timestamptz not null default now(),
    constraint webhook_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id) on delete cascade,
    unique (id, company_id)
);
create index webhooks_by_company on webhooks (company_id);
comment on table webhooks is 'Where a company is told what happened (Standard Webhooks).';
comment on column webhooks.url is 'Gets POSTs; addresses inside our own network are refused.';
comment on column webhooks.secret is 'Key of the signatures: whsec_ and base64. Written, never read again.';
comment on column webhooks.events is 'fax.received, fax.sent, fax.failed, fax.progress (each page).';
comment on column webhooks.enabled is 'false: nothing is sent.';

create type delivery_channel as enum ('mail', 'webhook');
create type delivery_state as enum ('pending', 'done', 'failed');
create table deliveries (
    id          bigint generated always as identity primary key,
    brand_id    bigint not null,
    company_id  bigint not null,
    fax_id      bigint not null,
    channel     delivery_channel not null,
    event       text not null,
    webhook_id  bigint,
    pages       integer,
    state       delivery_state not null default 'pending',
    tries       integer not null default 0,
    answer      text not null default '',
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    replay_of   bigint,
    constraint delivery_fax_is_of_the_same_company
        foreign key (company_id, fax_id) references faxes (company_id, id) on delete cascade,
    constraint delivery_webhook_is_of_the_same_company
        foreign key (webhook_id, company_id) references webhooks (id, company_id) on delete cascade,
    constraint webhook_deliveries_have_a_webhook check ((channel = 'webhook') = (webhook_id is not null))
);
create index deliveries_by_fax on deliveries (company_id, fax_id);
create index deliveries_pending on deliveries (created_at) where state = 'pending';
comment on table deliveries is 'Each mail and each webhook call that is due, or was made.';
comment on column deliveries.channel is 'mail or webhook.';
comment on column deliveries.event is 'mail: received, partial, sent, failed; webhook: fax.received and so on.';
comment on column deliveries.webhook_id is 'The webhook that is called.';
comment on column deliveries.pages is 'fax.progress: how many pages were confirmed.';
comment on column deliveries.state is 'pending, done, or failed after every try.';
comment on column deliveries.tries is 'How often it was tried.';
comment on column deliveries.answer is 'What the other side said last.';
comment on column deliveries.finished_at is 'When it was done or given up.';
comment on column deliveries.replay_of is 'The delivery that it repeats.';

create table audit_log (
    id         bigint generated always as identity primary key,
    brand_id   bigint,
    company_id bigint,
    at         timestamptz not null default now(),
    who        text not null,
    action     text not null,
    fax_id     bigint,
    detail     text not null default ''
);
create index audit_log_by_company on audit_log (company_id, at desc);
comment on table audit_log is 'Who saw and deleted what; nobody changes it.';
comment on column audit_log.at is 'When.';
comment on column audit_log.who is 'The user, or the service.';
comment on column audit_log.action is 'document_read, document_deleted, fax_cancelled, fax_resent, fax_deleted.';
comment on column audit_log.fax_id is 'Of which fax.';
comment on column audit_log.detail is 'What it was about.';

-- The mails that were due when deliveries came; the sweep of deliveries finds them.
insert into deliveries (brand_id, company_id, fax_id, channel, event)
    select brand_id, company_id, id, 'mail', case status when 'completed' then 'received' else 'partial' end
    from faxes where direction = 'in' and mailed_at is null and finished_at is not null;
drop index faxes_unmailed;
alter table faxes drop column mailed_at;

do $$
declare
    t text;
begin
    foreach t in array array[
        'cover_pages', 'sending_hours', 'virtual_fax_senders', 'broadcasts', 'fax_queues', 'peer_profiles',
        'mail_templates', 'webhooks', 'deliveries', 'audit_log']
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end
$$;
