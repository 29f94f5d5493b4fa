"""The publisher: PostgreSQL's routing views into the files that Kamailio reads.

One per Kamailio host, the only database client there, and the only writer of the routing
tables (LMDB) and of the dispatcher list. ``follow`` reads the database, ``tables`` and
``dispatcher`` write the files, ``names`` asks DNS, ``exchange`` shares counts over Redis.
"""
