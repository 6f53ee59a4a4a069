"""What the kernel takes for its ZeroMQ sockets: a Jupyter message goes to the coordinator, unsigned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import loads
from typing import Any

from jupyter_client.session import DELIM

from caesura.wire.messages import Output


class JupyterSocket:
    """The sending side of one of the kernel's channels (``iopub``, ``shell``, ``control``, ``stdin``)."""

    def __init__(self, channel: str, send: Callable[[Output], None] | None = None) -> None:
        self.channel = channel
        self._send = send

    def send_multipart(self, parts: Sequence[Any], flags: int = 0, copy: bool = True, **_options: Any) -> None:
        """``parts`` as :meth:`jupyter_client.session.Session.send` makes them."""
        if self._send is None:
            return  # no session yet: nobody would read it
        raw = [part if isinstance(part, bytes) else bytes(part) for part in parts]  # a user's buffer may change later
        idents = raw.index(DELIM)
        frames = raw[idents + 2 :]  # without the delimiter and the signature
        header, parent = loads(frames[0]), loads(frames[1])
        self._send(
            Output(
                epoch=0,
                number=0,  # both are put in when it is sent
                channel=self.channel,
                idents=idents,
                msg_type=header["msg_type"],
                parent_id=parent.get("msg_id", ""),
                buffers=(*raw[:idents], *frames),
            )
        )

    def connect(self, send: Callable[[Output], None]) -> None:
        """Send to somebody else from now on."""
        self._send = send

    def flush(self, *_args: Any) -> None:
        """Nothing is kept back."""
