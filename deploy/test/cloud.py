"""AWS on this machine."""

import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import boto3

from waiting import eventually, free_port

REGION = "us-east-1"
# Of this machine. To the program it is not a loopback address, and unlike a function's URL it can be reached without DNS.
ADDRESS = "127.0.0.2"


class Cloud:
    """ministack, and in front of it TLS, which it would serve for functions' URLs and its own API alike or not at all."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # All that programs learn of this machine; `HOME` has no profile of its owner.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        own = {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_PORT": "0",
            "LOG_LEVEL": "INFO",
            # Lambda sets it; ministack doesn't.
            "AWS_LAMBDA_LOG_GROUP_NAME": "keyward",
        }
        command = [sys.executable, Path(__file__).with_name("emulator.py")]
        with open(folder / "ministack.log", "wb") as log:
            streams = {"stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, env=self.environment | own, cwd=folder, **streams)
        eventually("ministack listens", self.listens)
        self.certificate = folder / "certificate.pem"
        self.tls = TlsFront(folder, self.certificate, self.port)

    def listens(self):
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, service, credentials=None):
        names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
        credentials = credentials or ["test", "test"]
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.endpoint, **dict(zip(names, credentials))
        )

    def stop(self):
        self.process.terminate()
        self.process.wait()


class TlsFront:
    """Passes on what comes by TLS for any host, and for ADDRESS what is meant for the host that `find_host` returns."""

    find_host = None

    def __init__(self, folder, certificate, port):
        self.target = port
        key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            + ["-subj", "/CN=keyward", "-addext", f"subjectAltName=DNS:*.lambda-url.{REGION}.on.aws,IP:{ADDRESS}"]
            + ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener = socket.create_server(("", 0), backlog=128)
        self.port = listener.getsockname()[1]
        self.context = context
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with (
                self.context.wrap_socket(connection, server_side=True) as caller,
                socket.create_connection(("127.0.0.1", self.target)) as server,
            ):
                back = threading.Thread(target=copy, args=(server, caller), daemon=True)
                back.start()
                server.sendall(self.addressed(caller.recv(65536)))
                copy(caller, server)
                back.join()
        except OSError:
            pass


    def addressed(self, data):
        """The first bytes of a connection, with a host that ministack knows."""
        alias = f"{ADDRESS}:{self.port}"
        lines = data.split(b"\r\n")
        return b"\r\n".join(
            f"Host: {self.find_host()}".encode() if line.lower() == f"host: {alias}".encode() else line for line in lines
        )


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
