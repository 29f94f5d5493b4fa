"""The fax bridge: SIP and T.38 on one side, PostgreSQL and PDF on the other."""
