"""Judges of the chapter errors."""
