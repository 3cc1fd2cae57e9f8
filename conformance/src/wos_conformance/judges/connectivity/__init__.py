"""Judges of the chapter connectivity."""
