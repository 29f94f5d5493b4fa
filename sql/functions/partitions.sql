-- Documents have a partition for each month, created ahead; the default partition takes the rest.

create or replace function ensure_document_partitions() returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    month date := date_trunc('month', now());
    partition text;
begin
    for ahead in 0..1 loop
        partition := format('documents_%s', to_char(month + make_interval(months => ahead), 'YYYYMM'));
        if to_regclass('public.' || partition) is null then
            execute format('create table public.%I partition of public.documents for values from (%L) to (%L)',
                           partition, month + make_interval(months => ahead),
                           month + make_interval(months => ahead + 1));
            execute format('alter table public.%I enable row level security', partition);
            execute format('alter table public.%I force row level security', partition);
        end if;
    end loop;
end
$$;
comment on function ensure_document_partitions() is
    'Create the partitions of this month and the next; workers call it every hour.';
revoke execute on function ensure_document_partitions from public;
grant execute on function ensure_document_partitions to vfax_service;

select ensure_document_partitions();
