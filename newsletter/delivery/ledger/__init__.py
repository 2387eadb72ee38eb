"""The ledger of mails: planned, claimed under a lease, tried, and accounted for."""
