"""The fax engine: C over SpanDSP, in processes of its own."""
