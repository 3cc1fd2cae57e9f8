"""What people and programs read after a run, computed from its history so that it can be computed again."""
