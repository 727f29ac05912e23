"""The page: one file, strict, complete, the same each time, and nobody's text runs in it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import geopandas as gpd
import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.manifest import InputEntry
from iqatlas.errors import CorpusError
from iqatlas.preview import page as page_module
from iqatlas.preview.page import preview_page

ATTACK = '"><img src=x onerror=pwned()></script><script>pwned()</script>${pwned}$name'
SECTIONS = ("city", "paths", "captures", "distributions", "validation", "holdings", "licences", "load")


class Elements(HTMLParser):
    """All elements of a page with their attributes, and whether they are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_every_section_is_there_with_its_heading(page: str) -> None:
    elements = Elements(page)
    assert not elements.open
    assert [section["id"] for section in elements.named("section")] == list(SECTIONS)
    identities = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(set(identities)) == len(identities)
    for section in elements.named("section"):
        assert section["aria-labelledby"] in identities
    links = [a["href"] for a in elements.named("a")]
    assert links == ["#main", *(f"#{name}" for name in SECTIONS)]
    assert elements.named("html")[0]["lang"] == "en"
    # What is drawn has words, what is chosen has a label, what scrolls can be reached by keyboard.
    assert all(svg.get("aria-label") for svg in elements.named("svg"))
    assert page.count("<select") == page.count("<label>") and page.count("<select") >= 5
    assert all(div["tabindex"] == "0" for div in elements.named("div") if div.get("class") == "scroll")
    assert all(button.get("type") == "button" for button in elements.named("button"))


def test_the_page_needs_nothing_else_and_allows_nothing_else(page: str) -> None:
    elements = Elements(page)
    assert len(page.encode()) < 5_000_000
    for _, attributes in elements.found:
        assert not {"src", "srcset", "style", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert str(attributes.get("href", "#")).startswith(("#", "data:,"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert style is not None and script is not None
    assert not re.search(r"url\(|@import|@font-face", style[1])
    assert not re.search(
        r"fetch\(|XMLHttp|WebSocket|import\(|eval\(|innerHTML|localStorage|https?://", script[1]
    )
    policy = next(m["content"] for m in elements.named("meta") if "http-equiv" in m)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for rule, text in (("script-src", script[1]), ("style-src", style[1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_the_same_corpus_gives_the_same_bytes_wherever_it_lies(
    page: str, copied: Callable[..., Corpus], small_corpus: Corpus
) -> None:
    moved = copied()
    again = preview_page(open_corpus(moved.path.rename(moved.path.parent / "small"))).decode()
    assert again == page
    assert str(small_corpus.path) not in page


def test_what_it_holds_is_told(page: str, small_corpus: Corpus) -> None:
    manifest = small_corpus.manifest
    for words in (
        "160",
        manifest.spec_sha256,
        "© OpenStreetMap contributors",
        "ODbL-1.0",
        manifest.inputs[0].sha256[:16],
        "iqatlas.open_corpus(&quot;small&quot;)",
        "P_FA as designed",
        *(str(name) for name in small_corpus.dataset["receiver"].values),
        *(str(name) for name in small_corpus.dataset["site"].values),
        *(str(name) for name in small_corpus.dataset.data_vars),
    ):
        assert words in page, words
    for name, count in manifest.splits.items():
        assert re.search(rf"{name}</th><td class=\"number\">{count:,}<", page)


def _hostile(copied: Callable[..., Corpus], small: Corpus) -> Corpus:
    old = small.manifest
    spec = {
        **old.spec,
        "about": {"title": ATTACK, "description": ATTACK, "licence": ATTACK, "authors": [ATTACK]},
    }
    sites = [{**site, "name": ATTACK, "provenance": ATTACK} for site in old.scene["sites"]]
    inputs = tuple(
        InputEntry(
            **{**e.model_dump(), "name": ATTACK, "licence": ATTACK, "attribution": ATTACK, "role": ATTACK}
        )
        for e in old.inputs
    )
    corpus = copied(
        name=ATTACK,
        created=ATTACK,
        spec=spec,
        scene={**old.scene, "sites": sites, "height_sources": {ATTACK: 3}},
        inputs=inputs,
        versions={ATTACK: ATTACK},
        paths={"kind": ATTACK},
        splits={ATTACK: old.records},
    )
    for table, column in (("sites", "name"), ("receivers", "name"), ("buildings", "osm_id")):
        file = corpus.path / "scene" / f"{table}.parquet"
        rows = gpd.read_parquet(file)
        rows[column] = [f"{ATTACK}{n}" for n in range(len(rows))]
        rows.to_parquet(file)
    dataset = corpus.dataset
    named = {
        axis: np.array([f"{ATTACK}{n}" for n in range(dataset.sizes[axis])]) for axis in ("receiver", "site")
    }
    hostile = dataset.assign_coords(named).assign_attrs(attribution=ATTACK)
    hostile["snr"].attrs["long_name"] = ATTACK
    corpus.__dict__["dataset"] = hostile
    corpus.__dict__["paths"] = corpus.paths.assign_coords(named)
    return corpus


@pytest.fixture
def hostile_page(copied: Callable[..., Corpus], small_corpus: Corpus) -> str:
    return preview_page(_hostile(copied, small_corpus), validate=False).decode()


def test_no_text_of_a_corpus_becomes_an_element(hostile_page: str, page: str) -> None:
    kinds = {tag for tag, _ in Elements(page).found}
    hostile = Elements(hostile_page)
    assert not hostile.open
    assert {tag for tag, _ in hostile.found} <= kinds
    assert len(hostile.named("script")) == 2 and not hostile.named("img")
    assert all(not name.startswith("on") for _, attributes in hostile.found for name in attributes)
    # The attack is there to be read, and its marks of templates have called nothing up.
    assert "&lt;img src=x onerror=pwned()&gt;" in hostile_page and "${pwned}$name" in hostile_page


def test_a_corpus_of_an_earlier_format_has_a_page(
    tmp_path: Path, data_in_page: Callable[[str], dict[str, Any]]
) -> None:
    with ZipFile(Path(__file__).parents[1] / "formats" / "v1" / "corpus.zip") as archive:
        archive.extractall(tmp_path)
    found = data_in_page(preview_page(open_corpus(tmp_path)).decode())
    assert all(found[part] for part in ("solids", "paths", "captures", "distributions", "validation"))


def test_what_a_corpus_does_not_hold_is_left_out_with_a_line(
    copied: Callable[..., Corpus], data_in_page: Callable[[str], dict[str, Any]]
) -> None:
    # A recording: nothing but samples is known.
    corpus = copied(
        paths={}, scene={}, inputs=(), statistics={}, spec={"name": "recorded"}, splits={"train": 160}
    )
    for file in (corpus.path / "scene").iterdir():
        file.unlink()
    unknown = ["label", "occupancy", "signal_power", "snr", "noise_power", "snr_level", "slot", "draw"]
    corpus.__dict__["dataset"] = corpus.dataset.drop_vars([*unknown, "site", "waypoint"])
    written = preview_page(corpus).decode()
    Elements(written)
    for line in (
        "stores no scene",
        "stores no radio paths",
        "what was sent is not known",
        "neither SNR nor powers nor labels",
        "no label, no noise_power, no snr_level",
        "No inputs are recorded",
        "tells nothing of its sites",
    ):
        assert line in written, line
    found = data_in_page(written)
    assert found["solids"] is None and found["paths"] is None and found["validation"] is None
    assert [level["label"] for level in found["captures"]["levels"]] == ["as recorded"]
    assert found["captures"]["levels"][0]["sent"] is None


def test_a_page_that_would_be_too_large_is_refused(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "LARGEST_PAGE_BYTES", 1000)
    with pytest.raises(CorpusError, match="its page would be"):
        preview_page(small_corpus, validate=False)


COLOURS = Path(page_module.__file__).parent / "templates" / "colours.css"
PAIRS = [
    *((text, ground) for text in ("ink", "muted", "accent") for ground in ("paper", "card", "faint")),
    ("band-ink", "band"),
    ("accent-ink", "s0"),
    ("accent-ink", "s2"),
    *((f"c{index}", "card") for index in range(6)),
    *((f"c{index}", "ground") for index in range(6)),
    ("uav", "ground"),
    ("uav", "card"),
]


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_contrast_is_that_of_level_aa(text: str, ground: str) -> None:
    themes = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", COLOURS.read_text())
    colours = {name: pair for name, *pair in themes}
    for theme in (0, 1):
        one, two = sorted(_luminance(colours[name][theme]) for name in (text, ground))
        # 4.5 to 1 for text, WCAG 2.2 success criterion 1.4.3.
        assert (two + 0.05) / (one + 0.05) >= 4.5, (text, ground, theme)
