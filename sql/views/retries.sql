-- What follows a failed attempt, with a brand's own rules.

create or replace view effective_retry_rules with (security_invoker = true) as
    select b.id as brand_id, d.reason, coalesce(r.action, d.action) as action,
           coalesce(r.delay, d.delay) as delay, coalesce(r.tries, d.tries) as tries,
           coalesce(r.steps, d.steps) as steps, r.id is not null as own
    from brands b
    cross join retry_defaults d
    left join retry_rules r on r.brand_id = b.id and r.reason = d.reason;
comment on view effective_retry_rules is 'What follows a failed attempt of a brand''s fax, by reason: its own rules, else the defaults.';
grant select on effective_retry_rules to vfax_service, vfax_brand;
