-- Where a brand's faxes may go, how often a virtual fax tries, and lists in other orders than by time.

create table brand_countries (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands on delete cascade,
    country  text not null constraint country_is_known references countries (code),
    constraint country_is_named_once unique (brand_id, country)
);
comment on table brand_countries is 'The countries that a brand''s faxes may be sent to; a brand without any sends everywhere.';
comment on column brand_countries.country is 'ISO 3166 alpha-2, such as ES.';

alter table virtual_faxes
    add column max_attempts integer
        constraint max_attempts_is_1_to_12 check (max_attempts between 1 and 12),
    add column retry_delay integer
        constraint retry_delay_is_10_seconds_to_a_day check (retry_delay between 10 and 86400);
comment on column virtual_faxes.max_attempts is 'Calls that are made for one fax at the most; null: as often as the retry rules say.';
comment on column virtual_faxes.retry_delay is 'Seconds until a failed fax is tried again, half of it up to one and a half times of it, by chance; null: as the retry rules say.';

-- Lists by number and by length; all also run backwards. One index for each direction: where row-level
-- security looks on, the planner does not see that a list has one direction alone (the equality of
-- enums is not leakproof), and would sort it.
create index faxes_in_by_number on faxes (company_id, remote_number, id) where direction = 'in';
create index faxes_out_by_number on faxes (company_id, remote_number, id) where direction = 'out';
create index faxes_in_by_pages on faxes (company_id, coalesce(pages, 0), id) where direction = 'in';
create index faxes_out_by_pages on faxes (company_id, coalesce(pages, 0), id) where direction = 'out';

alter table brand_countries enable row level security;
alter table brand_countries force row level security;
