"""The port of gRPC is encrypted where HTTP is, with the same files, and follows their renewal."""

import grpc
import pytest
from tests.http.certificates import Authority
from tests.serve.clients import threaded, until
from tests.serve.grpc.test_grpc_calls import ask, request

from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.grpc import grpc_server
from seatrial.serve.server_settings import Settings


def trusted(port: int, authority: Authority) -> bool:
    """Whether a call on a new connection that trusts only this authority is answered."""
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    with grpc.secure_channel(f"localhost:{port}", credentials, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        return ask(channel, "ServerLive")[0] is grpc.StatusCode.OK


def test_calls_are_encrypted_and_plain_ones_are_refused(
    titanic: Release, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_server, "LOOK_SECONDS", 0.0)
    first, second = (Authority(tmp_path_factory.mktemp("authority")) for _ in range(2))
    files, other = first.sign(), second.sign()
    settings = Settings(grpc_port=0, tls_certificate=str(files.certificate), tls_key=str(files.key))
    with threaded(create_app(titanic, settings)) as (_, server):
        port = server.config.app.grpc.port
        credentials = grpc.ssl_channel_credentials(first.file.read_bytes())
        with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
            assert ask(channel, "ModelInfer", request(titanic))[0] is grpc.StatusCode.OK
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert ask(channel, "ModelInfer", request(titanic))[0] is grpc.StatusCode.UNAVAILABLE
        assert trusted(port, first)
        assert not trusted(port, second)
        files.certificate.write_bytes(other.certificate.read_bytes())  # half a renewal
        assert trusted(port, first)
        files.key.write_bytes(other.key.read_bytes())
        until(lambda: trusted(port, second))
        assert not trusted(port, first)
