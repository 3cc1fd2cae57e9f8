"""Judges with one thing changed in their code: some story must tell each of them from the right one."""
