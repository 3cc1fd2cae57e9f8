"""Judges of the chapter extensions."""
