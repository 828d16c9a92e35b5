#!/usr/bin/env python3
"""Checks the files for servers: the unit, the container, compose and Kubernetes. Each is read by a tool that knows its
format, and the program ($KEYWARD) checks the settings that it gives.

Needs the packages of check.txt; systemd-analyze, caddy and compose-go ($COMPOSE_GO) are used if they are there, and have
to be with REQUIRE_TOOLS=1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
KEYWARD = Path(os.environ["KEYWARD"]).resolve()
KUBERNETES = "1.37"
SECRET = "0123456789abcdef" * 2


def image_environment():
    """What the image sets."""
    text = (DEPLOY / "container/Containerfile").read_text().replace("\\\n", " ")
    [last] = re.findall(r"^ENV (.*)$", text, re.M)
    return dict(pair.split("=", 1) for pair in last.split())


def run(*command, environment=None):
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )


class Files(unittest.TestCase):
    def tool(self, name, path=None):
        found = path or shutil.which(name)
        if not found and os.environ.get("REQUIRE_TOOLS") != "1":
            self.skipTest(f"{name} is missing")
        self.assertTrue(found, name)
        return found

    def succeeds(self, *command, environment=None):
        ran = run(*command, environment=environment)
        self.assertEqual(ran.returncode, 0, f"{command}: {ran.stdout}{ran.stderr}")

    def settings_are_valid(self, environment):
        """Whether the program takes them. Where AWS is, it does not check."""
        own = {name: value for name, value in environment.items() if name.startswith("KEYWARD_") or name == "PORT"}
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run(
                [KEYWARD, "config", "check"], env=own, cwd=folder, capture_output=True, text=True, check=False
            )
        self.assertEqual(ran.returncode, 0, f"{own}: {ran.stderr}")

    def test_systemd_takes_the_unit_and_finds_it_confined(self):
        analyze = self.tool("systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            # The program need not be installed.
            unit = Path(folder) / "keyward.service"
            text = (DEPLOY / "systemd/keyward.service").read_text()
            self.assertIn("/usr/local/bin/keyward serve", text)
            unit.write_text(text.replace("/usr/local/bin/keyward", str(KEYWARD)))
            ran = run(analyze, "verify", "--man=no", unit)
            self.assertEqual((ran.returncode, ran.stdout + ran.stderr), (0, ""))
            # Of 100. Half of what is left is the network.
            self.succeeds(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", unit)

    def compose(self):
        """The file as compose reads it, with its variables replaced."""
        values = {"DOMAIN": "auth.example.com", "KEYWARD_ORIGIN_SECRET": SECRET}
        text = (DEPLOY / "container/compose.yaml").read_text()
        return yaml.safe_load(re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: values[found[1]], text))

    def test_compose_is_valid(self):
        self.succeeds(
            self.tool("compose-go", os.environ.get("COMPOSE_GO")),
            "-no-interpolation",
            DEPLOY / "container/compose.yaml",
        )

    def test_compose_gives_valid_settings(self):
        server = self.compose()["services"]["keyward"]
        self.settings_are_valid({**image_environment(), **server["environment"]})
        self.assertNotIn("ports", server, "only the front end reaches it")
        self.assertEqual((server["read_only"], server["cap_drop"]), (True, ["ALL"]))

    def test_caddy_takes_its_file(self):
        caddy = self.tool("caddy")
        file = DEPLOY / "container/Caddyfile"
        environment = {**os.environ, **self.compose()["services"]["caddy"]["environment"]}
        self.succeeds(caddy, "validate", "--adapter", "caddyfile", "--config", file, environment=environment)
        self.succeeds(caddy, "fmt", file)
        sent = re.findall(r"header_up (\S+)", file.read_text())
        setting = self.compose()["services"]["keyward"]["environment"]["KEYWARD_CLIENT_IP"]
        self.assertEqual(sent, [setting.removeprefix("header:"), "X-Keyward-Origin"])

    def documents(self):
        """Those for Kubernetes, with their files."""
        for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text()):
                yield file, document

    def test_kubernetes_files_are_valid(self):
        kinds = []
        for file, document in self.documents():
            kinds.append(document["kind"])
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        self.assertTrue({"StatefulSet", "Deployment", "Service"} <= set(kinds), kinds)

    def test_kubernetes_files_give_valid_settings_and_no_privileges(self):
        for file, document in self.documents():
            pod = document.get("spec", {}).get("template", {}).get("spec")
            if not pod:
                continue
            [server] = pod["containers"]
            given = {it["name"]: it["value"] for it in server["env"]}
            self.settings_are_valid({**image_environment(), **given})
            # The probes ask the port on which the server listens.
            arguments = server["args"]
            [port] = server["ports"]
            self.assertEqual(arguments[arguments.index("--listen") + 1], f"0.0.0.0:{port['containerPort']}")
            for probe, path in [("startup", "healthz"), ("liveness", "healthz"), ("readiness", "readyz")]:
                asked = server[f"{probe}Probe"]["httpGet"]
                self.assertEqual(asked, {"path": f"/{path}", "port": port["name"], "scheme": "HTTPS"}, file)
            mounted = [it["mountPath"] for it in server["volumeMounts"]]
            for argument in [it for it in arguments if it.startswith("/")]:
                self.assertIn(str(Path(argument).parent), mounted)
            self.assertEqual(
                server["securityContext"],
                {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            )
            self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            if document["kind"] == "StatefulSet":
                self.assertEqual(document["spec"]["replicas"], 1, "one process owns the disk")
                self.assertIn("/data", mounted)

    def test_checkov_finds_nothing_without_a_reason(self):
        checkov = Path(sys.executable).parent / "checkov"
        self.succeeds(
            checkov,
            "--config-file",
            DEPLOY / "checkov.yaml",
            "--framework",
            "kubernetes",
            "--directory",
            DEPLOY / "kubernetes",
        )


if __name__ == "__main__":
    unittest.main()
