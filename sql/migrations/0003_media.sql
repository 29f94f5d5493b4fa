-- Fax over audio, and the quality of each page.

alter table virtual_faxes
    add column audio_fax text not null default 'after_t38_refused'
        constraint audio_fax_is_never_after_t38_refused_or_first
        check (audio_fax in ('never', 'after_t38_refused', 'first'));
comment on column virtual_faxes.audio_fax is
    'When a fax may go over G.711 audio: never; after_t38_refused; first, without asking for T.38.';

alter table pages
    add column retransmissions integer not null default 0,
    add column seconds real;
comment on column pages.retransmissions is 'ECM: how often parts of the page were asked for again.';
comment on column pages.seconds is 'From the page before it, or from the agreement on rates, to its confirmation.';
