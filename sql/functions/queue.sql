-- The outbound queue: claims and leases.

-- Order: the company with the fewest running calls, among equals the one served longest ago; within
-- a company by priority, then by time. A destination gets one call at a time, unless its profile
-- allows more or it is one of our own DDIs.
create or replace function claim_fax(worker text, lease interval) returns setof faxes
    language plpgsql as $$
declare
    turn fax_queues;
    f faxes;
    opens timestamptz;
    blocking boolean := false;
begin
    for round in 1..20 loop
        f := null;
        if blocking then  -- other workers have locked every queue with due faxes: wait for one
            select q.* into turn from fax_queues q join companies c on c.id = q.company_id
            where q.waiting > 0 and q.next_at <= clock_timestamp()
              and (c.sending_calls is null or q.running < c.sending_calls)
            order by q.running, q.served_at limit 1 for update of q;
        else
            select q.* into turn from fax_queues q join companies c on c.id = q.company_id
            where q.waiting > 0 and q.next_at <= clock_timestamp()
              and (c.sending_calls is null or q.running < c.sending_calls)
            order by q.running, q.served_at limit 1 for update of q skip locked;
        end if;
        if not found then
            exit when blocking;
            blocking := true;
            continue;
        end if;
        opens := sending_opens_at(turn.company_id, now());
        for level in 0..9 loop
            exit when level > 0 and opens > now();  -- outside sending hours only priority 0 is sent
            select x.* into f from (
                select * from faxes g
                where g.company_id = turn.company_id and g.priority = level and g.status = 'pending'
                  and g.direction = 'out' and g.prepared_at is not null and g.send_at <= clock_timestamp()
                order by g.send_at, g.id limit 200) x
            where x.test or destination_is_free(x.brand_id, x.remote_number) limit 1;
            exit when found;
        end loop;
        if f.id is null then
            -- Nothing can be sent now: check again when the next fax is due, or a destination may be free.
            update fax_queues q set next_at = greatest(opens, now() + interval '3 seconds', coalesce((
                select min(due.send_at)
                from generate_series(0, 9) level cross join lateral (
                    select g.send_at from faxes g
                    where g.company_id = turn.company_id and g.priority = level and g.status = 'pending'
                      and g.direction = 'out' and g.prepared_at is not null
                    order by g.send_at limit 1) due), 'infinity'))
            where q.company_id = turn.company_id;
            continue;
        end if;
        -- Another company's claim may have found the same destination free.
        perform pg_advisory_xact_lock(hashtextextended(f.remote_number, 0));
        if not f.test and not destination_is_free(f.brand_id, f.remote_number) then
            continue;
        end if;
        update fax_queues q set served_at = clock_timestamp() where q.company_id = turn.company_id;
        return query
            update faxes g
            set status = 'inprogress', claimed_by = worker, claimed_until = now() + lease,
                started_at = coalesce(g.started_at, now())
            where g.company_id = f.company_id and g.id = f.id and g.status = 'pending'
            returning g.*;
        if found then
            return;
        end if;
    end loop;
end
$$;
comment on function claim_fax(text, interval) is
    'Claim the next fax for a worker; no other worker gets it during the lease.';

create or replace function destination_is_free(brand bigint, destination text) returns boolean
    language plpgsql stable as $$
declare
    calls integer;
    allowed integer;
begin
    select count(*) into calls from faxes g
    where g.status = 'inprogress' and g.direction = 'out' and g.remote_number = destination and not g.test;
    if calls = 0 then
        return true;
    end if;
    select p.calls into allowed from peer_profiles p where p.brand_id = brand and p.number = destination;
    if allowed is null then
        return exists (select from ddis d where d.number = destination);
    end if;
    return calls < allowed;
end
$$;
comment on function destination_is_free(bigint, text) is 'Tell whether another call may be made to a number.';

create or replace function sending_opens_at(company bigint, at timestamptz) returns timestamptz
    language sql stable as $$
    select case when not exists (select from sending_hours h where h.company_id = company) then at
        else (
            select min(greatest((day + h.opens) at time zone c.time_zone, at))
            from companies c
            cross join lateral generate_series(0, 7) ahead
            cross join lateral (select ((at at time zone c.time_zone)::date + ahead) as day) d
            join sending_hours h on h.company_id = c.id and h.weekday = extract(isodow from day)
            where c.id = company and (day + h.closes) at time zone c.time_zone > at)
        end
$$;
comment on function sending_opens_at(bigint, timestamptz) is
    'When a company may send at or after a time: that time within its sending hours.';

create or replace function queue_position(fax_company bigint, fax bigint,
        out ahead bigint, out expected_at timestamptz) language sql stable as $$
    select count(g.id),
           sending_opens_at(fax_company, greatest(f.send_at, now()))
               + make_interval(secs => coalesce(sum(g.expected_seconds), 0) / greatest(1, max(q.running)))
    from faxes f
    join fax_queues q on q.company_id = f.company_id
    left join faxes g on g.company_id = f.company_id and g.status = 'pending' and g.direction = 'out'
        and g.prepared_at is not null and (g.priority, g.send_at, g.id) < (f.priority, f.send_at, f.id)
    where f.company_id = fax_company and f.id = fax and f.status = 'pending'
    group by f.send_at
$$;
comment on function queue_position(bigint, bigint) is
    'How many faxes of the company come before a pending one, and the estimated time of its call.';

create or replace function cancel_fax(fax_company bigint, fax bigint, by_whom text) returns text
    language plpgsql as $$
declare
    f faxes;
begin
    select * into f from faxes g where g.company_id = fax_company and g.id = fax and g.direction = 'out' for update;
    if not found then
        return 'unknown';
    elsif f.status in ('completed', 'error') then
        return f.status;
    elsif f.status = 'pending' then
        update faxes g set status = 'error', reason = 'cancelled', cancel_requested_at = now(), finished_at = now(),
            detail = jsonb_strip_nulls(jsonb_build_object('pages', f.pages, 'confirmed', f.pages_confirmed))
        where g.company_id = fax_company and g.id = fax;
    else
        update faxes g set cancel_requested_at = now() where g.company_id = fax_company and g.id = fax;
        perform pg_notify('vfax_cancel', fax::text);
    end if;
    perform write_audit(f.company_id, f.id, by_whom, 'fax_cancelled', '{}');
    return 'cancelled';
end
$$;
comment on function cancel_fax(bigint, bigint, text) is
    'Cancel a fax: at once while it is pending, by hanging up while it is sent. Returns cancelled, unknown, or the status in which it had ended.';

create or replace function renew_claims(worker text, lease interval) returns void
    language sql as $$
    update faxes set claimed_until = now() + lease where status = 'inprogress' and claimed_by = worker
$$;
comment on function renew_claims(text, interval) is 'Prolong the leases of a worker.';

-- The attempt of a dead worker is only ended here. What follows is decided by the worker that takes
-- the fax over, by the same rules as after any failed call (outbound/policy.py).
drop function if exists give_back(bigint, bigint, text);
drop function if exists expire_claims();

create or replace function record_lost_attempt(fax faxes, cause outcome_reason) returns void
    language sql as $$
    update attempts a
    set finished_at = now(), reason = cause, detail = jsonb_strip_nulls(
            jsonb_build_object('pages', fax.pages, 'confirmed', fax.pages_confirmed))
    where a.company_id = fax.company_id and a.fax_id = fax.id and a.finished_at is null
$$;
comment on function record_lost_attempt(faxes, outcome_reason) is
    'End the attempt that a worker left open.';

create or replace function take_over_claims(worker text, lease interval) returns setof faxes
    language plpgsql as $$
declare
    lost faxes;
begin
    for lost in
        select * from faxes
        where status = 'inprogress' and direction = 'out' and claimed_until < now()
        for update skip locked
    loop
        perform record_lost_attempt(lost, 'worker_lost');
        return query
            update faxes set claimed_by = worker, claimed_until = now() + lease
            where company_id = lost.company_id and id = lost.id returning *;
    end loop;
end
$$;
comment on function take_over_claims(text, interval) is
    'Claim the faxes whose leases ran out; the worker has to decide what follows for each one.';

create or replace function abandon_claims(worker text) returns void language plpgsql as $$
declare
    left_behind faxes;
begin
    for left_behind in
        select * from faxes where status = 'inprogress' and claimed_by = worker for update
    loop
        perform record_lost_attempt(left_behind, 'worker_stopped');
        -- The fax stays in progress, and the next worker takes it over at once.
        update faxes set claimed_until = now() - interval '1 second'
        where company_id = left_behind.company_id and id = left_behind.id;
    end loop;
end
$$;
comment on function abandon_claims(text) is 'End the leases of a worker that stops.';

create or replace function release_claim(fax_company bigint, fax bigint, worker text) returns void
    language sql as $$
    update faxes set status = 'pending', claimed_by = null, claimed_until = null
    where company_id = fax_company and id = fax and status = 'inprogress' and claimed_by = worker
$$;
comment on function release_claim(bigint, bigint, text) is
    'Put a fax back into the queue unchanged, as no call was made.';

grant execute on function claim_fax, renew_claims, take_over_claims, abandon_claims, release_claim,
    record_lost_attempt, destination_is_free,
    sending_opens_at, queue_position, cancel_fax to vfax_service;
