"""Who got what: the audience frozen, every mail accounted for, nothing sent twice.

The order of a mail's life: `plan` → `claim` → `arming` and `send` → `outcome`; `doubt` settles what nobody knows,
`pace` keeps the limits, `report` counts.
"""
