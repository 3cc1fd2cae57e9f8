"""Testable rules that no mutant is written against, each with the reason why none can be."""

EXCUSED: dict[str, str] = {
    "identity.agent-id-shape": "an agent is given one certificate, and has no other that the double would accept",
    "identity.agent-tls-1-2-suites": "the reference agent does not claim the feature",
}
