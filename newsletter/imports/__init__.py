"""Files of sign-ups: read, each line judged, shown as a plan, and written in one go."""
