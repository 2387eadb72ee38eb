"""Tracking: hits are journaled, loaded as events, judged, and counted only when a person meant them."""
