"""How an agent takes what it does not know (extensions.md, "Must ignore")."""

from wos_conformance.judges.desired_state.agent import converged
from wos_conformance.judges.judgement import judge

judge("extensions.unknown-ignored")(converged("extensions"))
