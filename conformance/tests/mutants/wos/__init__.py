"""Sins of a WOS, by area. D numbers name real defects that were seen in products of others."""
