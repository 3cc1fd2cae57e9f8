"""Scenarios for a WOS."""
