"""Targets without a life: they answer or ask what looks right, and know nothing. None may earn a single pass."""

from mutants import Role

BRIEFLY = frozenset({"hangs"})
"""Facades of which little is asked, since each question costs a timeout."""
RUN_BRIEFLY = ("desired-state.document-digest", "identity.certificate-required")
"""What is asked of them."""

FACADES: dict[Role, dict[str, str]] = {
    "wos": {
        "is_not_there": "Nobody listens.",
        "says_yes": "Every request is answered with 200 and an empty object.",
        "finds_nothing": "Every request is answered with 404.",
        "fails": "Every request is answered with 500.",
        "hangs": "Every request is taken and none is answered.",
        "replays_a_recording": "Every request is answered with what the reference once answered to such a request.",
    },
    "agent": {
        "never_calls": "It is started and does nothing.",
        "polls_and_says_nothing": "It announces its device and polls, and that is all.",
        "says_installed_at_once": "It reports that everything is installed and fetches nothing.",
        "replays_a_recording": "It sends what the reference once sent.",
    },
}
