"""SVID and roots may be replaced while the WOS serves: the next handshake takes the new ones."""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from wos_reference.wos import enrolment, trust_bundle
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.identity import own_spiffe_id
from wos_reference.wos.trust_bundle import TrustBundle

logger = logging.getLogger(__name__)

Build = Callable[[], ssl.SSLContext]


class Trust:
    """The own SVID and the roots that are in force.

    A new trust bundle replaces all former roots, so that a TLS context is never changed but made anew.

    Raises:
        OSError, IdentityError, ValueError: the files are not there, or make no sense.
    """

    def __init__(self, fleet: Fleet, svid: Path, key: Path, roots: Path) -> None:
        self.own_id = own_spiffe_id(svid)
        self._fleet = fleet
        self._svid, self._roots = svid, roots
        self._files = (svid, key, roots)
        self._stamp = self._read_stamp()
        self._listeners: list[_Listener] = []
        self._renewing = Lock()
        self.bundle, self._factory = self._newest(roots.read_bytes())

    def front(self, build: Build, *, enrols: bool = False) -> ssl.SSLContext:
        """The context for a listener, which hands each handshake to the one that is in force then.

        Where devices enrol, their factory certificates are accepted, each by itself and not with who has signed it.
        """
        listener = _Listener(build, self.bundle, self._factory, enrols=enrols)
        self._listeners.append(listener)
        return listener.front

    def is_current(self, context: ssl.SSLContext) -> bool:
        """Whether a handshake under this context has looked at the roots that are in force now."""
        return any(listener.sequences.get(context) == self.bundle.sequence for listener in self._listeners)

    def renew(self) -> None:
        """Take new files and new roots if there are some; what makes no sense is left alone."""
        with self._renewing:
            stamp = self._read_stamp()
            try:
                self._renew(files_changed=stamp != self._stamp)
            except (OSError, ValueError) as error:
                logger.error("the new SVID or trust bundle is not used: %s", error)
            self._stamp = stamp

    def _renew(self, files_changed: bool) -> None:
        newest = self._newest(self._roots.read_bytes() if files_changed else None)
        if not files_changed and newest == (self.bundle, self._factory):
            return
        own_spiffe_id(self._svid, expected=self.own_id)
        bundle, factory = newest
        for listener in self._listeners:
            listener.renew(bundle, factory)
        self.bundle, self._factory = newest
        logger.info("SVID and trust bundle %s were read again", bundle.sequence)

    def _newest(self, content: bytes | None) -> tuple[TrustBundle, str]:
        """The roots in force, and all factory certificates."""
        with self._fleet.change() if content is not None else self._fleet.look() as connection:
            if content is not None:
                trust_bundle.take_file(connection, content)
            return trust_bundle.in_force(connection), enrolment.certificates(connection)

    def _read_stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What tells that a file was replaced, also within one tick of its clock."""
        facts = [path.stat() for path in self._files if path.exists()]
        return tuple((fact.st_mtime_ns, fact.st_ino, fact.st_size) for fact in facts)


class _Listener:
    """The contexts of one listener: the front, which never changes, and the one in force behind it."""

    def __init__(self, build: Build, bundle: TrustBundle, factory: str, *, enrols: bool) -> None:
        self._build = build
        self._enrols = enrols
        self._factory = factory
        self.sequences: WeakKeyDictionary[ssl.SSLContext, int] = WeakKeyDictionary()
        self._current = self.front = self._made(bundle)
        self.front.sni_callback = self._choose

    def renew(self, bundle: TrustBundle, factory: str) -> None:
        """Use what is in the files now, these roots, and these factory certificates."""
        self._factory = factory
        self._current = self._made(bundle)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _made(self, bundle: TrustBundle) -> ssl.SSLContext:
        context = self._build()
        context.load_verify_locations(cadata=bundle.pem)
        if self._enrols:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._enrols and self._factory:
            context.load_verify_locations(cadata=self._factory)
        context.num_tickets = 0  # whoever resumes a session is not looked at again
        self.sequences[context] = bundle.sequence
        return context
