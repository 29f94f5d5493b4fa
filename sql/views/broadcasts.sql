-- The progress of broadcasts.

create or replace view broadcast_progress with (security_invoker = true) as
    select b.id, b.brand_id, b.company_id, b.name, b.created_at, b.total,
           count(f.id) filter (where f.status = 'pending') as pending,
           count(f.id) filter (where f.status = 'inprogress') as inprogress,
           count(f.id) filter (where f.status = 'completed') as completed,
           count(f.id) filter (where f.status = 'error') as error,
           coalesce(sum(f.pages_confirmed), 0) as pages_confirmed
    from broadcasts b left join faxes f on f.broadcast_id = b.id and f.company_id = b.company_id
    group by b.id, b.brand_id, b.company_id, b.name, b.created_at, b.total;
comment on view broadcast_progress is 'Each broadcast with the number of its faxes in each status.';
grant select on broadcast_progress to vfax_service, vfax_brand, vfax_company;
