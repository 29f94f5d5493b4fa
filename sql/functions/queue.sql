-- The outbound queue: claims, leases, ends. Workers call nothing else.

-- Whose turn: the company with the fewest calls, of those the one served longest ago. Within a
-- company: by priority, then by time. A destination has one call at a time, unless its profile
-- says otherwise or it is a DDI of ours.
create or replace function claim_fax(worker text, lease interval) returns setof faxes
    language plpgsql as $$
declare
    turn fax_queues;
    f faxes;
    opens timestamptz;
    patient boolean := false;
begin
    for round in 1..20 loop
        f := null;
        if patient then  -- every queue with something to do is in another worker's hands: wait
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
            exit when patient;
            patient := true;
            continue;
        end if;
        opens := sending_opens_at(turn.company_id, now());
        for level in 0..9 loop
            exit when level > 0 and opens > now();  -- outside of the hours: urgent ones alone
            select x.* into f from (
                select * from faxes g
                where g.company_id = turn.company_id and g.priority = level and g.status = 'pending'
                  and g.direction = 'out' and g.prepared_at is not null and g.send_at <= clock_timestamp()
                order by g.send_at, g.id limit 200) x
            where x.test or destination_is_free(x.brand_id, x.remote_number) limit 1;
            exit when found;
        end loop;
        if f.id is null then
            -- Nothing can be sent now: look again when the next one is due, or a line may be free.
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
        -- Two companies may have found the same number free.
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
    'Take the fax whose turn it is for a worker; nobody else gets it while the lease lasts.';

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
    'When a company may send next: the time itself when it may send then.';

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
    'How many faxes of the company come before a waiting one, and when it is dialled, about.';

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
            explanation = format('Cancelled before it was sent, with %s page(s) confirmed.', f.pages_confirmed)
        where g.company_id = fax_company and g.id = fax;
    else
        update faxes g set cancel_requested_at = now() where g.company_id = fax_company and g.id = fax;
        perform pg_notify('vfax_cancel', fax::text);
    end if;
    insert into audit_log (brand_id, company_id, who, action, fax_id)
        values (f.brand_id, f.company_id, by_whom, 'fax_cancelled', f.id);
    return 'cancelled';
end
$$;
comment on function cancel_fax(bigint, bigint, text) is
    'End a fax: at once while it waits, by hanging up while it is sent. Returns cancelled, unknown, or the state it ended in before.';

create or replace function renew_claims(worker text, lease interval) returns void
    language sql as $$
    update faxes set claimed_until = now() + lease where status = 'inprogress' and claimed_by = worker
$$;
comment on function renew_claims(text, interval) is 'Prolong the leases of a worker that lives.';

-- The attempt that a worker left behind is judged by what is stored: every page confirmed is done,
-- otherwise the fax goes on at the first page not confirmed, as often as the rule allows.
create or replace function give_back(fax_company bigint, fax_id bigint, cause text) returns void
    language plpgsql as $$
declare
    f faxes;
    rule retry_rules_in_force;
    attempts_so_far integer;
    text_of_it text;
begin
    select * into f from faxes where company_id = fax_company and id = fax_id;
    update attempts a
    set finished_at = now(), reason = cause,
        explanation = 'The sending process ended in mid-call; see its log.'
    where a.company_id = fax_company and a.fax_id = give_back.fax_id and a.finished_at is null;
    select count(*) into attempts_so_far from attempts a
    where a.company_id = fax_company and a.fax_id = give_back.fax_id and a.reason = cause;
    select * into rule from retry_rules_in_force r where r.brand_id = f.brand_id and r.reason = cause;
    text_of_it := format('The sending process ended in mid-call after %s confirmed page(s)', f.pages_confirmed);
    if f.pages_confirmed < f.pages and f.cancel_requested_at is not null then
        update faxes set status = 'error', reason = 'cancelled', claimed_by = null, claimed_until = null,
            finished_at = now(),
            explanation = format('Cancelled, with %s of %s page(s) confirmed.', f.pages_confirmed, f.pages)
        where company_id = fax_company and id = f.id;
    elsif f.pages_confirmed = f.pages then
        update faxes set status = 'completed', reason = 'completed', claimed_by = null, claimed_until = null,
            finished_at = now(), explanation = format('Every page was confirmed by the receiver: %s.', f.pages)
        where company_id = fax_company and id = f.id;
    elsif attempts_so_far = 0 then
        update faxes set status = 'pending', claimed_by = null, claimed_until = null
        where company_id = fax_company and id = f.id;
    elsif rule.action = 'retry' and attempts_so_far < rule.tries
        and (select v.max_attempts is null or v.max_attempts > count(a.id)
             from virtual_faxes v left join attempts a on a.company_id = fax_company and a.fax_id = f.id
             where v.id = f.virtual_fax_id group by v.max_attempts) then
        update faxes set status = 'pending', claimed_by = null, claimed_until = null, reason = cause,
            explanation = text_of_it || '; it goes on by itself.',
            send_at = now() + make_interval(secs => rule.delay)
        where company_id = fax_company and id = f.id;
    else
        update faxes set status = 'error', claimed_by = null, claimed_until = null, finished_at = now(),
            reason = cause, explanation = text_of_it || '; check with the receiver, then send the fax again.'
        where company_id = fax_company and id = f.id;
    end if;
end
$$;
comment on function give_back(bigint, bigint, text) is
    'Take a fax from a worker that is gone: done, to be gone on with, or ended.';

create or replace function expire_claims() returns setof bigint language plpgsql as $$
declare
    lost record;
begin
    for lost in
        select company_id, id from faxes
        where status = 'inprogress' and direction = 'out' and claimed_until < now()
        for update skip locked
    loop
        perform give_back(lost.company_id, lost.id, 'worker_lost');
        return next lost.id;
    end loop;
end
$$;
comment on function expire_claims() is 'Take the faxes of workers that died, whose leases ran out.';

drop function if exists abandon_claims(text);
create function abandon_claims(worker text) returns void language plpgsql as $$
declare
    left_behind record;
begin
    for left_behind in
        select company_id, id from faxes where status = 'inprogress' and claimed_by = worker for update
    loop
        perform give_back(left_behind.company_id, left_behind.id, 'worker_stopped');
    end loop;
end
$$;
comment on function abandon_claims(text) is 'Give up the claims of a worker that stops.';

grant execute on function claim_fax, renew_claims, expire_claims, abandon_claims, give_back, destination_is_free,
    sending_opens_at, queue_position, cancel_fax to vfax_service;
