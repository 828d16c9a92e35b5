"""The stack, as operators and clients use it."""

import base64
import http.client
import io
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import urllib.parse
import zipfile
from pathlib import Path

from waiting import PATIENCE

DEPLOY = Path(__file__).resolve().parent.parent / "deploy.sh"
ZIP = Path(os.environ["KEYWARD_ZIP"]).resolve()
# The program for a server with a disk; the packaged one has no SQLite.
SERVER = Path(os.environ["KEYWARD"]).resolve() if "KEYWARD" in os.environ else None

TELLS_CREDENTIALS = f"""#!{sys.executable}
import json, os, urllib.request

base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
while True:
    with urllib.request.urlopen(base + "next") as event:
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    answer = json.dumps([os.environ[name] for name in names]).encode()
    urllib.request.urlopen(base + request + "/response", answer).close()
"""


class Deployment:
    """The stack, made by deploy.sh as an operator runs it."""

    def __init__(self, cloud, folder, *arguments, name="keyward"):
        self.cloud = cloud
        self.folder = folder
        self.name = name
        cloud.tls.find_host = self.find_host
        with zipfile.ZipFile(ZIP) as program:
            program.extractall(folder)
        self.keyward = folder / "bootstrap"
        self.keyward.chmod(0o755)
        # curl finds the URL here.
        settings = f'connect-to = "::127.0.0.1:{cloud.tls.port}"\ncacert = "{cloud.certificate}"\n'
        (folder / ".curlrc").write_text(settings)
        printed = self.deploy(*arguments)
        # As the script tells operators.
        settings = re.search(r"export (AWS_REGION=.*)", printed)[1].split()
        self.settings = dict(setting.split("=", 1) for setting in settings)

    def deploy(self, *arguments):
        command = [DEPLOY, "--stack", self.name, "--zip", ZIP, *arguments]
        environment = self.cloud.environment | {"CURL_HOME": str(self.folder)}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        if ran.returncode != 0:
            raise AssertionError(f"deploy.sh failed\n{ran.stdout}\n{ran.stderr}")
        [stack] = self.cloud.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}
        self.url = self.outputs["Url"].rstrip("/")
        self.host = urllib.parse.urlsplit(self.url).hostname
        return ran.stdout

    def find_host(self):
        """The host of the function's URL, also while the stack is being created."""
        [stack] = self.cloud.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        outputs = {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}
        return urllib.parse.urlsplit(outputs["Url"]).hostname

    def run(self, *arguments, given=None, program=None, **settings):
        ran = self.attempt(*arguments, given=given, program=program, **settings)
        if ran.returncode != 0:
            raise AssertionError(f"{arguments} failed\n{ran.stdout}\n{ran.stderr}")
        return json.loads(ran.stdout)

    def attempt(self, *arguments, given=None, program=None, patience=60, **settings):
        command = [program or self.keyward, "--json", *arguments]
        environment = self.cloud.environment | self.settings | settings
        streams = {"input": given, "capture_output": True, "text": True}
        return subprocess.run(
            command, env=environment, cwd=self.folder, timeout=patience, check=False, **streams
        )

    def send(self, method, path, form=None, basic=None, headers=None):
        headers = dict(headers or {})
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if basic:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        context = ssl.create_default_context(cafile=self.cloud.certificate)
        with socket.create_connection(("127.0.0.1", self.cloud.tls.port), timeout=PATIENCE) as plain:
            connection = http.client.HTTPSConnection(self.host)
            with context.wrap_socket(plain, server_hostname=self.host) as connection.sock:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()

    def get(self, path):
        status, _, body = self.send("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def jwks(self):
        return {key["kid"]: key for key in self.get("/jwks")["keys"]}

    def invoke(self, function, payload):
        answer = self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def role_of(self, function):
        """The credentials that Lambda gives a function, as a function of the same role tells them."""
        client = self.cloud.client("lambda")
        role = client.get_function_configuration(FunctionName=function)["Role"]
        program = io.BytesIO()
        with zipfile.ZipFile(program, "w") as parts:
            part = zipfile.ZipInfo("bootstrap")
            part.external_attr = 0o755 << 16
            parts.writestr(part, TELLS_CREDENTIALS)
        name = f"probe-{secrets.token_hex(4)}"
        client.create_function(
            FunctionName=name, Runtime="provided.al2023", Role=role, Handler="probe", Code={"ZipFile": program.getvalue()}
        )
        credentials = self.invoke(name, {})
        client.delete_function(FunctionName=name)
        return credentials


class OldServer:
    """A server as it was before it moves here."""

    def __init__(self, stack, settings):
        command = [SERVER, "serve", "--listen", "127.0.0.1:0"]
        # Not a function, and without a cloud.
        environment = {"PATH": os.environ["PATH"], **settings}
        with open(stack.folder / "old-server.log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=stack.folder, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def __enter__(self):
        ready = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+) issuer", ready)[1])
        return self

    def token(self, basic):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {
            "Authorization": "Basic " + base64.b64encode(":".join(basic).encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request("POST", "/token", "grant_type=client_credentials", headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["access_token"]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
