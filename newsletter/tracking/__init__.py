"""Who reads, honestly: hits are noted, loaded, judged, and counted only when a person meant them."""
