-- What belongs to a company is tied to its brand and to its fax; deliveries and the audit log are
-- written by functions alone (functions/records.sql).

-- Rows that another brand's operator wrote.
delete from deliveries d
where not exists (select from companies c where c.id = d.company_id and c.brand_id = d.brand_id);
update audit_log a set brand_id = c.brand_id
from companies c where c.id = a.company_id and a.brand_id is distinct from c.brand_id;
update audit_log a set fax_id = null
where fax_id is not null and not exists (
    select from faxes f where f.company_id = a.company_id and f.id = a.fax_id);

alter table attempts add constraint attempt_company_is_of_the_same_brand
    foreign key (company_id, brand_id) references companies (id, brand_id);
alter table pages add constraint page_company_is_of_the_same_brand
    foreign key (company_id, brand_id) references companies (id, brand_id);
alter table deliveries add constraint delivery_company_is_of_the_same_brand
    foreign key (company_id, brand_id) references companies (id, brand_id);
alter table documents
    add constraint document_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    add constraint document_fax_is_of_the_same_company
        foreign key (company_id, fax_id) references faxes (company_id, id) on delete cascade;
alter table audit_log
    add constraint audit_company_has_its_brand check (company_id is null or brand_id is not null),
    add constraint audit_fax_has_its_company check (fax_id is null or company_id is not null),
    add constraint audit_company_is_of_the_same_brand
        foreign key (company_id, brand_id) references companies (id, brand_id),
    add constraint audit_fax_is_of_the_same_company
        foreign key (company_id, fax_id) references faxes (company_id, id) on delete set null (fax_id);
-- A fax that is deleted: what the log says of it.
create index audit_log_by_fax on audit_log (company_id, fax_id) where fax_id is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'vfax_company') then  -- not in a new database
        revoke insert on deliveries from vfax_brand, vfax_company, vfax_user;
        revoke insert on audit_log from vfax_platform, vfax_brand, vfax_company, vfax_user;
    end if;
end
$$;
