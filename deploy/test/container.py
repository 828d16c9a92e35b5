#!/usr/bin/env python3
"""Builds the image and starts it with Caddy in front, by the files of deploy/container and podman-compose.

No registry is needed: the two images that those files name are made from programs of this machine. So the compiler's image
is a stand-in, whose `cargo` hands out $KEYWARD, which is built already; every other step is the Containerfile's own. Needs
root, podman with runc and netavark, caddy, curl, and the packages of deploy/check.txt.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import yaml

from waiting import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ROOT / "deploy/container"
KEYWARD = Path(os.environ["KEYWARD"]).resolve()
COMPOSE = Path(sys.executable).parent / "podman-compose"
DOMAIN = "auth.localhost"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# Each container has limits and a runtime that a machine without systemd and cgroups of version 2 has, too.
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
"""
# Everything else of the command line is as the Containerfile has it.
CARGO = """#!/bin/sh
set -eu
test "$*" = "build --release --locked --package server"
test -f Cargo.lock
mkdir -p target/release
cp /keyward target/release/keyward
"""


def main():
    with tempfile.TemporaryDirectory(prefix="keyward-image-") as folder:
        test = Test(Path(folder))
        try:
            test.run()
        finally:
            test.compose("down", "--volumes", check=False)
    print("container.py: ended without a failure")


class Test:
    def __init__(self, folder):
        self.folder = folder
        (folder / "containers.conf").write_text(CONFIGURATION)
        bin = folder / "bin"
        bin.mkdir()
        store = ["--root", folder / "store", "--runroot", folder / "run", "--storage-driver", "vfs"]
        store += ["--network-config-dir", folder / "networks"]
        podman = bin / "podman"
        podman.write_text(f"#!/bin/sh\nexec {shutil.which('podman')} {' '.join(map(str, store))} \"$@\"\n")
        podman.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{bin}:{os.environ['PATH']}",
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }
        self.https = free_port()
        # As it is, but with ports that are free here, and on loopback only.
        self.written = yaml.safe_load((FILES / "compose.yaml").read_text())
        adapted = json.loads(json.dumps(self.written))
        adapted["services"]["keyward"]["build"]["context"] = str(ROOT)
        adapted["services"]["caddy"]["ports"] = [f"127.0.0.1:{self.https}:443"]
        (folder / "compose.yaml").write_text(yaml.safe_dump(adapted))
        shutil.copy(FILES / "Caddyfile", folder)
        (folder / ".env").write_text(f"DOMAIN={DOMAIN}\nKEYWARD_ORIGIN_SECRET={'0123456789abcdef' * 4}\n")

    def run(self):
        if why := self.fails_here(self.make_caddy):
            print(f"container.py: this machine builds no images, so nothing was tried: {why}")
            return
        self.make_base()
        self.compose("build")
        self.check_context()
        self.check_image()
        if why := self.fails_here(self.run_caddy):
            print(f"container.py: the image was built and read, but this machine runs no containers: {why}")
            return
        self.compose("up", "--detach", "--no-build")
        self.check_process()
        self.check_requests()
        self.check_restart()

    def fails_here(self, step):
        """Why a step in which nothing is ours fails; `None` if it doesn't. With REQUIRE_CONTAINERS it must not."""
        try:
            step()
        except AssertionError as error:
            if "REQUIRE_CONTAINERS" in os.environ:
                raise
            return error
        return None

    def make_base(self):
        """The image that the Containerfile begins with: a shell, what its commands call, and certificates."""
        [name, scratch] = re.findall(r"^FROM (\S+)", (FILES / "Containerfile").read_text(), re.M)
        assert scratch == "scratch"
        base = self.folder / "base"
        programs = ["sh", "bash", "cp", "mkdir", "grep", "xargs", "ldd", "cat", "test"]
        copy_programs(base, [Path(shutil.which(program)) for program in programs])
        copy_libraries(base, KEYWARD)
        (base / "bin").symlink_to("usr/bin")
        copy(base, Path(CERTIFICATES))
        run(["strip", "--strip-debug", "-o", base / "keyward", KEYWARD])
        cargo = base / "usr/bin/cargo"
        cargo.write_text(CARGO)
        cargo.chmod(0o755)
        self.make_image(base, name, "ENV PATH=/usr/bin:/bin")

    def make_caddy(self):
        base = self.folder / "caddy"
        copy_programs(base, [Path(shutil.which("caddy"))])
        self.make_image(
            base,
            self.written["services"]["caddy"]["image"],
            "ENV PATH=/usr/bin XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data",
            'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
        )

    def run_caddy(self):
        """A container with a network and a root that can't be written, as compose.yaml has it."""
        self.podman("network", "create", "tried")
        caddy = self.written["services"]["caddy"]["image"]
        self.podman("run", "--rm", "--network", "tried", "--read-only", caddy, "caddy", "version")

    def make_image(self, base, name, *lines):
        (self.folder / "Base").write_text("\n".join(["FROM scratch", "COPY . /", *lines, ""]))
        self.podman("build", "--tag", name, "--file", self.folder / "Base", base)

    def check_context(self):
        """All that the program is built from is in the first stage, and nothing that isn't committed."""
        self.podman(
            "build", "--target", "build", "--tag", "stage", "--file", FILES / "Containerfile", ROOT
        )
        there = {path.removeprefix("src/") for path in self.files_of("stage") if path.startswith("src/")}
        there -= {"target/release/keyward"}
        committed = set(run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]).split("\n"))
        assert there <= committed, there - committed
        dependencies = KEYWARD.with_suffix(".d").read_text().split(":", 1)[1].split()
        needed = {str(Path(path).resolve().relative_to(ROOT)) for path in dependencies}
        needed = {path for path in needed if not path.startswith("target/")}
        needed |= {path for path in committed if re.search(r"Cargo\.(toml|lock)$|^migrations/.*(sql|json)$", path)}
        needed -= {path for path in needed if path.startswith(("fuzz/", "conformance/local-aws/"))}
        assert needed and needed <= there, needed - there

    def check_image(self):
        found = {re.sub(r"^(usr/)?lib(64)?/.*?([^/]+)$", r"\3", path) for path in self.files_of("localhost/keyward")}
        libraries = {path for path in found if re.search(r"\.so(\.|$)", path)}
        linked = {re.sub(r"^ld-linux-.*", "ld-linux", library) for library in libraries}
        assert linked == {"ld-linux", "libc.so.6", "libgcc_s.so.1", "libm.so.6"}, libraries
        rest = {"usr/local/bin/keyward", "etc/nsswitch.conf", CERTIFICATES[1:]}
        assert found - libraries == rest, found
        [image] = json.loads(self.podman("image", "inspect", "localhost/keyward"))
        settings = image["Config"]
        assert settings["User"] == "65532:65532" and settings["Volumes"] == {"/data": {}}, settings

    def check_process(self):
        [container] = json.loads(self.podman("inspect", "keyward_keyward_1"))
        assert container["HostConfig"]["ReadonlyRootfs"] is True
        assert not any(container["HostConfig"]["PortBindings"].values()), container["HostConfig"]["PortBindings"]
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        status = dict(re.findall(r"^(\w+):\t(.*)$", status, re.M))
        assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4, status
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, status
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status

    def check_requests(self):
        self.wait()
        assert self.curl("/.well-known/openid-configuration")["issuer"] == f"https://{DOMAIN}"
        command = ["exec", "keyward_keyward_1", "keyward"]
        client = json.loads(
            self.podman(*command, "client", "create", "--name", "M", "--scope", "read", "--json")
        )
        self.credentials = f"{client['client_id']}:{client['client_secret']}"
        self.get_token()
        # Nothing but the volume can be written.
        refused = self.podman(*command, "storage", "export", "/export.jsonl", check=False)
        assert "ead-only file system" in refused, refused

    def check_restart(self):
        keys = self.curl("/jwks")
        began = time.monotonic()
        self.podman("stop", "--time", "15", "keyward_keyward_1")
        assert time.monotonic() - began < 14, "it was killed"
        [container] = json.loads(self.podman("inspect", "keyward_keyward_1"))
        assert container["State"]["ExitCode"] == 0, container["State"]
        self.podman("start", "keyward_keyward_1")
        self.wait()
        assert self.curl("/jwks") == keys
        self.get_token()

    def get_token(self):
        token = self.curl("/token", "--user", self.credentials, "--data", "grant_type=client_credentials")
        assert token["token_type"] == "Bearer", token

    def wait(self):
        """Until a request gets through Caddy, which then has its certificate."""
        for _ in range(120):
            if self.request("/readyz", check=False).strip() == "ok":
                return
            time.sleep(0.5)
        raise AssertionError(self.compose("logs", check=False))

    def curl(self, path, *arguments):
        return json.loads(self.request(path, *arguments))

    def request(self, path, *arguments, check=True):
        volume = self.podman("volume", "inspect", "keyward_certificates", "--format", "{{.Mountpoint}}").strip()
        authority = Path(volume) / "caddy/pki/authorities/local/root.crt"
        to = ["--connect-to", f"{DOMAIN}:443:127.0.0.1:{self.https}", "--cacert", authority]
        return run(["curl", "-sS", "--fail", *to, *arguments, f"https://{DOMAIN}{path}"], check=check)

    def files_of(self, image):
        container = self.podman("create", image, "true").strip()
        archive = self.folder / "exported.tar"
        self.podman("export", "--output", archive, container)
        self.podman("rm", container)
        with tarfile.open(archive) as tar:
            names = {member.name for member in tar if not member.isdir()}
        archive.unlink()
        # Made by the runtime.
        return {name for name in names if not re.match(r"(dev|proc|run|sys)/|etc/(hosts|hostname|resolv\.conf|mtab)$", name)}

    def podman(self, *arguments, check=True):
        return run(["podman", *arguments], check=check, environment=self.environment)

    def compose(self, *arguments, check=True):
        command = [COMPOSE, "--file", self.folder / "compose.yaml", *arguments]
        return run(command, check=check, environment=self.environment, folder=self.folder)


def run(command, check=True, environment=None, folder=None):
    """What a command prints; with `check` it has to succeed."""
    command = list(map(str, command))
    # The `PATH` that counts is the command's own.
    program = shutil.which(command[0], path=(environment or os.environ)["PATH"])
    ran = subprocess.run(
        [program, *command[1:]], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if check and ran.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout if ran.returncode == 0 else ran.stdout + ran.stderr


def copy(base, path):
    to = base / str(path).lstrip("/")
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path.resolve(), to)


def copy_programs(base, programs):
    for program in programs:
        copy(base, program)
        copy_libraries(base, program)


def copy_libraries(base, program):
    """Those that a program links; a script links none."""
    for library in re.findall(r"(/\S+) \(0x", run(["ldd", program], check=False)):
        copy(base, Path(library))


if __name__ == "__main__":
    main()
