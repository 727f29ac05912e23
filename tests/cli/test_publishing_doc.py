"""What docs/publishing.md shows runs as it stands, on folders in place of a disk of data and a bucket."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import QUICK

from iqatlas import CorpusSpec, generate, open_corpus
from iqatlas.cli.app import run

DOC = Path(__file__).parents[2] / "docs" / "publishing.md"


def test_its_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOC.read_text(encoding="utf-8")
    for shown, here in (("s3://bucket/catalog", "bucket"), ("/data/catalog", "data")):
        text = text.replace(shown, str(tmp_path / here))
    lines = re.findall(r"^\$ iqatlas ([^#\n]*)", text, re.MULTILINE)
    assert len(lines) >= 11
    (tmp_path / "reader").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "iqatlas.plotting.overview.draw_overview",
        lambda scene, dataset, paths, file, *, title: (
            file.parent.mkdir(parents=True, exist_ok=True), file.write_bytes(b"a picture"),
        ),
    )  # fmt: skip
    generate(CorpusSpec.from_tree({**QUICK, "name": "city"}), "city")
    for line in lines:
        if line.startswith("catalog list"):
            # What is published is made in one folder, and pulled into another.
            assert run(["catalog", "publish", "city", str(tmp_path / "bucket"), "--version", "1.1.0"]) == 0
            monkeypatch.chdir(tmp_path / "reader")
        assert run(line.split()) == 0, line
    assert open_corpus(f"{tmp_path}/data/city@1.0.0").manifest.records == 160
