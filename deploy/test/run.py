#!/usr/bin/env python3
"""Deploys the real template with the real program to ministack, and uses it as clients, users and operators do.

ministack (conformance/ministack.txt) runs the functions as processes of this machine, each with the credentials of its
role, and evaluates IAM and key policies. What it doesn't model is in README.md. Its Python has to run this:

    KEYWARD_ZIP=target/lambda/keyward-x86_64.zip KEYWARD=target/debug/keyward PATH=…:$PATH …/python deploy/test/run.py

with `aws` (aws.txt) in PATH; and with `chromedriver`, or else nobody signs in. REQUIRE_BROWSER=1 demands it. KEYWARD is
the server that moves.
"""

import base64
import hashlib
import json
import secrets
import shutil
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from browser import Browser
from cloud import ADDRESS, REGION, Cloud
from stack import SERVER, Deployment, OldServer
from waiting import eventually

PASSWORD = "a long enough password"


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class OnMinistack(unittest.TestCase):
    """The tests run in the order of their names: the last ones change and delete the stack."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="keyward-deploy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.cloud = Cloud(cls.folder)
        cls.addClassCleanup(cls.cloud.stop)
        try:
            cls.stack = Deployment(cls.cloud, cls.folder)
        except Exception:
            print((cls.folder / "ministack.log").read_text()[-20000:], file=sys.stderr)
            raise

    def machine(self, *options):
        client = self.stack.run("client", "create", "--name", "Nightly report", "--scope", "reports:read", *options)
        return client["client_id"], client["client_secret"]

    def token(self, basic, stack=None):
        form = {"grant_type": "client_credentials"}
        status, _, body = (stack or self.stack).send("POST", "/token", form, basic)
        return status, json.loads(body)

    def assert_signed(self, token, stack=None):
        head, payload, signature = token.split(".")
        header = json.loads(decoded(head))
        key = (stack or self.stack).jwks()[header["kid"]]
        number = lambda name: int.from_bytes(decoded(key[name]), "big")
        public = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
        public.verify(decoded(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return json.loads(decoded(payload))

    def assert_denied(self, call, **arguments):
        with self.assertRaises(ClientError) as refused:
            call(**arguments)
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDeniedException", call)

    def test_1_metadata_and_keys(self):
        self.assertTrue(self.stack.url.endswith(f".lambda-url.{REGION}.on.aws"), self.stack.url)
        self.assertEqual(self.stack.outputs["Issuer"], self.stack.url)
        for document in ["openid-configuration", "oauth-authorization-server"]:
            self.assertEqual(self.stack.get(f"/.well-known/{document}")["issuer"], self.stack.url)
        # The first invocation made an active and a pending key for each algorithm.
        self.assertEqual(sorted(key["alg"] for key in self.stack.jwks().values()), ["ES256", "ES256", "RS256", "RS256"])

    def test_2_a_machine_gets_a_token(self):
        status, answer = self.token(self.machine())
        self.assertEqual(status, 200, answer)
        claims = self.assert_signed(answer["access_token"])
        self.assertEqual((claims["iss"], claims["scope"]), (self.stack.url, "reports:read"))
        status, headers, _ = self.stack.send("GET", "/userinfo")
        self.assertEqual(status, 401)
        self.assertIn("Bearer", headers["WWW-Authenticate"])

    def test_3_a_browser_signs_in_and_the_application_refreshes(self):
        browser = Browser.start(self.cloud, self.folder)
        if browser is None:
            self.skipTest("there is no chromedriver")
        self.addCleanup(browser.stop)
        self.stack.run("user", "create", "--username", "alice", "--password-stdin", given=PASSWORD)
        redirect_uri = "http://127.0.0.1/cb"
        options = ["--redirect-uri", redirect_uri, "--auth-method", "none"]
        client = self.stack.run("client", "create", "--name", "Photos", *options)["client_id"]
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": "openid profile offline_access",
            "state": "s",
            "prompt": "consent",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        browser.open(f"{self.stack.url}/authorize?{urllib.parse.urlencode(query)}")
        browser.fill("input[name=username]", "alice")
        browser.fill("input[name=password]", PASSWORD)
        browser.press("#login-submit")
        browser.press("#consent-approve")
        # Nothing listens there; the browser's address has the code all the same.
        arrived = eventually("the redirect", lambda: browser.at(redirect_uri))
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(arrived).query)["code"][0]
        form = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        first = self.tokens(client, "authorization_code", form)
        self.assertEqual(self.assert_signed(first["id_token"])["iss"], self.stack.url)
        second = self.tokens(client, "refresh_token", {"refresh_token": first["refresh_token"]})
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        status, _, body = self.stack.send("GET", "/userinfo", headers=bearer)
        self.assertEqual((status, json.loads(body)["preferred_username"]), (200, "alice"))

    def tokens(self, client, grant_type, form):
        form = {"client_id": client, "grant_type": grant_type, **form}
        status, _, body = self.stack.send("POST", "/token", form)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def test_4_the_token_functions_role_makes_no_keys(self):
        credentials = self.stack.role_of(self.stack.outputs["TokenFunction"])
        kms, dynamodb = self.cloud.client("kms", credentials), self.cloud.client("dynamodb", credentials)
        key, table = self.stack.outputs["Key"], self.stack.outputs["Table"]
        context = {"realm": "main", "purpose": "master", "wrap": "w"}
        makes = {"KeyId": key, "EncryptionContext": context}
        self.assert_denied(kms.generate_data_key_without_plaintext, NumberOfBytes=32, **makes)
        self.assert_denied(kms.generate_data_key, NumberOfBytes=32, **makes)
        self.assert_denied(kms.generate_data_key_pair_without_plaintext, KeyPairSpec="ECC_NIST_P256", **makes)
        self.assert_denied(kms.encrypt, Plaintext=b"x", **makes)
        self.assert_denied(kms.create_key)
        self.assert_denied(kms.schedule_key_deletion, KeyId=key)
        self.assert_denied(dynamodb.scan, TableName=table)
        self.assert_denied(dynamodb.delete_table, TableName=table)
        dynamodb.describe_table(TableName=table)
        # It opens what the rotation made, with the context of that.
        rotation = self.cloud.client("kms", self.stack.role_of(self.stack.outputs["RotationFunction"]))
        blob = rotation.generate_data_key_without_plaintext(NumberOfBytes=32, **makes)["CiphertextBlob"]
        opened = kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionContext=context)
        self.assertEqual(len(opened["Plaintext"]), 32)
        for other in [{}, {"realm": "other", "purpose": "master"}, {"realm": "main", "purpose": "mail"}]:
            self.assert_denied(kms.decrypt, KeyId=key, CiphertextBlob=blob, EncryptionContext=other)

    def test_5_the_rotation_functions_role_opens_none(self):
        credentials = self.stack.role_of(self.stack.outputs["RotationFunction"])
        kms, dynamodb = self.cloud.client("kms", credentials), self.cloud.client("dynamodb", credentials)
        key, table = self.stack.outputs["Key"], self.stack.outputs["Table"]
        context = {"realm": "main", "purpose": "master", "wrap": "w"}
        made = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=32, EncryptionContext=context)
        blob = {"KeyId": key, "CiphertextBlob": made["CiphertextBlob"], "EncryptionContext": context}
        self.assert_denied(kms.decrypt, **blob)
        self.assert_denied(kms.generate_data_key, KeyId=key, NumberOfBytes=32, EncryptionContext=context)
        self.assert_denied(kms.generate_data_key_without_plaintext, KeyId=key, NumberOfBytes=32)
        item = lambda pk, sk: {"pk": {"S": pk}, "sk": {"S": sk}}
        self.assertIn("Item", dynamodb.get_item(TableName=table, Key=item("main#RING", "RING")))
        self.assertIn("Item", dynamodb.get_item(TableName=table, Key=item("main#META", "ISSUER")))
        self.assert_denied(dynamodb.put_item, TableName=table, Item=item("main#META", "ISSUER"))
        self.assert_denied(dynamodb.put_item, TableName=table, Item=item("main#USER#u", "USER"))
        self.assert_denied(dynamodb.get_item, TableName=table, Key=item("main#USER#u", "USER"))
        self.assert_denied(dynamodb.delete_item, TableName=table, Key=item("main#RING", "RING"))
        self.assert_denied(dynamodb.scan, TableName=table)

    def test_6_an_update_fails_no_request_and_the_next_rotation_makes_its_keys(self):
        basic = self.machine()
        stop, failed, served = threading.Event(), [], []

        def call(path):
            while not stop.is_set():
                try:
                    status = self.token(basic)[0] if path == "/token" else self.stack.send("GET", path)[0]
                except OSError as error:
                    status = repr(error)
                (served if status == 200 else failed).append((path, status))

        with ThreadPoolExecutor(4) as callers:
            for path in ["/token", "/token", "/jwks", "/.well-known/openid-configuration"]:
                callers.submit(call, path)
            try:
                self.stack.deploy("SigningAlgs=RS256,ES256,EdDSA", "SignUp=open")
                time.sleep(2)
            finally:
                stop.set()
        self.assertEqual(failed, [])
        self.assertGreater(len(served), 50)
        self.assertEqual(self.stack.send("GET", "/signup")[0], 200)
        algorithms = lambda: "EdDSA" in {key["alg"] for key in self.stack.jwks().values()}
        eventually("the new key is published", algorithms)
        done = self.stack.invoke(self.stack.outputs["RotationFunction"], {"source": "aws.events"})
        self.assertEqual(done, {"done": "nothing was due"})

    def test_6_refused_parameters_are_named_and_change_nothing(self):
        with self.assertRaisesRegex(AssertionError, r"DomainName needs CloudFront=true\n.* was not deployed: see the error above$"):
            self.stack.deploy("DomainName=auth.example.com")
        self.assertEqual(self.stack.send("GET", "/readyz")[0], 200)

    @unittest.skipIf(SERVER is None, "KEYWARD names no program with SQLite")
    def test_7_a_server_moves_here_and_what_it_issued_stays_valid(self):
        iam = self.cloud.client("iam")
        mover = iam.create_user(UserName="mover")["User"]["Arn"]
        access = iam.create_access_key(UserName="mover")["AccessKey"]
        stack = Deployment(self.cloud, self.folder, "--for-import", f"KeyMover={mover}", name="moved")
        self.assertEqual(stack.outputs.get("Issuer", ""), "")
        # What docs/guides/dynamodb.md lists for imports; KeyMover grants the rest.
        names = ["BatchGetItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"]
        table = self.cloud.client("dynamodb").describe_table(TableName=stack.outputs["Table"])["Table"]["TableArn"]
        statement = {"Effect": "Allow", "Action": [f"dynamodb:{name}" for name in names], "Resource": table}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="mover", PolicyName="records", PolicyDocument=policy)
        kms = stack.settings["KMS"]
        local = {"KEYWARD_STORAGE": "sqlite:old.db", "KEYWARD_KEYS": "local:old.key", "KEYWARD_ISSUER": stack.url}
        with OldServer(stack, local) as old:
            options = ["--name", "Nightly report", "--scope", "reports:read"]
            client = stack.run("client", "create", *options, program=SERVER, **local)
            basic = (client["client_id"], client["client_secret"])
            issued = old.token(basic)
        stack.run("storage", "export", "everything.jsonl", program=SERVER, **local)
        as_mover = {"AWS_ACCESS_KEY_ID": access["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": access["SecretAccessKey"]}
        stack.run("storage", "import", "everything.jsonl", "--planned-move", **as_mover)
        stack.run("keys", "move", "--to", kms, KEYWARD_KEYS="local:old.key", **as_mover)
        stack.run("keys", "move", "--to", kms, KEYWARD_KEYS=kms, **as_mover)
        stack.deploy("KeyMover=")
        self.assertEqual(self.token(basic, stack)[0], 200)
        self.assertEqual(self.assert_signed(issued, stack)["iss"], stack.url)
        key = self.cloud.client("kms", list(as_mover.values()))
        context = {"realm": "main", "purpose": "master", "wrap": "w"}
        makes = {"KeyId": stack.outputs["Key"], "NumberOfBytes": 32, "EncryptionContext": context}
        self.assert_denied(key.generate_data_key_without_plaintext, **makes)

    def signing_stack(self):
        """The stack whose keys stay in KMS. Its issuer is an address, where programs find it without DNS."""
        if not hasattr(type(self), "signing"):
            issuer = f"https://{ADDRESS}:{self.cloud.tls.port}"
            type(self).signing = Deployment(self.cloud, self.folder, "KeysMode=sign", f"Issuer={issuer}", name="sign")
        return self.signing

    def test_8_doctor_finds_no_difference_and_leaves_nothing(self):
        stack = self.signing_stack()
        settings = {"KEYWARD_OUTBOUND_CA": str(self.cloud.certificate)}
        ran = stack.attempt("doctor", "--aws", "--disable-kms-key", patience=300, **settings)
        checks = json.loads(ran.stdout)["checks"]
        # ministack makes the table without encryption, expiry and recovery. In the race dozens of environments start at
        # once on one machine, so some requests may get 503.
        bad = [check for check in checks if not check["ok"] and check["name"] not in ["storage", "race"]]
        self.assertEqual(bad, [], ran.stderr)
        found = {check["name"]: check["found"] for check in checks}
        self.assertRegex(found["race"].split("found")[-1], r" 1 × 200, \d+ × 400 invalid_grant(, \d+ × 503[a-z_ ]*)*$")
        self.assertIn("503 temporarily_unavailable", found["kms"])
        self.assertIn("revoked", found["replay"])
        self.assertEqual((stack.run("client", "list"), stack.run("user", "list")), ([], []))

    def test_8_keys_stay_in_kms_and_each_role_has_its_part(self):
        stack = self.signing_stack()
        client = stack.run("client", "create", "--name", "Nightly report", "--scope", "reports:read")
        status, answer = self.token((client["client_id"], client["client_secret"]), stack)
        self.assertEqual(status, 200, answer)
        self.assert_signed(answer["access_token"], stack)
        root = self.cloud.client("kms")
        spec = {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}
        foreign = root.create_key(**spec)["KeyMetadata"]["Arn"]

        def tags_of(key):
            tags = {"keyward-realm": "main", "keyward-purpose": "signing-key", "keyward-wrapping-key": key.split("/")[-1]}
            return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]

        tags, others = tags_of(stack.outputs["Key"]), tags_of(self.stack.outputs["Key"])
        own = root.create_key(Tags=tags, **spec)["KeyMetadata"]["Arn"]
        other = root.create_key(Tags=others, **spec)["KeyMetadata"]["Arn"]
        signs = {"Message": bytes(32), "MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
        token = self.cloud.client("kms", stack.role_of(stack.outputs["TokenFunction"]))
        token.sign(KeyId=own, **signs)
        self.assert_denied(token.sign, KeyId=foreign, **signs)
        self.assert_denied(token.sign, KeyId=other, **signs)
        self.assert_denied(token.sign, KeyId=own, **{**signs, "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_512"})
        self.assert_denied(token.create_key, Tags=tags, **spec)
        rotation = self.cloud.client("kms", stack.role_of(stack.outputs["RotationFunction"]))
        rotation.create_key(Tags=tags, **spec)
        rotation.get_public_key(KeyId=own)
        self.assert_denied(rotation.create_key, **spec)
        self.assert_denied(rotation.create_key, Tags=others, **spec)
        self.assert_denied(rotation.tag_resource, KeyId=other, Tags=tags)
        self.assert_denied(rotation.create_key, Tags=tags, KeyUsage="ENCRYPT_DECRYPT")
        self.assert_denied(rotation.sign, KeyId=own, **signs)

    def test_9_a_deletion_keeps_records_and_key(self):
        cloudformation = self.cloud.client("cloudformation")
        cloudformation.delete_stack(StackName="keyward")
        cloudformation.get_waiter("stack_delete_complete").wait(StackName="keyward", WaiterConfig={"Delay": 1})
        left = [it["FunctionName"] for it in self.cloud.client("lambda").list_functions()["Functions"]]
        self.assertEqual([name for name in left if name.startswith("keyward-")], [])
        table = self.cloud.client("dynamodb").describe_table(TableName=self.stack.outputs["Table"])["Table"]
        self.assertTrue(table["DeletionProtectionEnabled"])
        key = self.cloud.client("kms").describe_key(KeyId=self.stack.outputs["Key"])["KeyMetadata"]
        self.assertEqual(key["KeyState"], "Enabled")
        self.assertNotEqual(self.stack.send("GET", "/jwks")[0], 200)


if __name__ == "__main__":
    unittest.main()
