-- What follows when a fax changes: the queues' counts, jobs, and deliveries.
--
-- A function that runs with its owner's rights looks for tables in pg_temp last, where its caller may
-- have put anything, and its trigger functions cannot be attached by others (no execute for public).

create or replace function count_queues() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    added queued_fax[] := '{}';
    removed queued_fax[] := '{}';
begin
    if tg_op <> 'DELETE' then
        added := array(select row(company_id, brand_id, status, prepared_at is not null, send_at)::queued_fax
                      from new_rows where direction = 'out');
    end if;
    if tg_op <> 'INSERT' then
        removed := array(select row(company_id, brand_id, status, prepared_at is not null, send_at)::queued_fax
                      from old_rows where direction = 'out');
    end if;
    perform add_to_queues(added, removed);
    return null;
end
$$;
comment on function count_queues() is 'Trigger: keeps fax_queues.';
revoke execute on function count_queues from public;

-- Replacing cannot rename the parameters that older versions had.
drop function if exists add_to_queues(queued_fax[], queued_fax[]);
create or replace function add_to_queues(added queued_fax[], removed queued_fax[]) returns void language sql as $$
    insert into fax_queues as q (company_id, brand_id, waiting, running, next_at)
    select company_id, brand_id, sum(waiting), sum(running), coalesce(min(due), 'infinity')
    from (
        select company_id, brand_id, (status = 'pending' and prepared)::integer as waiting,
               (status = 'inprogress')::integer as running,
               case when status = 'pending' and prepared then send_at end as due
        from unnest(added)
        union all
        select company_id, brand_id, -(status = 'pending' and prepared)::integer,
               -(status = 'inprogress')::integer, null
        from unnest(removed)) as changes
    group by company_id, brand_id
    having sum(waiting) <> 0 or sum(running) <> 0 or min(due) is not null
    order by company_id
    on conflict (company_id) do update
    set waiting = q.waiting + excluded.waiting, running = q.running + excluded.running,
        next_at = least(q.next_at, excluded.next_at)
$$;
comment on function add_to_queues(queued_fax[], queued_fax[]) is 'Add rows of faxes to the counts of fax_queues, and subtract others.';

create or replace trigger faxes_queue_insert after insert on faxes referencing new table as new_rows
    for each statement execute function count_queues();
create or replace trigger faxes_queue_update after update on faxes
    referencing old table as old_rows new table as new_rows
    for each statement execute function count_queues();
create or replace trigger faxes_queue_delete after delete on faxes referencing old table as old_rows
    for each statement execute function count_queues();

-- ---- jobs ------------------------------------------------------------------------------------------

create or replace function defer_job(task text, args jsonb, only_once text) returns void
    language plpgsql security definer set search_path = pg_catalog, jobs, public, pg_temp as $$
begin
    perform procrastinate_defer_jobs_v1(
        array[row('default', task, 0, null, only_once, args, null)::procrastinate_job_to_defer_v1]);
exception when unique_violation then
    null;  -- a job of this name is waiting already
end
$$;
comment on function defer_job(text, jsonb, text) is
    'Put a job into the workers'' queue (procrastinate), once while one of that name waits.';
revoke execute on function defer_job from public;
grant execute on function defer_job to vfax_service;

create or replace function prepare_fax() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform defer_job('prepare', jsonb_build_object('company_id', new.company_id, 'fax_id', new.id),
                      'prepare:' || new.id);
    return null;
end
$$;
comment on function prepare_fax() is 'Trigger: defers the preparation of a new fax.';
revoke execute on function prepare_fax from public;
create or replace trigger faxes_prepare after insert on faxes for each row
    when (new.direction = 'out' and new.status = 'pending' and new.prepared_at is null
          and (new.document_fax_id is null or new.cover is not null or new.resend_of is not null))
    execute function prepare_fax();

create or replace function sweep() returns void language plpgsql as $$
declare
    r record;
begin
    for r in select company_id, id from faxes
             where status = 'pending' and direction = 'out' and prepared_at is null and document_fax_id is null
               and created_at < now() - interval '1 minute' order by created_at limit 500 loop
        perform defer_job('prepare', jsonb_build_object('company_id', r.company_id, 'fax_id', r.id), 'prepare:' || r.id);
    end loop;
    for r in select id from deliveries
             where state = 'pending' and created_at < now() - interval '1 minute' order by created_at limit 500 loop
        perform defer_job('deliver', jsonb_build_object('delivery_id', r.id), 'deliver:' || r.id);
    end loop;
end
$$;
comment on function sweep() is 'Defer jobs again for faxes and deliveries that have waited for a minute: theirs may be lost.';
grant execute on function sweep to vfax_service;

-- ---- deliveries --------------------------------------------------------------------------------------

create or replace function note_fax_end() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    event_name text := case
        when new.direction = 'out' then case new.status when 'completed' then 'sent' else 'failed' end
        when new.status = 'completed' then 'received'
        when new.pages_confirmed > 0 then 'partial' end;
begin
    if event_name is null then
        return null;  -- an inbound call without a page
    end if;
    insert into deliveries (brand_id, company_id, fax_id, channel, event)
        select new.brand_id, new.company_id, new.id, 'mail', event_name
        from virtual_faxes v
        where v.company_id = new.company_id and v.id = new.virtual_fax_id and v.send_by_email and event_name = any (v.mail_events);
    insert into deliveries (brand_id, company_id, fax_id, channel, event, webhook_id)
        select new.brand_id, new.company_id, new.id, 'webhook', webhook_event, w.id
        from webhooks w, lateral (select 'fax.' || case event_name when 'partial' then 'received' else event_name end) as e (webhook_event)
        where w.company_id = new.company_id and w.enabled and webhook_event = any (w.events);
    return null;
end
$$;
comment on function note_fax_end() is 'Trigger: inserts the mails and webhook calls for the end of a fax.';
revoke execute on function note_fax_end from public;
create or replace trigger faxes_end after update of status on faxes for each row
    when (new.status in ('completed', 'error') and old.status is distinct from new.status)
    execute function note_fax_end();
create or replace trigger faxes_end_insert after insert on faxes for each row
    when (new.status in ('completed', 'error')) execute function note_fax_end();

create or replace function note_fax_progress() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into deliveries (brand_id, company_id, fax_id, channel, event, webhook_id, pages)
        select new.brand_id, new.company_id, new.id, 'webhook', 'fax.progress', w.id, new.pages_confirmed
        from webhooks w where w.company_id = new.company_id and w.enabled and 'fax.progress' = any (w.events);
    return null;
end
$$;
comment on function note_fax_progress() is 'Trigger: inserts the webhook calls for a confirmed page.';
revoke execute on function note_fax_progress from public;
create or replace trigger faxes_progress after update of pages_confirmed on faxes for each row
    when (new.direction = 'out' and new.status = 'inprogress' and new.pages_confirmed > old.pages_confirmed)
    execute function note_fax_progress();

create or replace function defer_delivery() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform defer_job('deliver', jsonb_build_object('delivery_id', new.id), 'deliver:' || new.id);
    return null;
end
$$;
comment on function defer_delivery() is 'Trigger: defers the job of a new delivery.';
revoke execute on function defer_delivery from public;
create or replace trigger deliveries_defer after insert on deliveries for each row
    when (new.state = 'pending') execute function defer_delivery();

-- ---- deleting ----------------------------------------------------------------------------------------

create or replace function delete_fax(fax_company bigint, fax bigint, by_whom text) returns void
    language plpgsql as $$
declare
    f faxes;
begin
    update faxes set deleted_at = now() where company_id = fax_company and id = fax and deleted_at is null
        and status in ('completed', 'error') returning * into f;
    if not found then
        return;
    end if;
    -- Documents that another fax shares stay: another one of the broadcast, or one that was resent.
    delete from documents d where d.company_id = fax_company and d.fax_id = fax
        and not exists (select from faxes g where g.company_id = fax_company and g.document_fax_id = fax
                        and g.deleted_at is null);
    delete from documents d where d.company_id = fax_company and d.fax_id = f.document_fax_id
        and exists (select from faxes g where g.company_id = fax_company and g.id = f.document_fax_id
                    and g.deleted_at is not null)
        and not exists (select from faxes g where g.company_id = fax_company and g.document_fax_id = f.document_fax_id
                        and g.deleted_at is null);
    perform write_audit(f.company_id, f.id, by_whom, 'fax_deleted', '{}');
end
$$;
comment on function delete_fax(bigint, bigint, text) is
    'Delete the documents of a finished fax, unless another fax shares them; its record stays.';

-- ---- retention -----------------------------------------------------------------------------------------

create or replace function apply_retention() returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    deleted bigint := 0;
    faxes_deleted bigint;
    company record;
    part record;
    longest integer;
begin
    for company in select id, brand_id, retention_days from companies where retention_days is not null loop
        with gone as (
            delete from documents d
            where d.company_id = company.id and d.created_at < now() - make_interval(days => company.retention_days)
            returning d.fax_id)
        insert into audit_log (brand_id, company_id, who, action, fax_id, detail)
            select company.brand_id, company.id, 'retention', 'document_deleted', fax_id,
                   jsonb_build_object('days', company.retention_days)
            from (select distinct fax_id from gone) as faxes_of_them;
        get diagnostics faxes_deleted = row_count;
        deleted := deleted + faxes_deleted;
    end loop;
    -- The partition of a month that every company's retention time has passed is dropped whole.
    select max(retention_days) into longest from companies
        where not exists (select from companies where retention_days is null);
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'public.documents'::regclass and c.relname ~ '^documents_[0-9]{6}$'
          and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' < now() - make_interval(days => longest)
    loop
        execute format('drop table public.%I', part.relname);
    end loop;
    return deleted;
end
$$;
comment on function apply_retention() is
    'Delete documents after the retention time of their company; the records of the faxes stay.';
revoke execute on function apply_retention from public;
grant execute on function apply_retention to vfax_service;

-- Text search finds a company's faxes by its indexes here: in a tenant's own query PostgreSQL would apply
-- row-level security to every row first, as `like` is not leakproof. The ids say nothing by themselves, the
-- rows are read by the tenant.
create or replace function faxes_found(company bigint, number_like text, station_like text, most integer)
    returns setof bigint language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if company is distinct from current_company()
       and not (current_setting('role') in ('none', 'vfax_service') and pg_has_role(session_user, 'vfax_service', 'member')) then
        raise insufficient_privilege using message = 'the faxes of another company are not to be seen';
    end if;
    return query execute 'select f.id from faxes f where f.company_id = $1'
        || case when number_like is null then '' else format(' and f.remote_number like %L', number_like) end
        || case when station_like is null then '' else
            format(' and f.remote_station_id <> '''' and upper(replace(f.remote_station_id, '' '', '''')) like %L', station_like)
        end
        || ' limit $2' using company, most;
end
$$;
comment on function faxes_found(bigint, text, text, integer) is
    'Ids of a company''s faxes whose number or station id matches a pattern; a tenant gets its own alone.';
revoke execute on function faxes_found from public;
grant execute on function faxes_found to vfax_service, vfax_company, vfax_user;
