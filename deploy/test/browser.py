"""A browser."""

import http.client
import json
import os
import shutil
import subprocess

from waiting import PATIENCE, eventually, free_port


class Browser:
    """Headless Chromium by the WebDriver protocol."""

    @classmethod
    def start(cls, cloud, folder):
        driver = shutil.which("chromedriver")
        if driver is None:
            assert "REQUIRE_BROWSER" not in os.environ, "there is no chromedriver"
            return None
        return cls(driver, cloud, folder)

    def __init__(self, driver, cloud, folder):
        self.port = free_port()
        with open(folder / "chromedriver.log", "wb") as log:
            self.process = subprocess.Popen([driver, f"--port={self.port}"], stdout=log, stderr=log)
        eventually("chromedriver is ready", self.is_ready)
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--ignore-certificate-errors",
            f"--host-resolver-rules=MAP *.on.aws 127.0.0.1:{cloud.tls.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder / 'profile'}",
        ]
        capabilities = {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}
        self.session = self.command("POST", "/session", {"capabilities": capabilities})["sessionId"]

    def is_ready(self):
        try:
            return self.command("GET", "/status")["ready"]
        except OSError:
            return False

    def command(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
        connection.close()
        if answer.status != 200:
            raise WebDriverError(value["error"], value["message"])
        return value

    def act(self, method, path, body=None):
        return self.command(method, f"/session/{self.session}{path}", body)

    def open(self, url):
        self.act("POST", "/url", {"url": url})

    def element(self, css):
        def find():
            try:
                [identifier] = self.act("POST", "/element", {"using": "css selector", "value": css}).values()
                return identifier
            except WebDriverError:
                return None

        try:
            return eventually(css, find)
        except AssertionError:
            raise AssertionError(f"no {css} in {self.act('GET', '/url')}\n{self.act('GET', '/source')}") from None

    def fill(self, css, text):
        self.act("POST", f"/element/{self.element(css)}/value", {"text": text})

    def press(self, css):
        self.act("POST", f"/element/{self.element(css)}/click", {})

    def at(self, prefix):
        url = self.act("GET", "/url")
        return url if url.startswith(prefix + "?") else None

    def stop(self):
        self.act("DELETE", "")
        self.process.terminate()
        self.process.wait()


class WebDriverError(Exception):
    """A refusal of the driver."""
