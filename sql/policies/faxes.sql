-- Policies and grants of faxes and what belongs to them.
-- A policy or grant that is removed here stays in databases that have it: drop it in a migration.

-- faxes
-- A tenant inserts and updates rows; the functions and triggers of the queue send them.
drop policy if exists service on faxes;
drop policy if exists brand on faxes;
drop policy if exists company on faxes;
drop policy if exists company_user on faxes;
create policy service on faxes to vfax_service
    using (true) with check (true);
create policy brand on faxes to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on faxes to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on faxes to vfax_user
    using (company_id = current_company()
        and virtual_fax_id in (select u.virtual_fax_id from virtual_fax_users u))
    with check (company_id = current_company()
        and virtual_fax_id in (select u.virtual_fax_id from virtual_fax_users u));
grant select, insert, update, delete on faxes to vfax_service;
grant select on faxes to vfax_brand;
grant select, insert, update on faxes to vfax_company, vfax_user;

-- attempts
drop policy if exists service on attempts;
drop policy if exists brand on attempts;
drop policy if exists company on attempts;
drop policy if exists company_user on attempts;
create policy service on attempts to vfax_service
    using (true) with check (true);
create policy brand on attempts to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on attempts to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on attempts to vfax_user
    using (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = attempts.company_id and f.id = attempts.fax_id))
    with check (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = attempts.company_id and f.id = attempts.fax_id));
grant select, insert, update, delete on attempts to vfax_service;
grant select on attempts to vfax_brand, vfax_company, vfax_user;

-- pages
drop policy if exists service on pages;
drop policy if exists brand on pages;
drop policy if exists company on pages;
drop policy if exists company_user on pages;
create policy service on pages to vfax_service
    using (true) with check (true);
create policy brand on pages to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on pages to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on pages to vfax_user
    using (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = pages.company_id and f.id = pages.fax_id))
    with check (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = pages.company_id and f.id = pages.fax_id));
grant select, insert, update, delete on pages to vfax_service;
grant select on pages to vfax_brand, vfax_company, vfax_user;

-- documents
-- A brand operator must not read documents of customers: no grant to vfax_brand.
drop policy if exists service on documents;
drop policy if exists brand on documents;
drop policy if exists company on documents;
drop policy if exists company_user on documents;
create policy service on documents to vfax_service
    using (true) with check (true);
create policy brand on documents to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on documents to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on documents to vfax_user
    using (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = documents.company_id and f.id = documents.fax_id))
    with check (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = documents.company_id and f.id = documents.fax_id));
grant select, insert, update, delete on documents to vfax_service;
grant select, insert, delete on documents to vfax_company, vfax_user;

-- documents_other
drop policy if exists service on documents_other;
drop policy if exists brand on documents_other;
drop policy if exists company on documents_other;
create policy service on documents_other to vfax_service
    using (true) with check (true);
create policy brand on documents_other to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on documents_other to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on documents_other to vfax_service;
grant select on documents_other to vfax_company;

-- broadcasts
drop policy if exists service on broadcasts;
drop policy if exists brand on broadcasts;
drop policy if exists company on broadcasts;
drop policy if exists company_user on broadcasts;
create policy service on broadcasts to vfax_service
    using (true) with check (true);
create policy brand on broadcasts to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on broadcasts to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on broadcasts to vfax_user
    using (company_id = current_company()
        and virtual_fax_id in (select u.virtual_fax_id from virtual_fax_users u))
    with check (company_id = current_company()
        and virtual_fax_id in (select u.virtual_fax_id from virtual_fax_users u));
grant select, insert, update, delete on broadcasts to vfax_service;
grant select on broadcasts to vfax_brand;
grant select, insert on broadcasts to vfax_company, vfax_user;

-- deliveries
-- Written by functions alone (functions/records.sql): they look whose fax it is.
drop policy if exists service on deliveries;
drop policy if exists brand on deliveries;
drop policy if exists company on deliveries;
drop policy if exists company_user on deliveries;
create policy service on deliveries to vfax_service
    using (true) with check (true);
create policy brand on deliveries to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on deliveries to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on deliveries to vfax_user
    using (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = deliveries.company_id and f.id = deliveries.fax_id))
    with check (company_id = current_company()
        and exists (
          select from faxes f where f.company_id = deliveries.company_id and f.id = deliveries.fax_id));
grant select, insert, update, delete on deliveries to vfax_service;
grant select on deliveries to vfax_brand, vfax_company, vfax_user;

-- audit_log
-- Written by functions alone (functions/records.sql).
drop policy if exists service on audit_log;
drop policy if exists platform on audit_log;
drop policy if exists brand on audit_log;
drop policy if exists company on audit_log;
drop policy if exists company_user on audit_log;
create policy service on audit_log to vfax_service
    using (true) with check (true);
create policy platform on audit_log to vfax_platform
    using (true) with check (true);
create policy brand on audit_log to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on audit_log to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on audit_log to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on audit_log to vfax_service;
grant select on audit_log to vfax_brand, vfax_company;

-- fax_queues
drop policy if exists service on fax_queues;
drop policy if exists platform on fax_queues;
drop policy if exists brand on fax_queues;
drop policy if exists company on fax_queues;
drop policy if exists company_user on fax_queues;
create policy service on fax_queues to vfax_service
    using (true) with check (true);
create policy platform on fax_queues to vfax_platform
    using (true) with check (true);
create policy brand on fax_queues to vfax_brand
    using (brand_id = (select current_brand())) with check (brand_id = (select current_brand()));
create policy company on fax_queues to vfax_company
    using (company_id = current_company()) with check (company_id = current_company());
create policy company_user on fax_queues to vfax_user
    using (company_id = current_company()) with check (company_id = current_company());
grant select, insert, update, delete on fax_queues to vfax_service;
grant select on fax_queues to vfax_platform, vfax_brand, vfax_company, vfax_user;
