"""Judges of the chapter deployment."""
