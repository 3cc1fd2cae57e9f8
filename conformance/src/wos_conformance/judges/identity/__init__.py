"""Judges of the chapter identity."""
