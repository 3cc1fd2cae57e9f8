"""Judges of the chapter status."""
