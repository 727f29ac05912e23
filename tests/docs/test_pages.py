"""Every code block of the manual runs, in the order of its page, or says why it does not.

Corpora are made small on the way (few slots, free space): the specs and the commands are those of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from page_blocks import CODE, OTHERS, PAGES, PLAIN, ROOT, Block, blocks

from iqatlas import CorpusSpec, plan
from iqatlas.cli.app import run
from iqatlas.features.registry import FEATURES

OWN_TESTS = {
    "docs/loading.md": "tests/catalogs/test_loading_page.py",
    "docs/loading-xarray.md": "tests/catalogs/test_loading_page.py",
    "docs/loading-torch.md": "tests/catalogs/test_loading_page.py",
    "docs/loading-tensorflow.md": "tests/catalogs/test_loading_page.py",
    "docs/loading-numpy.md": "tests/catalogs/test_loading_page.py",
    "docs/detectors-learned.md": "tests/detectors/learned/test_detectors_learned_page.py",
}
"""Pages whose blocks want a corpus of their own, and the tests that run them."""


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _read_spec(block: Block) -> None:
    """Check a spec of a page, and leave it where the page's commands look for it."""
    tree = yaml.safe_load(block.text)
    spec = CorpusSpec.from_tree(tree)
    if spec.occupancy.kind != "trace":  # whose file is the reader's
        assert plan(spec).records > 0
    if name := block.title or (f"{tree['name']}.yaml" if "name" in tree else ""):
        Path(name).write_text(block.text, encoding="utf-8")


def _type(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for words, shown in block.commands():
        if words[0] != "iqatlas":
            assert Path(words[0]).name in OTHERS, f"{words[0]}: give a reason, or add it to OTHERS"
            continue
        piped = words.index(">") if ">" in words else len(words)
        capsys.readouterr()
        code = run(words[1:piped])
        said = capsys.readouterr()
        if piped < len(words):
            Path(words[piped + 1]).write_text(said.out, encoding="utf-8")
        refused = shown.startswith("iqatlas: ")
        assert code == (2 if refused else 0), (words, said.err)
        if refused:
            assert "".join(shown.split()) == "".join(said.err.split())


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_blocks_of_a_page_run(
    page: Path, reader: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    if own := OWN_TESTS.get(_name(page)):
        assert page.name in (ROOT / own).read_text(encoding="utf-8")
        pytest.skip(f"run by {own}")
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        where = f"{_name(page)}:{block.line}"
        assert block.language in CODE | PLAIN, f"{where}: what is {block.language}?"
        if block.language in PLAIN and block.title:  # a file that later blocks read
            Path(block.title).write_text(block.text, encoding="utf-8")
        if block.reason or block.language in PLAIN:
            continue
        block = Block(block.language, reader(block.text), block.title, "", block.line)
        if block.language == "python":
            if block.title:
                Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                Path(block.title).write_text(block.text, encoding="utf-8")
            exec(compile(block.text, where, "exec"), names)
        elif block.language == "yaml":
            _read_spec(block)
        elif block.language == "console":
            _type(block, capsys)
        else:
            raise AssertionError(f"{where}: {block.language} is not run here: give a reason")


def test_the_spec_of_the_features_page_asks_for_all_of_them() -> None:
    (spec,) = (block for block in blocks(ROOT / "docs" / "features.md") if block.language == "yaml")
    assert set(plan(CorpusSpec.from_tree(yaml.safe_load(spec.text))).layouts) == set(FEATURES)


def test_reasons_are_reasons() -> None:
    """A block that is not run is rare, and what is said of it is more than a word."""
    all_blocks = [block for page in PAGES for block in blocks(page) if block.language in CODE]
    left_out = [block for block in all_blocks if block.reason]
    assert all(len(block.reason.split()) >= 3 for block in left_out)
    assert len(left_out) <= len(all_blocks) // 5
