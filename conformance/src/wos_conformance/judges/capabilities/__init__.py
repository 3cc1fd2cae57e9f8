"""Judges of the chapter capabilities."""
