"""How a WOS answers (connectivity.md)."""

from wos_conformance.history import History
from wos_conformance.judges.judgement import Occasions, broken, judge, kept


@judge("connectivity.wos-http-version")
def wos_answers_in_http_1_1(history: History) -> Occasions:
    """An HTTP/1.1 request has an HTTP/1.1 response."""
    for view in history.exchanges():
        if view.status is None or view.request_version != "HTTP/1.1":
            continue
        if view.response_version == "HTTP/1.1":
            yield kept(view)
        else:
            yield broken(view, expected="HTTP/1.1", received=repr(view.response_version))
