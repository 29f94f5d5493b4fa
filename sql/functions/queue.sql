-- The outbound queue: claims, leases, ends. Workers call nothing else.

create or replace function claim_fax(worker text, lease interval) returns setof faxes
    language sql as $$
    update faxes f
    set status = 'inprogress', claimed_by = worker, claimed_until = now() + lease,
        started_at = coalesce(f.started_at, now())
    from (
        select company_id, id from faxes
        where status = 'pending' and direction = 'out'
        order by created_at
        limit 1
        for update skip locked
    ) next
    where f.company_id = next.company_id and f.id = next.id
    returning f.*
$$;
comment on function claim_fax(text, interval) is
    'Take the oldest pending fax for a worker; nobody else gets it while the lease lasts.';

create or replace function renew_claims(worker text, lease interval) returns void
    language sql as $$
    update faxes set claimed_until = now() + lease where status = 'inprogress' and claimed_by = worker
$$;
comment on function renew_claims(text, interval) is 'Prolong the leases of a worker that lives.';

create or replace function expire_claims() returns setof bigint language sql as $$
    with lost as (
        update faxes
        set status = 'error', claimed_by = null, claimed_until = null, finished_at = now(),
            reason = 'worker_lost',
            explanation = format(
                'The sending process ended in mid-call after %s confirmed page(s); '
                'check with the receiver, then send the fax again.', pages_confirmed)
        where status = 'inprogress' and direction = 'out' and claimed_until < now()
        returning company_id, id
    )
    select id from lost
$$;
comment on function expire_claims() is
    'End faxes whose worker died: never sent again by themselves, since pages may have arrived.';

create or replace function abandon_claims(worker text) returns void language sql as $$
    update faxes f
    set status = 'pending', claimed_by = null, claimed_until = null
    where status = 'inprogress' and claimed_by = worker
      and not exists (select from attempts a where a.company_id = f.company_id and a.fax_id = f.id);

    update faxes
    set status = 'error', claimed_by = null, claimed_until = null, finished_at = now(),
        reason = 'worker_stopped',
        explanation = format(
            'The sending process was stopped in mid-call after %s confirmed page(s); '
            'check with the receiver, then send the fax again.', pages_confirmed)
    where status = 'inprogress' and claimed_by = worker;
$$;
comment on function abandon_claims(text) is
    'Give up the claims of a worker that stops: what was never dialled waits again, the rest ends.';

grant execute on function claim_fax, renew_claims, expire_claims, abandon_claims to vfax_service;
