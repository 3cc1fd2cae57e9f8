"""The proof that the suite can fail: mutants that must die, and targets without a life that must earn nothing."""
