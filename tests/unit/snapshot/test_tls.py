"""Contexts of TLS after a move: as they were set, or named with what they keep to themselves."""

from __future__ import annotations

import pickle
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from caesura.errors import CannotMove
from caesura.snapshot import tls

NAMES = ("__new__", "load_verify_locations", *tls._SECRET, *tls._REPEATED)


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own = {name: vars(ssl.SSLContext)[name] for name in NAMES if name in vars(ssl.SSLContext)}
    tls.watch()
    yield
    for name in NAMES:
        if name in own:
            setattr(ssl.SSLContext, name, own[name])
        elif name in vars(ssl.SSLContext):
            delattr(ssl.SSLContext, name)


def moved(context: ssl.SSLContext) -> ssl.SSLContext:
    made, arguments, state = tls.reduce_context(cast("Any", None), context)
    again: ssl.SSLContext = made(*pickle.loads(pickle.dumps(arguments)))
    vars(again).update(state or {})
    return again


def described(context: ssl.SSLContext) -> Any:
    return tls._settings_of(context), set(context.get_ca_certs(binary_form=True)), context.protocol


@pytest.mark.parametrize(
    "make",
    [
        ssl.create_default_context,
        lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        lambda: ssl._create_unverified_context(),
    ],
)
def test_a_context_is_made_again_as_it_was(make: Any) -> None:
    context = make()
    assert described(moved(context)) == described(context)


def test_what_was_set_is_set() -> None:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_ciphers("ECDHE+AESGCM")
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.options |= ssl.OP_NO_TICKET
    again = moved(context)
    assert described(again) == described(context)
    assert tls._told[again].calls["_set_alpn_protocols"] == (b"\x02h2\x08http/1.1",)
    assert described(moved(again)) == described(context)


def test_what_stands_on_it_stands_on_it_again() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 1
    context.mine = "x"  # type: ignore[attr-defined]
    again = moved(context)
    assert again.num_tickets == 1
    assert vars(again)["mine"] == "x"


def test_folders_of_certificates_are_looked_into_again(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(capath=str(tmp_path))
    assert tls._told[moved(context)].folders == [str(tmp_path)]


def test_certificates_move_with_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    known = ssl.create_default_context().get_ca_certs(binary_form=True)[:2]
    if not known:
        pytest.skip("this system has no certificates that Python finds")
    context.load_verify_locations(cadata=b"".join(known))
    assert set(moved(context).get_ca_certs(binary_form=True)) == set(known)


def test_functions_hold_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda *_: None
    with pytest.raises(CannotMove, match="with a function"):
        tls.reduce_context(cast("Any", None), context)


def test_a_certificate_of_its_own_holds_it(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(OSError, match=r"."):
        context.load_cert_chain(tmp_path / "nothing.pem")
    moved(context)  # it has none
    tls._told[context].secret = tls._SECRET["load_cert_chain"]
    with pytest.raises(CannotMove, match="a certificate of its own"):
        tls.reduce_context(cast("Any", None), context)


def test_one_that_nobody_has_watched_holds() -> None:
    context = ssl.create_default_context()
    del tls._told[context]
    with pytest.raises(CannotMove, match="before this session"):
        tls.reduce_context(cast("Any", None), context)


class Unhashable(ssl.SSLContext):
    __hash__ = None  # type: ignore[assignment]


def test_contexts_of_other_classes_work_as_they_do_elsewhere() -> None:
    context = Unhashable(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    context.load_default_certs()
    assert type(context) is Unhashable
