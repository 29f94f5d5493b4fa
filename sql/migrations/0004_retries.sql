-- What follows a failed attempt: rows, by reason; and when a fax is due.

create type retry_action as enum ('retry', 'stop');
comment on type retry_action is 'retry: another attempt later; stop: the fax ends in error.';

create domain retry_steps as text[]
    constraint retry_steps_are_known
    check (value <@ array['', 'ecm_off', 'v17_off', 'audio', 'same']);
comment on domain retry_steps is
    'What the next attempts change, one after the other: ecm_off, v17_off (9600 bit/s at most), audio (G.711 instead of T.38), same.';

create table retry_defaults (
    reason  text primary key,
    action  retry_action not null,
    delay   integer not null default 0 constraint retry_delay_is_a_day_at_most check (delay between 0 and 86400),
    tries   integer not null default 1 constraint retry_tries_are_1_to_12 check (tries between 1 and 12),
    steps   retry_steps not null default '{}',
    why     text not null
);
comment on table retry_defaults is 'What an attempt leads to that ended for a reason, where a brand has no rule of its own.';
comment on column retry_defaults.reason is 'Why the attempt failed, as in attempts.reason.';
comment on column retry_defaults.action is 'retry or stop.';
comment on column retry_defaults.delay is 'Seconds until the next attempt; half of it up to one and a half times of it, by chance.';
comment on column retry_defaults.tries is 'Attempts that may end for this reason; with the last one the fax ends in error.';
comment on column retry_defaults.steps is 'What the next attempts change: ecm_off, v17_off, audio, same.';
comment on column retry_defaults.why is 'The reason for the action.';
insert into retry_defaults (reason, action, delay, tries, steps, why) values
    ('user_busy', 'retry', 180, 5, '{}', 'A line is free again within minutes.'),
    ('receiver_no_answer', 'retry', 300, 4, '{}', 'The machine may be switched on later.'),
    ('carrier_failed', 'retry', 60, 4, '{}', 'Every carrier was tried at once; it may pass.'),
    ('receiver_unallocated_number', 'stop', 0, 1, '{}', 'The number does not exist.'),
    ('call_forbidden', 'stop', 0, 1, '{}', 'It will be forbidden again.'),
    ('call_rejected', 'stop', 0, 1, '{}', 'The receiver does not want it.'),
    ('call_failed', 'stop', 0, 1, '{}', 'Nobody knows what would change.'),
    ('answered_by_person', 'retry', 300, 2, '{}', 'Once it may be chance; twice it is a wrong number.'),
    ('no_fax_answered', 'retry', 300, 2, '{audio}', 'A number that never answered as a fax gets one more attempt.'),
    ('t38_refused', 'retry', 60, 2, '{audio}', 'The far end may take the fax over audio.'),
    ('receiver_incompatible', 'stop', 0, 1, '{}', 'The machines do not fit together.'),
    ('receiver_resolution', 'stop', 0, 1, '{}', 'The document has to be made anew.'),
    ('receiver_page_size', 'stop', 0, 1, '{}', 'The document has to be made anew.'),
    ('cannot_train', 'retry', 60, 3, '{v17_off,audio}', 'Slower modems hold on worse lines.'),
    ('line_quality', 'retry', 60, 3, '{same,v17_off}', 'Slower modems hold on worse lines.'),
    ('protocol_error', 'retry', 60, 3, '{same,ecm_off}', 'Some machines err with ECM.'),
    ('page_refused', 'retry', 120, 4, '{same,v17_off,ecm_off}', 'Goes on at the first page not confirmed.'),
    ('receiver_call_dropped', 'retry', 120, 4, '{same,same,audio}', 'Goes on at the first page not confirmed.'),
    ('receiver_busy', 'retry', 300, 4, '{}', 'It may be out of paper or memory.'),
    ('operator_interrupt', 'retry', 900, 2, '{}', 'Somebody at the machine interrupted it.'),
    ('engine_lost', 'retry', 30, 3, '{}', 'A fault of ours; goes on at the first page not confirmed.'),
    ('engine_failed', 'retry', 30, 5, '{}', 'No media ports were free.'),
    ('worker_lost', 'retry', 60, 3, '{}', 'A fault of ours; goes on at the first page not confirmed.'),
    ('worker_stopped', 'retry', 10, 12, '{}', 'The worker was restarted; goes on at the first page not confirmed.'),
    ('call_time_limit', 'stop', 0, 1, '{}', 'It would take as long again.'),
    ('document_unusable', 'stop', 0, 1, '{}', 'The document would fail again.'),
    ('out_of_memory', 'retry', 300, 2, '{}', 'The host may have more memory later.'),
    ('internal_error', 'stop', 0, 1, '{}', 'See the log first.');

create table retry_rules (
    id       bigint generated always as identity primary key,
    brand_id bigint not null references brands (id) on delete cascade,
    reason   text not null references retry_defaults (reason),
    action   retry_action not null,
    delay    integer not null default 0 constraint retry_delay_is_a_day_at_most check (delay between 0 and 86400),
    tries    integer not null default 1 constraint retry_tries_are_1_to_12 check (tries between 1 and 12),
    steps    retry_steps not null default '{}',
    constraint retry_rule_is_unique unique (brand_id, reason)
);
comment on table retry_rules is 'A brand''s own view of what follows a failed attempt; wins over retry_defaults.';
comment on column retry_rules.reason is 'Why the attempt failed, as in attempts.reason.';
comment on column retry_rules.action is 'retry or stop.';
comment on column retry_rules.delay is 'Seconds until the next attempt; half of it up to one and a half times of it, by chance.';
comment on column retry_rules.tries is 'Attempts that may end for this reason.';
comment on column retry_rules.steps is 'What the next attempts change: ecm_off, v17_off, audio, same.';

do $$
declare
    t text;
begin
    foreach t in array array['retry_defaults', 'retry_rules'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end
$$;

alter table faxes add column send_at timestamptz not null default now();
comment on column faxes.send_at is 'out: not before this; after a failed attempt, when the next one is due.';
drop index faxes_pending;
-- claim_fax(): the queue's head, what is due first.
create index faxes_pending on faxes (send_at) where status = 'pending' and direction = 'out';
