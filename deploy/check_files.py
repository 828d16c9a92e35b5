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

    def test_systemd_takes_the_units_and_finds_them_confined(self):
        analyze = self.tool("systemd-analyze")
        commands = {"keyward.service": "serve", "keyward-rotate.service": "keys rotate --if-due"}
        with tempfile.TemporaryDirectory() as folder:
            units = [Path(folder) / name for name in [*commands, "keyward-rotate.timer"]]
            for unit in units:
                text = (DEPLOY / "systemd" / unit.name).read_text()
                if command := commands.get(unit.name):
                    self.assertIn(f"/usr/local/bin/keyward {command} --config /etc/keyward/keyward.toml", text)
                # The program need not be installed.
                unit.write_text(text.replace("/usr/local/bin/keyward", str(KEYWARD)))
            ran = run(analyze, "verify", "--man=no", *units)
            self.assertEqual((ran.returncode, ran.stdout + ran.stderr), (0, ""))
            # Of 100. Half of what is left is the network.
            for service in units[:2]:
                self.succeeds(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", service)

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
        self.assertTrue({"StatefulSet", "Deployment", "CronJob", "Service"} <= set(kinds), kinds)

    def pods(self):
        """Those that the files describe, each with its document and its one container."""
        for file, document in self.documents():
            spec = document.get("spec", {})
            if document["kind"] == "CronJob":
                spec = spec["jobTemplate"]["spec"]
            if pod := spec.get("template", {}).get("spec"):
                [container] = pod["containers"]
                yield file, document, pod, container

    def test_kubernetes_files_give_valid_settings_and_no_privileges(self):
        for file, document, pod, container in self.pods():
            given = {it["name"]: it["value"] for it in container["env"]}
            self.settings_are_valid({**image_environment(), **given})
            self.assertEqual(
                container["securityContext"],
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
                self.assertIn("/data", [it["mountPath"] for it in container["volumeMounts"]])

    def test_kubernetes_probes_ask_the_servers_port(self):
        for file, document, _, server in self.pods():
            if document["kind"] == "CronJob":
                continue
            arguments = server["args"]
            [port] = server["ports"]
            self.assertEqual(arguments[arguments.index("--listen") + 1], f"0.0.0.0:{port['containerPort']}")
            for probe, path in [("startup", "healthz"), ("liveness", "healthz"), ("readiness", "readyz")]:
                asked = server[f"{probe}Probe"]["httpGet"]
                self.assertEqual(asked, {"path": f"/{path}", "port": port["name"], "scheme": "HTTPS"}, file)
            mounted = [it["mountPath"] for it in server["volumeMounts"]]
            for argument in [it for it in arguments if it.startswith("/")]:
                self.assertIn(str(Path(argument).parent), mounted)

    def test_the_cron_job_rotates_the_servers_keys_and_gets_no_requests(self):
        found = {document["kind"]: (document, container) for _, document, _, container in self.pods()}
        (server, serves), (job, rotates) = found["Deployment"], found["CronJob"]
        self.assertEqual(rotates["args"], ["keys", "rotate", "--if-due"])
        self.assertEqual(rotates["image"], serves["image"])
        settings = lambda container: {it["name"]: it["value"] for it in container["env"] if it["name"] != "KEYWARD_KEYS"}
        self.assertEqual(settings(rotates), settings(serves))
        # The Service and the disruption budget select the servers only.
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        self.assertNotEqual(labels["app"], server["spec"]["selector"]["matchLabels"]["app"])

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
