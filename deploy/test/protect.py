#!/usr/bin/env python3
"""Deploys deploy/protect/template.yaml to ministack, and calls the API with tokens of a real server.

ministack models HTTP APIs with both kinds of authorizers: the JWT authorizer discovers the keys, and verifies an RS256
signature, `iss`, `aud`, `exp` and the route's scopes; the other one invokes the function with payload 2.0 and caches what
it answers. It has no time-out for an authorizer, and does not check that API Gateway may invoke the functions.

    KEYWARD=target/debug/keyward AUTHORIZER=target/debug/keyward-authorizer \
      ORDERS=target/debug/examples/orders_function …/python deploy/test/protect.py
"""

import base64
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import zipfile
from pathlib import Path

from cloud import Cloud
from waiting import PATIENCE, eventually

ROOT = Path(__file__).resolve().parent.parent.parent
KEYWARD, AUTHORIZER, ORDERS = (Path(os.environ[name]).resolve() for name in ["KEYWARD", "AUTHORIZER", "ORDERS"])
API = "https://orders.example.com"
# `guard` allows the clocks to differ by so much; API Gateway documents nothing, and ministack allows nothing.
LEEWAY = 30


class Server:
    """An issuer on this machine, where functions and gateway find it without TLS."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "KEYWARD_SIGNING_ALGS": "RS256"}
        with open(folder / "server.log", "wb") as log:
            self.process = subprocess.Popen(
                [KEYWARD, "serve", "--listen", "127.0.0.1:0"],
                env=self.environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.issuer = re.search(r"issuer (\S+)", self.process.stdout.readline())[1].strip('",')

    def run(self, *arguments):
        ran = subprocess.run(
            [KEYWARD, "--json", *arguments],
            env=self.environment | {"KEYWARD_ISSUER": self.issuer}, cwd=self.folder, capture_output=True, text=True, check=False,
        )
        assert ran.returncode == 0, (arguments, ran.stdout, ran.stderr)
        return json.loads(ran.stdout or "null")

    def client(self, *options):
        created = self.run("client", "create", "--name", "Shop", "--scope", "orders:read orders:write", *options)
        return created["client_id"], created["client_secret"]

    def token(self, client, scope="orders:read"):
        where = urllib.parse.urlsplit(self.issuer)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE)
        headers = {
            "Authorization": "Basic " + base64.b64encode(":".join(client).encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope})
        connection.request("POST", "/token", form, headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["access_token"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def header(token):
    text = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Protected(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="keyward-protect-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.server = Server(cls.folder)
        cls.addClassCleanup(cls.server.stop)
        shop = cls.server.client("--audience", API)
        hurried = cls.server.client("--audience", API, "--access-token-ttl", "1s")
        elsewhere = cls.server.client("--audience", "https://other.example.com")
        cls.revoked = cls.server.token(shop)
        cls.expired = cls.server.token(hurried)
        cls.expires = time.monotonic() + 1 + LEEWAY
        cls.server.run("keys", "revoke", header(cls.revoked)["kid"])
        cls.right = eventually("a token by the next key", lambda: cls.by_another_key(shop))
        cls.weak = cls.server.token(shop, "orders:write")
        cls.misdirected = cls.server.token(elsewhere)
        cls.cloud = Cloud(cls.folder)
        cls.addClassCleanup(cls.cloud.stop)
        try:
            cls.deploy()
        except Exception:
            print((cls.folder / "ministack.log").read_text()[-20000:], file=sys.stderr)
            raise

    @classmethod
    def by_another_key(cls, client):
        token = cls.server.token(client)
        return token if header(token)["kid"] != header(cls.revoked)["kid"] else None

    @classmethod
    def deploy(cls):
        bucket = cls.cloud.client("s3")
        bucket.create_bucket(Bucket="programs")
        for key, program in [("orders", ORDERS), ("authorizer", AUTHORIZER)]:
            stripped = cls.folder / key
            subprocess.run(["strip", "-o", stripped, program], check=True)
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as parts:
                part = zipfile.ZipInfo("bootstrap")
                part.external_attr = 0o755 << 16
                parts.writestr(part, stripped.read_bytes(), zipfile.ZIP_DEFLATED)
            bucket.put_object(Bucket="programs", Key=key, Body=packed.getvalue())
        cloudformation = cls.cloud.client("cloudformation")
        parameters = {
            "CodeBucket": "programs",
            "OrdersKey": "orders",
            "AuthorizerKey": "authorizer",
            "Architecture": "x86_64",
            "Issuer": cls.server.issuer,
            "Audience": API,
        }
        cloudformation.create_stack(
            StackName="orders",
            TemplateBody=(ROOT / "deploy/protect/template.yaml").read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="orders", WaiterConfig={"Delay": 1})
        [stack] = cloudformation.describe_stacks(StackName="orders")["Stacks"]
        [url] = [it["OutputValue"] for it in stack["Outputs"] if it["OutputKey"] == "Url"]
        cls.host = urllib.parse.urlsplit(url).netloc

    def call(self, path, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=PATIENCE)
        headers = {"Host": self.host} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body, answer.headers

    def assert_refused(self, path, status, token=None):
        """By the gateway, whose answers have a message. Those of `guard` have none."""
        answered, body, _ = self.call(path, token)
        self.assertEqual(answered, status, (path, body))
        self.assertEqual(json.loads(body), {"message": {401: "Unauthorized", 403: "Forbidden"}[status]}, path)

    def test_a_token_with_the_scope_passes(self):
        for path in ["/orders", "/invoices", "/stock"]:
            for _ in range(2):
                status, body, _ = self.call(path, self.right)
                self.assertEqual((status, body[:4]), (200, b"for "), (path, body))

    def test_the_gateway_refuses_with_its_own_authorizer(self):
        self.assert_refused("/orders", 401)
        self.assert_refused("/orders", 403, self.weak)
        for token in [self.misdirected, self.revoked, self.expired, self.right + "x"]:
            self.assert_refused("/orders", 401, token)

    def test_the_gateway_refuses_with_keyward_authorizer(self):
        self.assert_refused("/invoices", 401)
        self.wait_for_expiry()
        # An HTTP API answers 403 whatever the reason.
        for token in [self.weak, self.misdirected, self.revoked, self.expired, self.right + "x"]:
            for _ in range(2):
                self.assert_refused("/invoices", 403, token)

    def test_the_function_refuses_by_itself(self):
        self.wait_for_expiry()
        for token, status, error in [
            (None, 401, None),
            (self.weak, 403, "insufficient_scope"),
            (self.misdirected, 401, "invalid_token"),
            (self.revoked, 401, "invalid_token"),
            (self.expired, 401, "invalid_token"),
        ]:
            answered, body, headers = self.call("/stock", token)
            self.assertEqual((answered, body), (status, b""), error)
            self.assertIn(f'error="{error}"' if error else "Bearer", headers["WWW-Authenticate"])

    def wait_for_expiry(self):
        time.sleep(max(0.0, self.expires + 1 - time.monotonic()))


if __name__ == "__main__":
    unittest.main()
