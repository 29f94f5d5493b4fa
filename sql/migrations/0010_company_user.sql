-- The policies of vfax_user are named company_user now, and current_person() is current_user_id():
-- sql/policies creates the new ones in the same transaction. A new database has none of the old ones.

drop policy if exists person on faxes;
drop policy if exists person on attempts;
drop policy if exists person on pages;
drop policy if exists person on documents;
drop policy if exists person on broadcasts;
drop policy if exists person on deliveries;
drop policy if exists person on audit_log;
drop policy if exists person on fax_queues;
drop policy if exists person on companies;
drop policy if exists person on users;
drop policy if exists person on virtual_faxes;
drop policy if exists person on cover_pages;
drop policy if exists person on ddis;
drop policy if exists person on sending_hours;
drop policy if exists person on virtual_fax_hours;
drop policy if exists person on virtual_fax_users;
drop policy if exists person on webhooks;
drop function if exists current_person();
