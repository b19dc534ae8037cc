"""What README.md and CONTRIBUTING.md say is what there is."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

import build
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def command(name: str) -> str:
    [block] = re.findall(rf"<!-- {name} -->\n```bash\n(.+)\n```\n<!-- end -->", README)
    return block


@pytest.mark.parametrize("name", ["build", "tests"])
def test_each_command_is_one_line_and_what_it_names_is_there(name: str):
    words = shlex.split(command(name))
    assert words[:4] == ["python3", "-m", "venv", ".venv"]
    for word in words:
        if word.startswith("requirements/") or word.endswith(".py"):
            assert (PROJECT / word).exists()


def test_ci_runs_the_test_command_of_the_readme():
    """The line is taken from the page, so it cannot differ; here: it is found there."""
    [line] = [line for line in (PROJECT / ".ci/run").read_text().splitlines() if line.startswith("tests=")]
    found = subprocess.run(
        ["bash", "-c", f'{line}; echo "$tests"'], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == command("tests")


def test_the_commands_it_lists_are_the_commands_there_are(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        build.parse(["--help"])
    offered = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, flags=re.M))
    listed = set(re.findall(r"^python build\.py (\w+) (?:\[|NAME)", README, flags=re.M))
    assert listed == offered


def test_its_table_of_clients_has_every_client_of_the_tests():
    [table] = re.findall(r"<!-- clients -->\n(.+)\n<!-- end -->", README, flags=re.S)
    rows = table.splitlines()[2:]
    source = (PROJECT / "tests/test_clients.py").read_text(encoding="utf-8")
    named = set(re.findall(r'^        "([a-z ]+)": "', source, flags=re.M)) | {"mlcroissant", "trl", "LLaMA-Factory"}
    versions = {name.replace("-", " ") for name in re.findall(r'"(datasets-[\d.]+)"', source)}
    assert {re.match(r"\| `?([^`|]+?)`?( SFTTrainer)? \|", row)[1] for row in rows} == named | versions
    assert all(re.search(r"\d+\.\d+", row) for row in rows)


def test_the_files_it_points_to_are_there():
    for page in ("README.md", "CONTRIBUTING.md", "RELEASING.md"):
        text = (PROJECT / page).read_text(encoding="utf-8")
        for path in re.findall(r"`((?:cat_care_qa|dolly_16k_ja|build_steps|tests|requirements)/[\w./]*)`", text):
            assert (PROJECT / path).exists(), path


def test_the_locks_name_hashes_and_no_index():
    for path in (PROJECT / "requirements").glob("*.txt"):
        lines = path.read_text().splitlines()
        pinned = [line for line in lines if re.match(r"[a-z]", line)]
        assert pinned
        assert all(re.match(r"[\w.-]+==[\w.]+ .*\\$", line) for line in pinned)
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line not in pinned)
