-- Policies and grants of brands, companies, their users and their virtual faxes.
-- A policy or grant that is removed here stays in databases that have it: drop it in a migration.

-- brands
drop policy if exists service on brands;
drop policy if exists platform on brands;
drop policy if exists brand on brands;
create policy service on brands to vfax_service
    using (true) with check (true);
create policy platform on brands to vfax_platform
    using (true) with check (true);
create policy brand on brands to vfax_brand
    using (id = (select current_brand())) with check (id = (select current_brand()));
grant select, insert, update, delete on brands to vfax_service, vfax_platform;
grant select on brands to vfax_brand;
grant update (fall_back_after_failure) on brands to vfax_brand;

-- brand_countries
-- A company may read to which countries its faxes may be sent.
drop policy if exists service on brand_countries;
drop policy if exists brand on brand_countries;
drop policy if exists customers on brand_countries;
create policy service on brand_countries to vfax_service
    using (true) with check (true);
create policy brand on brand_countries to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy customers on brand_countries for select to vfax_company, vfax_user
    using (brand_id = (select c.brand_id from companies c where c.id = current_company()));
grant select, insert, update, delete on brand_countries to vfax_service, vfax_brand;
grant select on brand_countries to vfax_company, vfax_user;

-- companies
drop policy if exists service on companies;
drop policy if exists platform on companies;
drop policy if exists brand on companies;
drop policy if exists company on companies;
drop policy if exists company_user on companies;
create policy service on companies to vfax_service
    using (true) with check (true);
create policy platform on companies to vfax_platform
    using (true) with check (true);
create policy brand on companies to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on companies to vfax_company
    using (id = current_company()) with check (id = current_company());
create policy company_user on companies to vfax_user
    using (id = current_company()) with check (id = current_company());
grant select, insert, update, delete on companies to vfax_service, vfax_brand;
grant select on companies to vfax_platform, vfax_company, vfax_user;
grant update (time_zone, paper, outgoing_ddi_id, language, retention_days, continuation_cover,
        cover_page_id) on companies to vfax_company;

-- operator_logins
-- Read through operator_brand(); a login may see its own row. `vfax migrate --to` may have left the
-- table for later.
do $$
begin
    if to_regclass('operator_logins') is null then
        return;
    end if;
    drop policy if exists service on operator_logins;
    drop policy if exists brand on operator_logins;
    create policy service on operator_logins to vfax_service
        using (true) with check (true);
    create policy brand on operator_logins for select to vfax_brand
        using (login = session_user);
    grant select, insert, update, delete on operator_logins to vfax_service;
    grant select on operator_logins to vfax_brand;
end
$$;

-- users
-- Password hashes are written and never read: each readable column is named.
drop policy if exists service on users;
drop policy if exists platform on users;
drop policy if exists brand on users;
drop policy if exists company on users;
drop policy if exists company_user on users;
create policy service on users to vfax_service
    using (true) with check (true);
create policy platform on users to vfax_platform
    using (true) with check (company_id is null);
create policy brand on users to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on users to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on users to vfax_user
    using (company_id = current_company() and id = current_user_id())
    with check (company_id = current_company() and id = current_user_id());
grant select, insert, update, delete on users to vfax_service;
grant insert, update, delete on users to vfax_platform, vfax_brand, vfax_company;
grant select (id, brand_id, company_id, email, name, role, language, created_at, enabled,
        fax_only, time_zone, failed_logins, locked_until, last_login_at)
    on users to vfax_platform, vfax_brand, vfax_company, vfax_user;

-- web_sessions
drop policy if exists service on web_sessions;
create policy service on web_sessions to vfax_service
    using (true) with check (true);
grant select, insert, update, delete on web_sessions to vfax_service;

-- api_keys
-- Secrets are written and never read: each readable column is named.
drop policy if exists service on api_keys;
drop policy if exists brand on api_keys;
drop policy if exists company on api_keys;
create policy service on api_keys to vfax_service
    using (true) with check (true);
create policy brand on api_keys to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on api_keys to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on api_keys to vfax_service;
grant insert, update, delete on api_keys to vfax_brand, vfax_company;
grant select (id, brand_id, company_id, name, shown, scopes, test, created_at, last_used_at,
        revoked_at) on api_keys to vfax_brand, vfax_company;

-- virtual_faxes
drop policy if exists service on virtual_faxes;
drop policy if exists brand on virtual_faxes;
drop policy if exists company on virtual_faxes;
drop policy if exists company_user on virtual_faxes;
create policy service on virtual_faxes to vfax_service
    using (true) with check (true);
create policy brand on virtual_faxes to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on virtual_faxes to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on virtual_faxes to vfax_user
    using (company_id = current_company()
        and id in (select u.virtual_fax_id from virtual_fax_users u))
    with check (company_id = current_company()
        and id in (select u.virtual_fax_id from virtual_fax_users u));
grant select, insert, update, delete on virtual_faxes to vfax_service, vfax_brand, vfax_company;
grant select on virtual_faxes to vfax_user;

-- cover_pages
drop policy if exists service on cover_pages;
drop policy if exists brand on cover_pages;
drop policy if exists company on cover_pages;
drop policy if exists company_user on cover_pages;
create policy service on cover_pages to vfax_service
    using (true) with check (true);
create policy brand on cover_pages to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on cover_pages to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on cover_pages to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on cover_pages to vfax_service, vfax_brand, vfax_company;
grant select on cover_pages to vfax_user;

-- ddis
-- A company's administrator assigns its DDIs to its virtual faxes.
drop policy if exists service on ddis;
drop policy if exists brand on ddis;
drop policy if exists company on ddis;
drop policy if exists company_user on ddis;
create policy service on ddis to vfax_service
    using (true) with check (true);
create policy brand on ddis to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on ddis to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on ddis to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on ddis to vfax_service, vfax_brand;
grant select on ddis to vfax_company, vfax_user;
grant update (virtual_fax_id) on ddis to vfax_company;

-- mail_templates
drop policy if exists service on mail_templates;
drop policy if exists brand on mail_templates;
drop policy if exists company on mail_templates;
create policy service on mail_templates to vfax_service
    using (true) with check (true);
create policy brand on mail_templates to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on mail_templates to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on mail_templates to vfax_service, vfax_brand;
grant select on mail_templates to vfax_company;

-- sending_hours
drop policy if exists service on sending_hours;
drop policy if exists brand on sending_hours;
drop policy if exists company on sending_hours;
drop policy if exists company_user on sending_hours;
create policy service on sending_hours to vfax_service
    using (true) with check (true);
create policy brand on sending_hours to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on sending_hours to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on sending_hours to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on sending_hours to vfax_service, vfax_brand, vfax_company;
grant select on sending_hours to vfax_user;

-- sip_accounts
-- HA1 digests are written and never read: each readable column is named.
drop policy if exists service on sip_accounts;
drop policy if exists brand on sip_accounts;
drop policy if exists company on sip_accounts;
create policy service on sip_accounts to vfax_service
    using (true) with check (true);
create policy brand on sip_accounts to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on sip_accounts to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on sip_accounts to vfax_service;
grant insert, update, delete on sip_accounts to vfax_brand;
grant select (id, brand_id, company_id, username, fax_device, outgoing_ddi_id, enabled,
        created_at) on sip_accounts to vfax_brand, vfax_company;

-- virtual_fax_callers
drop policy if exists service on virtual_fax_callers;
drop policy if exists brand on virtual_fax_callers;
drop policy if exists company on virtual_fax_callers;
create policy service on virtual_fax_callers to vfax_service
    using (true) with check (true);
create policy brand on virtual_fax_callers to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on virtual_fax_callers to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on virtual_fax_callers
    to vfax_service, vfax_brand, vfax_company;

-- virtual_fax_hours
drop policy if exists service on virtual_fax_hours;
drop policy if exists brand on virtual_fax_hours;
drop policy if exists company on virtual_fax_hours;
drop policy if exists company_user on virtual_fax_hours;
create policy service on virtual_fax_hours to vfax_service
    using (true) with check (true);
create policy brand on virtual_fax_hours to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on virtual_fax_hours to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on virtual_fax_hours to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on virtual_fax_hours to vfax_service, vfax_brand, vfax_company;
grant select on virtual_fax_hours to vfax_user;

-- virtual_fax_senders
drop policy if exists service on virtual_fax_senders;
drop policy if exists brand on virtual_fax_senders;
drop policy if exists company on virtual_fax_senders;
create policy service on virtual_fax_senders to vfax_service
    using (true) with check (true);
create policy brand on virtual_fax_senders to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on virtual_fax_senders to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on virtual_fax_senders
    to vfax_service, vfax_brand, vfax_company;

-- virtual_fax_users
drop policy if exists service on virtual_fax_users;
drop policy if exists brand on virtual_fax_users;
drop policy if exists company on virtual_fax_users;
drop policy if exists company_user on virtual_fax_users;
create policy service on virtual_fax_users to vfax_service
    using (true) with check (true);
create policy brand on virtual_fax_users to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on virtual_fax_users to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on virtual_fax_users to vfax_user
    using (company_id = current_company() and user_id = current_user_id())
    with check (company_id = current_company() and user_id = current_user_id());
grant select, insert, update, delete on virtual_fax_users to vfax_service, vfax_brand, vfax_company;
grant select on virtual_fax_users to vfax_user;

-- webhooks
-- Secrets are written and never read: each readable column is named.
drop policy if exists service on webhooks;
drop policy if exists brand on webhooks;
drop policy if exists company on webhooks;
drop policy if exists company_user on webhooks;
create policy service on webhooks to vfax_service
    using (true) with check (true);
create policy brand on webhooks to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on webhooks to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on webhooks to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on webhooks to vfax_service;
grant insert, update, delete on webhooks to vfax_brand, vfax_company;
grant select (id, brand_id, company_id, url, events, enabled, created_at)
    on webhooks to vfax_brand, vfax_company, vfax_user;
