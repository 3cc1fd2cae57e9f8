"""Sins of an agent, by area. D numbers name real defects that were seen in products of others."""
