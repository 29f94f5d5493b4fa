-- Sentences that rows still had go: why a default rule is as it is, and what an audit entry is about.
--
-- Contract, as 0009_no_explanations.sql: the processes of the version before it read these columns.

drop view if exists retry_rules_in_force;  -- now effective_retry_rules, in sql/views/retries.sql
alter table retry_defaults drop column why;
alter table failover_defaults drop column why;

-- 'pdf', 'mailed to a@b.example', 'as fax 7', 'older than 30 days', '' become facts.
alter table audit_log alter column detail drop default,
    alter column detail type jsonb using case
        when detail = '' then '{}'
        when detail like '{%' then detail::jsonb  -- written by a process of this version
        when detail like 'mailed to %' then jsonb_build_object(
            'recipients', to_jsonb(string_to_array(substr(detail, 11), ', ')))
        when detail ~ '^as fax \d+$' then jsonb_build_object('new_fax', substr(detail, 8)::bigint)
        when detail ~ '^older than \d+ days$'
            then jsonb_build_object('days', substring(detail from '\d+')::integer)
        else jsonb_build_object('document', detail) end,
    alter column detail set default '{}';
comment on column audit_log.detail is
    'Facts: {"document": "pdf"}, {"recipients": [...]}, {"new_fax": 7} or {"days": 30}.';
