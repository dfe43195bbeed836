"""Makes an apt repository, signed by a key of its own, with a stand-in for Grafana.

    python tests/appliance/grafana_stand_in.py FOLDER     prints the key's fingerprint

Grafana itself cannot be had where the tests run: it is not in Debian, and its vendor's repository
is out of reach. The package has Grafana's name, account, folders and unit; its program is some
Python that refuses to start unless every file that the role places can be read and parsed, and that
answers `/api/health`. It shows no dashboard, and proves nothing about Grafana.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "0~stand-in"
CONTROL = f"""\
Package: grafana
Version: {VERSION}
Architecture: amd64
Maintainer: Kinora's tests <tests@example.org>
Depends: adduser, python3
Description: stand-in for Grafana in tests, not Grafana
 It checks that the files Grafana would read are readable and well-formed, no more.
"""
POSTINST = """\
#!/bin/sh
set -e
adduser --system --group --no-create-home --home /usr/share/grafana --quiet grafana
install -d -o root -g grafana -m 0755 /etc/grafana /etc/grafana/provisioning
install -d -o grafana -g grafana -m 0755 /var/lib/grafana /var/log/grafana
systemctl daemon-reload || true
"""
UNIT = """\
[Unit]
Description=Stand-in for Grafana, for tests
After=network-online.target

[Service]
User=grafana
Group=grafana
ExecStart=/usr/share/grafana/bin/stand-in
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
PROGRAM = '''\
#!/usr/bin/python3
"""Stands in for Grafana in tests: reads what Grafana would read, and answers /api/health."""
import configparser
import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

ETC = Path("/etc/grafana")
ini = configparser.ConfigParser(interpolation=None)
ini.read_string((ETC / "grafana.ini").read_text())


def told(value):
    found = re.fullmatch(r"\\$__file{(.+)}", value)
    return Path(found[1]).read_text().strip() if found else value


assert len(told(ini["security"]["admin_password"])) >= 12, "no password"
assert len(told(ini["security"]["secret_key"])) >= 12, "no secret key"
for kind in ("datasources", "dashboards"):
    assert "apiVersion: 1" in (ETC / "provisioning" / kind / "kinora.yml").read_text()
provider = (ETC / "provisioning/dashboards/kinora.yml").read_text()
folder = Path(re.search(r"path: (\\S+)", provider)[1])
boards = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
assert boards, "no dashboards"
json.loads(Path(ini["dashboards"]["default_home_dashboard_path"]).read_text())
base = urlsplit(ini["server"]["root_url"]).path.rstrip("/")
prefix = base if ini["server"].getboolean("serve_from_sub_path") else ""


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.path == f"{prefix}/api/health"
        self.send_response(200 if right else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if right:
            titles = [board["title"] for board in boards]
            self.wfile.write(json.dumps({"database": "none", "stand-in": titles}).encode())


where = ini["server"]["http_addr"], ini["server"].getint("http_port")
HTTPServer(where, Health).serve_forever()
'''
CLI = """\
#!/bin/sh
# Stands in for grafana-cli: keeps the new password where a test finds it.
umask 077
cat >/var/lib/grafana/stand-in-password
"""


def package(folder: Path) -> Path:
    """The package, built from the texts above."""
    root = folder / "tree"
    for name, text, mode in (
        ("DEBIAN/control", CONTROL, 0o644),
        ("DEBIAN/postinst", POSTINST, 0o755),
        ("usr/lib/systemd/system/grafana-server.service", UNIT, 0o644),
        ("usr/share/grafana/bin/stand-in", PROGRAM, 0o755),
        ("usr/sbin/grafana-cli", CLI, 0o755),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    made = folder / f"grafana_{VERSION}_amd64.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", root, made], check=True, capture_output=True
    )
    return made


def index(deb: Path, repository: Path) -> None:
    """The lists that apt reads."""
    pool = repository / "pool"
    pool.mkdir(parents=True)
    shutil.copy(deb, pool)
    content = deb.read_bytes()
    packages = (
        f"{CONTROL}Filename: pool/{deb.name}\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    ).encode()
    suite = repository / "dists" / "stable"
    lists = suite / "main" / "binary-amd64"
    lists.mkdir(parents=True)
    (lists / "Packages").write_bytes(packages)
    (lists / "Packages.gz").write_bytes(gzip.compress(packages, mtime=0))
    sums = ""
    for path in sorted(lists.iterdir()):
        content = path.read_bytes()
        sums += f" {hashlib.sha256(content).hexdigest()} {len(content)} {path.relative_to(suite)}\n"
    (suite / "Release").write_text(
        "Origin: stand-in\nLabel: stand-in\nSuite: stable\nCodename: stable\nArchitectures: amd64\n"
        f"Components: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n{sums}"
    )


def sign(repository: Path, home: Path) -> str:
    """A signature by a key made for it; gives the key's fingerprint."""
    home.mkdir(mode=0o700)
    gpg: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--quiet"]
    who = "Stand-in of Kinora's tests"
    subprocess.run(
        [*gpg, "--passphrase", "", "--quick-gen-key", who, "rsa3072", "sign", "never"],
        check=True, capture_output=True,
    )  # fmt: skip
    suite = repository / "dists" / "stable"
    subprocess.run(
        [*gpg, "--clearsign", "--output", suite / "InRelease", suite / "Release"], check=True
    )
    key = subprocess.run([*gpg, "--armor", "--export", who], check=True, capture_output=True)
    (repository / "gpg.key").write_bytes(key.stdout)
    listed = subprocess.run(
        [*gpg, "--with-colons", "--list-keys", who], check=True, capture_output=True, text=True
    )
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    return next(line for line in listed.stdout.splitlines() if line.startswith("fpr:")).split(":")[
        9
    ]


def main(folder: Path) -> str:
    """The whole repository in an empty or new folder; gives the key's fingerprint."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as scratch:
        index(package(Path(scratch)), folder)
        return sign(folder, Path(scratch) / "keys")


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
