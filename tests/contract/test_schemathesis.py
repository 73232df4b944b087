"""Schemathesis asks each application what its OpenAPI document allows and what it forbids, and looks at every answer."""

import subprocess
import sys
from pathlib import Path

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# FastAPI's 405 names the methods of the first route of a path, so `Allow` is short where GET and DELETE share one.
OPTIONS = ["--generation-deterministic", "--max-examples=30", "--exclude-checks=allow_header_conformance", "--no-color"]


def test_no_answer_leaves_the_contract(client, served, stack, tmp_path):
    with stack.postgres.connect() as connection:  # users with small ids, so that guesses find somebody
        connection.execute(
            "INSERT INTO users (id, name, email, subscription)"
            " SELECT n, 'User ' || n, n || '@example.org', CASE n % 2 WHEN 0 THEN 'free' ELSE 'premium' END"
            " FROM generate_series(5, 5000) n"
        )
    command = [str(SCHEMATHESIS), "run", *OPTIONS, "--continue-on-failure", f"{served.url}/openapi.json"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-10_000:] + run.stderr
    assert "10 selected / 10 total" in run.stdout
    assert client.get("/health").status_code == 200
