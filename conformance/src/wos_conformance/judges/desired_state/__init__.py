"""Judges of the chapter desired-state."""
