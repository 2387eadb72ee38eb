"""Who calls a lead, what they read before the call, and what came of it."""
