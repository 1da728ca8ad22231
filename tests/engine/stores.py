"""An object store on this machine, whose answers are counted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=somebody/20240101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@dataclass
class Answer:
    """What was asked, and how many bytes were sent."""

    method: str
    path: str
    query: str
    bytes: int = 0


class Store:
    """A store; what is put into it here goes another way than the program's.

    ``before`` is called with each request; what it returns, `403 AccessDenied`, is answered.
    """

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer  # takes a while, and few tests need it

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        server: Any = self._server._server
        self._app, server.app = server.app, self._serve
        self._opener = build_opener(ProxyHandler({}))
        self.endpoint = "http://{}:{}".format(*self._server.get_host_and_port())
        self.environment = {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "unspoken",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        self.renew()

    def renew(self) -> None:
        """A new bucket, of which nothing is known."""
        self.bucket = f"bucket-{uuid4().hex[:12]}"
        self.url = f"s3://{self.bucket}"
        self.answers: list[Answer] = []
        self.before: Callable[[Answer], str | None] = lambda _: None
        self._send("PUT", "", b"")
        self.answers.clear()

    def stop(self) -> None:
        self._server.stop()

    def put(self, key: str, data: bytes) -> None:
        self._send("PUT", quote(key), data)

    def delete(self, key: str) -> None:
        self._send("DELETE", quote(key))

    def upload(self, folder: Path, below: str = "") -> None:
        """Put the Parquet files below a folder into the bucket."""
        for path in sorted(folder.rglob("*.parquet")):
            self.put(below + path.relative_to(folder).as_posix(), path.read_bytes())

    def asked(self, method: str, key: str = "") -> list[Answer]:
        """The requests for an object, or for one below."""
        place = f"/{self.bucket}/{key}"
        return [
            each for each in self.answers if each.method == method and each.path.startswith(place)
        ]

    @property
    def listings(self) -> list[str]:
        return [each.query for each in self.answers if "list-type=2" in each.query]

    def _send(self, method: str, key: str, data: bytes | None = None) -> None:
        url = f"{self.endpoint}/{self.bucket}" + (key if key[:1] in {"", "?"} else f"/{key}")
        # The signature is not looked at.
        headers = {"Content-Type": "application/octet-stream", "Authorization": _SIGNED}
        request = Request(url, method=method, data=data, headers=headers)
        with self._opener.open(request, timeout=20) as reply:
            reply.read()

    def _serve(self, environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode()
        answer = Answer(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""))
        self.answers.append(answer)
        refusal = self.before(answer)
        if refusal:
            status, code = refusal.split()
            start(f"{status} No", [("Content-Type", "application/xml"), ("Connection", "close")])
            yield f"<Error><Code>{code}</Code></Error>".encode()
            return
        found: Iterable[bytes] = self._app(environ, start)
        for part in found:
            answer.bytes += len(part)
            yield part
