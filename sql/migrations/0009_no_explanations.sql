-- Contract: what 0008_outcomes.sql replaced. No process of the version before it may run any more.

alter table faxes drop column explanation;
alter table attempts drop column explanation;
alter table deliveries drop column answer;
