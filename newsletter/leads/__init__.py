"""Who is warm, since when and why."""
