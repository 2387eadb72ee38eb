"""Who got what: the audience frozen, every mail accounted for, nothing sent twice.

Four rooms: `workers` (processes) call `sender` (connections), which asks `throttle` (rate limits) and writes the
`ledger` (mails, batches, leases).
"""
