-- Which brand an SQL login acts for: a row, and no setting of its session.

create table operator_logins (
    login      name primary key
        constraint operator_login_is_not_a_role_of_ours check (login::text !~ '^(vfax|pg)_'),
    brand_id   bigint not null references brands (id) on delete cascade,
    created_at timestamptz not null default now()
);
comment on table operator_logins is
    'The brand that a login role in vfax_brand acts for; `vfax operator add` writes it. A login without a row sees nothing.';
comment on column operator_logins.login is 'The login role, as in pg_roles.rolname.';
create index operator_logins_by_brand on operator_logins (brand_id);

alter table operator_logins enable row level security;
alter table operator_logins force row level security;
