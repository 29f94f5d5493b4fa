-- An outcome is a reason of a closed list and a detail; sentences are made where they are read.
--
-- Expand: processes of the version before this one go on writing `explanation` while they are
-- replaced one by one; 0009_no_explanations.sql drops it. For an upgrade without a pause:
-- `vfax migrate --to 0008`, restart the services, `vfax migrate`.

create domain outcome_reason as text constraint outcome_reason_is_known check (value in (
    'completed', 'cancelled', 'user_busy', 'receiver_no_answer', 'receiver_unallocated_number',
    'call_forbidden', 'call_rejected', 'call_failed', 'carrier_failed', 't38_refused', 'no_fax_began',
    'answered_by_person', 'no_fax_answered', 'receiver_incompatible', 'receiver_resolution',
    'receiver_page_size', 'receiver_busy', 'receiver_call_dropped', 'sender_call_dropped', 'cannot_train',
    'line_quality', 'protocol_error', 'page_refused', 'operator_interrupt', 'call_time_limit', 'too_large',
    'storage_failed', 'engine_lost', 'engine_failed', 'bridge_lost', 'worker_lost', 'worker_stopped',
    'out_of_memory', 'internal_error', 'document_missing', 'document_unusable', 'document_empty',
    'document_without_pages', 'document_too_large', 'document_encrypted', 'document_not_fetched',
    'page_count_limit_exceeded', 'file_format_invalid', 'office_not_installed', 'conversion_timeout',
    'conversion_failed', 'cover_page_invalid', 'delivered', 'delivery_failed', 'recipients_missing',
    'recipients_refused', 'mail_refused', 'mail_server_not_set', 'virtual_fax_deleted', 'webhook_deleted',
    'webhook_failed', 'webhook_gone', 'host_unreachable', 'host_forbidden'));
comment on domain outcome_reason is
    'Why a fax, an attempt or a delivery ended as it did; the list and the keys of each detail are spandsp_bridge/reasons.py.';

-- ---- faxes and attempts ----------------------------------------------------------------------

alter table faxes alter column reason type outcome_reason, add column detail jsonb not null default '{}',
    drop constraint error_has_a_reason,
    add constraint error_has_a_reason check (status <> 'error' or reason is not null);
comment on column faxes.reason is 'Why it ended, such as user_busy; while it waits, why the last attempt failed.';
comment on column faxes.detail is 'Facts of the outcome: {"sip": 486, "pages": 5, "confirmed": 3, "next": {...}}; keys by reason: spandsp_bridge/reasons.py.';
alter table attempts alter column reason type outcome_reason, add column detail jsonb not null default '{}';
comment on column attempts.reason is 'Why it ended; null while it lasts.';
comment on column attempts.detail is 'Facts of the outcome, as in faxes.detail.';

-- What the rows know: SIP statuses of calls that were refused, T.30 codes of the others, pages.
with facts as (
    select a.company_id, a.id, f.direction, f.pages, a.reason,
           case when a.sip_status >= 300 then jsonb_strip_nulls(jsonb_build_object(
               'sip', a.sip_status, 'sip_phrase', nullif(a.sip_reason, ''))) else '{}' end as sip,
           case when a.t30_code > 0 and a.t30_code < 51 and a.reason not in (
                    'completed', 'cancelled', 'answered_by_person', 'call_time_limit', 'engine_lost',
                    'storage_failed', 'too_large', 'worker_lost', 'worker_stopped')
               then jsonb_build_object('t30', a.t30_code) else '{}' end as t30,
           sum(a.pages_confirmed) over (partition by a.company_id, a.fax_id order by a.number) as confirmed
    from attempts a join faxes f on f.company_id = a.company_id and f.id = a.fax_id
    where a.reason is not null)
update attempts a
set detail = facts.sip || facts.t30 || case facts.direction
    when 'in' then jsonb_build_object('received', facts.confirmed)
    else jsonb_strip_nulls(jsonb_build_object('pages', facts.pages, 'confirmed', facts.confirmed)) end
from facts where a.company_id = facts.company_id and a.id = facts.id;

with latest as (
    select distinct on (company_id, fax_id) company_id, fax_id, reason, detail
    from attempts where reason is not null order by company_id, fax_id, number desc)
update faxes f
set detail = coalesce((select l.detail from latest l
                       where l.company_id = f.company_id and l.fax_id = f.id and l.reason = f.reason), '{}')
    || case f.direction
        when 'in' then jsonb_build_object('received', f.pages_confirmed)
        else jsonb_strip_nulls(jsonb_build_object('pages', f.pages, 'confirmed', f.pages_confirmed)) end
where f.reason is not null and f.pages is not null;

-- ---- deliveries --------------------------------------------------------------------------------

alter table deliveries add column reason outcome_reason, add column detail jsonb not null default '{}';
comment on column deliveries.reason is 'How the last try ended; null before the first one.';
comment on column deliveries.detail is 'Facts of it: {"answer": "250 2.0.0 Ok"} is what the other side said, verbatim.';
update deliveries
set reason = case state when 'done' then 'delivered' else 'delivery_failed' end,
    detail = case when answer = '' then '{}' else jsonb_build_object('answer', answer) end
where tries > 0;

-- ---- what was learned of a number ------------------------------------------------------------------

alter table peer_profiles add column learned_from bigint, add column changes text[] not null default '{}';
comment on column peer_profiles.learned_from is 'The fax that went through in this way; null: an operator wrote the row.';
comment on column peer_profiles.changes is 'What that fax changed: ecm_off, v17_off, audio, other_carrier, coarser.';
update peer_profiles
set learned_from = (regexp_match(reason, '^fax (\d+) went through'))[1]::bigint, reason = '',
    changes = array_remove(array[
        case when not ecm then 'ecm_off' end,
        case when max_bit_rate is not null then 'v17_off' end,
        case when audio_fax = 'first' then 'audio' end,
        case when avoid_carriers <> '{}' then 'other_carrier' end,
        case when resolution is not null then 'coarser' end], null)
where reason ~ '^fax \d+ went through';
