"""Files of sign-ups: read, each row judged, shown as a plan, and written in one transaction."""
