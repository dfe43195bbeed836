"""The laboratory: what it refuses, what an image is made of, and a real host to its removal."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.appliance.conftest import BareHost, labhost
from tests.lab import hosts, images, machine, network


def test_an_image_is_another_one_when_its_contents_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its folder is named by what goes in: packages, certificates, mirror, and how it is made."""
    monkeypatch.setenv("LABHOST_MIRROR", "http://debian.test/debian")
    before = images.folder_of("trixie")
    assert images.folder_of("trixie") == before
    assert images.folder_of("bookworm") != before

    packages = tmp_path / "prefetch.txt"
    packages.write_text(f"{images.PREFETCH.read_text()}\none-more  # why\n")
    monkeypatch.setattr(images, "PREFETCH", packages)
    assert images.prefetched()[-1] == "one-more"
    more = images.folder_of("trixie")
    assert more != before

    monkeypatch.setattr(images, "own_authorities", lambda: [packages])
    assert images.folder_of("trixie") not in (before, more)


def test_a_release_without_an_image_is_refused() -> None:
    """Not only by the command line."""
    with pytest.raises(machine.LabError, match="bookworm, trixie"):
        images.folder_of("sid")


@pytest.mark.parametrize("address", ["10.0.0.7", f"{network.NET}.1", f"{network.NET}.255", "box"])
def test_an_address_outside_of_the_network_is_refused(address: str) -> None:
    """The bridge and the broadcast address are nobody's either."""
    with pytest.raises(machine.LabError, match="network"):
        network.check_address(address)


@pytest.mark.parametrize("name", ["Box", "../box", "", "box_1"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    """A name becomes a folder that is removed later."""
    with pytest.raises(machine.LabError, match="not a name"):
        hosts.up(hosts.Host(name, f"{network.NET}.9", "trixie"), user="deploy", key=None)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once, as Debian calls them."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(machine.LabError, match=r"debootstrap .*systemd-container"):
        machine.demand_all()


def test_who_is_not_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is looked for."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(machine.LabError, match="root"):
        machine.demand_all()


def test_two_of_a_kind_wait_for_each_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As two scenarios do that need one image."""
    monkeypatch.setattr(machine, "STATE", tmp_path)
    seen: list[str] = []

    def second() -> None:
        with machine.locked("image"):
            seen.append("second")

    with machine.locked("image"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        seen.append("first")
    thread.join()
    assert seen == ["first", "second"]


@pytest.mark.lab
@pytest.mark.timeout(900)  # the image may have to be made
def test_a_host_is_bare_reachable_and_whole(bare_host: BareHost) -> None:
    """Nothing of ours, systemd content, a sudoer who logs in by key, a way out, a firewall."""
    assert bare_host.ssh("sudo id -un").stdout == "root\n"
    assert bare_host.ssh("systemctl is-system-running").stdout == "running\n"
    assert bare_host.ssh("systemctl --failed --no-legend").stdout == ""
    assert bare_host.ssh("ls /usr/sbin/nginx /usr/bin/psql").returncode
    assert "Debian" in bare_host.ssh("cat /etc/os-release").stdout
    install = "sudo apt-get install -y -qq --no-install-recommends nftables"
    assert bare_host.ssh(install).returncode == 0
    table = "table inet lab { chain input { type filter hook input priority 0; policy accept; }; }"
    assert bare_host.ssh(f"echo '{table}' | sudo /usr/sbin/nft -f -").returncode == 0
    assert "chain input" in bare_host.ssh("sudo /usr/sbin/nft list ruleset").stdout


@pytest.mark.lab
@pytest.mark.timeout(900)
def test_a_host_reboots_and_leaves_nothing_behind(bare_host: BareHost) -> None:
    """Also one whose supervisor was killed."""
    name, address = f"test-{os.getpid()}-b", bare_host.ip
    taken = labhost("up", name, "--release", "trixie", "--ip", address)
    assert f"{bare_host.name} has the address" in taken.stderr

    boot = bare_host.ssh("cat /proc/sys/kernel/random/boot_id; uptime -s; stat -c %Y /run").stdout
    bare_host.ssh("sudo systemctl reboot")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        again = bare_host.ssh("cat /proc/sys/kernel/random/boot_id; uptime -s; stat -c %Y /run")
        if again.returncode == 0 and again.stdout != boot:
            break
        time.sleep(0.2)
    assert labhost("wait", bare_host.name).stdout == f"{bare_host.name} running\n"

    pid = int((machine.HOSTS / bare_host.name / "pid").read_text())
    os.kill(pid, 9)
    assert labhost("down", bare_host.name).stdout == "changed\n"
    assert labhost("down", bare_host.name).stdout == "ok\n"
    assert bare_host.name not in Path("/proc/mounts").read_text()
    assert not (machine.HOSTS / bare_host.name).exists()
    processes = subprocess.run(["ps", "axww"], check=True, capture_output=True, text=True).stdout
    assert f"--machine={bare_host.name}" not in processes
    links = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
    assert f"vb-{bare_host.name}" not in links, "who comes next under this name would not boot"
