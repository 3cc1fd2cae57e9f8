"""What OpenSSL can be told and Python's `ssl` module cannot: to look less closely at the certificates of peers."""

import _ssl
import ctypes
import ssl

_OPENSSL = ctypes.CDLL(_ssl.__file__)
_ANY_PURPOSE = 7
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
_VERIFY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_YES = _VERIFY(lambda store, argument: 1)


def verify_nothing(context: ssl.SSLContext) -> None:
    """Ask for certificates and accept each of them."""
    _OPENSSL.SSL_CTX_set_cert_verify_callback(_pointer(context), _YES, None)


def allow_any_purpose(context: ssl.SSLContext) -> None:
    """Accept certificates whatever they may be used for."""
    _OPENSSL.SSL_CTX_set_purpose(_pointer(context), _ANY_PURPOSE)


def check_no_time(context: ssl.SSLContext) -> None:
    """Accept certificates of any time."""
    context.verify_flags |= _NO_CHECK_TIME


def _pointer(context: ssl.SSLContext) -> ctypes.c_void_p:
    """The SSL_CTX, which is the first member of the object behind its header."""
    return ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
