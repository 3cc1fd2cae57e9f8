"""Testable rules that no mutant is written against, each with the reason why none can be."""

EXCUSED: dict[str, str] = {}
