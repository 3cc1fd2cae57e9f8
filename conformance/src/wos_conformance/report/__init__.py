"""What people and programs read after a run; everything here is computed from the history, so it can be computed again."""
