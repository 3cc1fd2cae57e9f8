"""The reference with one behaviour changed: each mutant is one sin, and the judge that it names must catch it."""
