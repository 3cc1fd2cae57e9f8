"""Judges of the chapter boundary."""
