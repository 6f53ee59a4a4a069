"""Contexts of TLS, which every client of HTTP keeps: made again as they were set.

What lives here: what an ``ssl.SSLContext`` says of itself, and what it was told and does not say. The latter is noted
from :func:`watch` on, which has to be called before any code of a user runs. A context that is not known from its
beginning, and one with something secret or a function of the user's in it, cannot be moved. What must not: connections.
"""

from __future__ import annotations

import functools
import ssl
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_REMEDY: Final = "Make it again after the await, or tell caesura.register_reducer() how it is made."

_SECRET: Final = {
    "load_cert_chain": "a certificate of its own",
    "load_dh_params": "parameters of its own",
    "set_psk_client_callback": "a function for keys",
    "set_psk_server_callback": "a function for keys",
}
_PROTOCOLS: Final = (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
_REPEATED: Final = ("_set_alpn_protocols", "set_ecdh_curve", "set_default_verify_paths")
_SETTINGS: Final = (
    "verify_mode",
    "options",
    "verify_flags",
    "minimum_version",
    "maximum_version",
    "post_handshake_auth",
    "hostname_checks_common_name",
    "keylog_filename",
    "num_tickets",
    "check_hostname",
)
"""Of these ``check_hostname`` is set last: it needs the mode of verification."""

_CONTEXT: Final[type] = ssl.SSLContext
"""The class itself: a library may put its own in its place."""


@dataclass(slots=True)
class _Told:
    """``calls``: what was called last, by name. ``folders``: where certificates are looked for when they are needed."""

    calls: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    folders: list[Any] = field(default_factory=list)
    secret: str = ""


_told: weakref.WeakKeyDictionary[ssl.SSLContext, _Told] = weakref.WeakKeyDictionary()


def watch() -> None:
    """Note from now on what contexts are told."""
    if getattr(_CONTEXT.__new__, "__wrapped__", None) is not None:
        return
    cls: Any = _CONTEXT
    make = cls.__new__

    @functools.wraps(make)
    def noted_new(kind: Any, *args: Any, **kwargs: Any) -> Any:
        made = make(kind, *args, **kwargs)
        if kind is cls:  # one of another class may not even have a hash
            _told[made] = _Told()
        return made

    cls.__new__ = staticmethod(noted_new)
    for name in (*_SECRET, *_REPEATED, "load_verify_locations"):
        if hasattr(cls, name):
            setattr(cls, name, _noted(name, getattr(cls, name)))


def _noted(name: str, call: Any) -> Any:
    @functools.wraps(call)
    def noted(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> Any:
        result = call(context, *args, **kwargs)
        told = _told.get(context) if type(context) is _CONTEXT else None
        if told is not None:
            if name in _SECRET:
                told.secret = _SECRET[name]
            elif name == "load_verify_locations":
                folder = kwargs.get("capath", args[1] if len(args) > 1 else None)
                told.folders += [folder] if folder else []
            else:
                told.calls[name] = args
        return result

    return noted


def reduce_context(pickler: Pickling, context: ssl.SSLContext) -> Reduced:
    """As settings and certificates; CannotMove if that is not all of it."""
    told = _told.get(context)
    if told is None:
        raise CannotMove("an ssl.SSLContext that was made before this session", remedy=_REMEDY)
    certificates = context.get_ca_certs(binary_form=True)
    count = context.cert_store_stats()
    if told.secret or context.sni_callback is not None or getattr(context, "_msg_callback", None) is not None:
        raise CannotMove(f"an ssl.SSLContext with {told.secret or 'a function'}", remedy=_REMEDY)
    if count["crl"] or count["x509"] != len(certificates):
        raise CannotMove("an ssl.SSLContext with certificates that it does not show", remedy=_REMEDY)
    settings = {name: getattr(context, name) for name in _SETTINGS if hasattr(context, name)}
    if context.protocol not in _PROTOCOLS:
        raise CannotMove(f"an ssl.SSLContext of the deprecated {context.protocol.name}", remedy=_REMEDY)
    protocol, ciphers = int(context.protocol), _ciphers(context)
    if _settings_of(make_context(protocol, ciphers, settings)) != _settings_of(context):
        raise CannotMove("an ssl.SSLContext that cannot be made again as it is", remedy=_REMEDY)
    arguments = protocol, ciphers, settings, dict(told.calls), list(told.folders), certificates
    return make_context, arguments, dict(vars(context)) or None


def make_context(
    protocol: int,
    ciphers: str,
    settings: dict[str, Any],
    calls: dict[str, tuple[Any, ...]] | None = None,
    folders: Sequence[Any] = (),
    certificates: Sequence[bytes] = (),
) -> ssl.SSLContext:
    """A context with these settings, ``certificates`` (DER) trusted."""
    context: ssl.SSLContext = _CONTEXT(protocol)
    context.set_ciphers(ciphers)
    context.check_hostname = False
    for name, value in settings.items():
        if getattr(context, name) != value:
            setattr(context, name, value)
    for name, args in (calls or {}).items():
        getattr(context, name)(*args)
    for folder in folders:
        context.load_verify_locations(capath=folder)
    there = set(context.get_ca_certs(binary_form=True)) if certificates else set()
    if missing := [each for each in certificates if each not in there]:  # to load them all takes 50 ms
        context.load_verify_locations(cadata=b"".join(missing))
    return context


def _ciphers(context: ssl.SSLContext) -> str:
    """What ``set_ciphers`` takes; those of TLS 1.3 cannot be set, and are ignored there."""
    names = [f"@SECLEVEL={context.security_level}", *(cipher["name"] for cipher in context.get_ciphers())]
    return ":".join(names)


def _settings_of(context: ssl.SSLContext) -> Any:
    return _ciphers(context), [getattr(context, name, None) for name in _SETTINGS]
