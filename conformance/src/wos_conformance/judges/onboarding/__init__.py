"""Judges of the chapter onboarding."""
