-- The outbound queue: claims, leases, ends. Workers call nothing else.

create or replace function claim_fax(worker text, lease interval) returns setof faxes
    language sql as $$
    update faxes f
    set status = 'inprogress', claimed_by = worker, claimed_until = now() + lease,
        started_at = coalesce(f.started_at, now())
    from (
        select company_id, id from faxes
        where status = 'pending' and direction = 'out' and send_at <= now()
        order by send_at
        limit 1
        for update skip locked
    ) next
    where f.company_id = next.company_id and f.id = next.id
    returning f.*
$$;
comment on function claim_fax(text, interval) is
    'Take the fax that is due longest for a worker; nobody else gets it while the lease lasts.';

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
    if f.pages_confirmed = f.pages then
        update faxes set status = 'completed', reason = 'completed', claimed_by = null, claimed_until = null,
            finished_at = now(), explanation = format('Every page was confirmed by the receiver: %s.', f.pages)
        where company_id = fax_company and id = f.id;
    elsif attempts_so_far = 0 then
        update faxes set status = 'pending', claimed_by = null, claimed_until = null
        where company_id = fax_company and id = f.id;
    elsif rule.action = 'retry' and attempts_so_far < rule.tries then
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

grant execute on function claim_fax, renew_claims, expire_claims, abandon_claims, give_back to vfax_service;
