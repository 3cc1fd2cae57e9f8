"""The conformance suite for the interface between a WOS and an agent."""

__version__ = "1.0.0.dev0"
