"""Scenarios for an agent."""
