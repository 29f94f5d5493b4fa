"""The publisher: PostgreSQL's routing views into the files that Kamailio reads.

One per Kamailio host, the only database client there, and the only writer of the routing
tables (LMDB), the dispatcher list and the registrations. ``follow`` reads the database, ``tables``,
``dispatcher`` and ``registrations`` write the files, ``dns_cache`` resolves names, ``count_sync``
shares counts over Redis.
"""
