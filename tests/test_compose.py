"""docker-compose.yml, as Docker's own parser reads it. No container is started here."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from course.home import ROOT

PASSWORDS = {"POSTGRES_PASSWORD": "one", "REDIS_PASSWORD": "two"}
SERVICES = {"postgres", "chromadb", "redis", "lab"}
NODES = {"citus", "citus-worker-1", "citus-worker-2"}


def parser() -> list[str]:
    """The command that reads a compose file: Debian's docker-compose, or Docker's plugin."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    reason = "neither docker-compose nor the plugin `docker compose` is installed"
    if os.environ.get("COURSE_NOTHING_SKIPPED"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """`config(**passwords)`: what the parser makes of the file, in a folder where no `.env` is."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copytree(ROOT / "docker", tmp_path / "docker")

    def read(*options: str, **passwords: str) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if name not in PASSWORDS} | passwords
        return subprocess.run([*parser(), *options, "config"], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return read


@pytest.fixture
def services(config: Callable[..., subprocess.CompletedProcess]) -> dict[str, dict]:
    done = config(**PASSWORDS)
    assert done.returncode == 0, done.stderr
    found = {name: service for name, service in yaml.safe_load(done.stdout)["services"].items() if "profiles" not in service}
    assert set(found) == SERVICES
    return found


@pytest.fixture
def citus(config: Callable[..., subprocess.CompletedProcess]) -> dict[str, dict]:
    """The services of the profile `citus`."""
    done = config("--profile", "citus", **PASSWORDS)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    return {name: service for name, service in found.items() if service.get("profiles") == ["citus"]}


def ports(service: dict) -> list[tuple[str, str, str]]:
    """Each published port as (address, port on this machine, port in the container), whichever way the parser writes it."""
    found = []
    for port in service.get("ports", []):
        if isinstance(port, str):
            address, published, target = re.fullmatch(r"(?:(.+):)?(\d+):(\d+)(?:/tcp)?", port).groups()
            found.append((address or "everywhere", published, target))
        else:
            found.append((port.get("host_ip", "everywhere"), str(port["published"]), str(port["target"])))
    return found


def mounts(service: dict) -> dict[str, str]:
    """Where each volume or folder is mounted: container path to source."""
    pairs = [
        mount.split(":")[:2] if isinstance(mount, str) else (mount["source"], mount["target"]) for mount in service["volumes"]
    ]
    return {target: source for source, target in pairs}


def test_ports_are_published_on_this_machine_only(services: dict[str, dict]) -> None:
    wanted = {"postgres": "5432", "chromadb": "8000", "redis": "6379", "lab": "8888"}
    for name, port in wanted.items():
        assert ports(services[name]) == [("127.0.0.1", port, port)]
        assert "network_mode" not in services[name]


def test_each_image_keeps_its_data_where_its_version_writes_it(services: dict[str, dict]) -> None:
    assert re.fullmatch(r"pgvector/pgvector:[\d.]+-pg18-\w+", services["postgres"]["image"])
    assert mounts(services["postgres"]) == {"/var/lib/postgresql": "postgres_data"}
    assert re.fullmatch(r"chromadb/chroma:1\.[\d.]+", services["chromadb"]["image"])
    assert mounts(services["chromadb"]) == {"/data": "chroma_data"}
    assert mounts(services["redis"]) == {"/data": "redis_data"}
    assert "--appendonly yes" in " ".join(services["redis"]["command"])


def test_chroma_server_and_client_are_of_one_version(services: dict[str, dict]) -> None:
    version = services["chromadb"]["image"].split(":")[1]
    assert f"chromadb=={version}" in (ROOT / "requirements.txt").read_text().splitlines()


def test_every_service_says_when_it_is_healthy(services: dict[str, dict]) -> None:
    tests = {name: service["healthcheck"]["test"] for name, service in services.items()}
    assert tests["chromadb"] == ["CMD", "/bin/bash", "-c", "</dev/tcp/127.0.0.1/8000"]
    assert tests["postgres"][:4] == ["CMD", "pg_isready", "-h", "127.0.0.1"]
    assert tests["redis"] == ["CMD-SHELL", "redis-cli ping | grep -q PONG"]
    assert tests["lab"][:2] == ["CMD", "python"]


def test_the_lab_waits_for_the_three_and_knows_their_addresses(services: dict[str, dict]) -> None:
    lab = services["lab"]
    assert {name: wait["condition"] for name, wait in lab["depends_on"].items()} == dict.fromkeys(
        ["postgres", "chromadb", "redis"], "service_healthy"
    )
    assert lab["environment"]["COURSE_POSTGRES_URL"] == "postgresql://lumen:one@postgres:5432/lumen"
    assert lab["environment"]["COURSE_CHROMA_URL"] == "http://chromadb:8000"
    assert lab["environment"]["COURSE_REDIS_URL"] == "redis://:two@redis:6379/0"


def test_private_servers_of_the_lab_keep_their_files_on_a_volume(services: dict[str, dict]) -> None:
    assert mounts(services["lab"])[services["lab"]["environment"]["COURSE_HOME"]] == "course_data"


@pytest.mark.parametrize("missing", sorted(PASSWORDS))
@pytest.mark.parametrize("given", [{}, {"empty": ""}], ids=["unset", "empty"])
def test_without_a_password_nothing_starts(config: Callable[..., subprocess.CompletedProcess], missing: str, given: dict) -> None:
    others = {name: value for name, value in PASSWORDS.items() if name != missing}
    done = config(**others, **dict.fromkeys([missing] if given else [], ""))
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def test_no_password_is_in_any_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?set it in \.env\}", text)) == set(PASSWORDS)
    assert not re.search(r"(?:PASSWORD|AUTH): (?!\$\{)", text)
    example = dict(line.split("=") for line in (ROOT / ".env.example").read_text().splitlines() if not line.startswith("#"))
    assert {name: example[name] for name in PASSWORDS} == dict.fromkeys(PASSWORDS, "")


def test_git_and_docker_ignore_the_passwords() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept == ["requirements.txt", "pyproject.toml", "README.md", "course"]


def test_jupyter_in_the_container_is_no_root_and_keeps_its_token() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    arguments = json.loads(next(line for line in lines if line.startswith("CMD")).removeprefix("CMD"))
    assert arguments[:2] == ["jupyter", "lab"]
    assert "--ip=0.0.0.0" in arguments
    assert not [argument for argument in arguments if re.search("token|password|allow-root|disable_check_xsrf", argument, re.I)]
    assert [line for line in lines if line.startswith("USER")] == ["USER learner"]


def test_citus_starts_with_its_profile_alone_and_each_node_keeps_its_data(citus: dict[str, dict]) -> None:
    assert set(citus) == NODES | {"citus-schema"}
    kept = [mounts(citus[node])["/var/lib/postgresql/data"] for node in sorted(NODES)]  # PostgreSQL 17
    assert kept == ["citus_data", "citus_worker_1_data", "citus_worker_2_data"]


def test_of_citus_the_coordinator_alone_is_reached_from_this_machine(citus: dict[str, dict]) -> None:
    assert ports(citus["citus"]) == [("127.0.0.1", "5433", "5432")]
    assert not [name for name in citus if name != "citus" and ports(citus[name])]


def test_every_node_of_citus_has_pgvector_and_a_password(citus: dict[str, dict]) -> None:
    for node in NODES:
        assert citus[node]["build"]["context"].endswith("docker/citus")
        assert citus[node]["environment"]["POSTGRES_PASSWORD"] == citus[node]["environment"]["PGPASSWORD"] == "one"
    dockerfile = (ROOT / "docker" / "citus" / "Dockerfile").read_text()
    assert re.search(r"^FROM citusdata/citus:13\.[\d.]+$", dockerfile, re.M)
    assert "postgresql-${PG_MAJOR}-pgvector" in dockerfile
    assert "CREATE EXTENSION vector;" in (ROOT / "docker" / "citus" / "002-create-vector-extension.sql").read_text()


def test_the_tables_are_made_once_all_nodes_are_healthy(citus: dict[str, dict]) -> None:
    waits = citus["citus-schema"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == dict.fromkeys(NODES, "service_healthy")
    added = re.findall(r"citus_add_node\('([^']+)'", (ROOT / "docker" / "citus" / "lumen.sql").read_text())
    assert set(added) == NODES - {"citus"}


def test_on_citus_every_table_of_lumen_lies_where_its_user_does() -> None:
    made = (ROOT / "docker" / "citus" / "lumen.sql").read_text()
    tables = dict(re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", made, re.S))
    lumen = dict(re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", (ROOT / "data" / "schema.sql").read_text(), re.S))
    spread = dict(re.findall(r"create_distributed_table\('(\w+)', '(\w+)'", made))
    assert set(tables) == set(lumen) == set(spread)
    together = re.findall(r"create_distributed_table\('(\w+)', '\w+', colocate_with => 'users'\)", made)
    assert set(together) == set(tables) - {"users"}
    for name, columns in tables.items():
        key = re.search(rf"PRIMARY KEY \({spread[name]}\b|\b{spread[name]}\s+bigint PRIMARY KEY", columns)
        assert key, f"the key of {name} leaves out what it is spread by"
        words = {line.split()[0] for line in lumen[name].splitlines() if line.strip()}
        assert words <= {line.split()[0] for line in columns.splitlines() if line.strip()}
