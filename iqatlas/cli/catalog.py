"""``iqatlas catalog``: publish versions of a corpus, and get them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.commands import Commands
from iqatlas.cli.console import counting_bar, out, say
from iqatlas.cli.options import CorpusArgument
from iqatlas.cli.output_place import refuse_address_inside_corpus
from iqatlas.cli.tables import columns, facts

if TYPE_CHECKING:
    from iqatlas.catalogs.release import Release

app = Commands(
    help="Publish versions of a corpus to a folder or an object store, and get them.",
    no_args_is_help=True,
)
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="Folder of a catalogue, or s3://bucket/name.")
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="NAME@VERSION", help="A version; NAME alone is the newest.")
]
_SHOWN = 20


@app.command("publish")
def publish(
    corpus: CorpusArgument,
    url: UrlArgument,
    version: Annotated[
        str,
        typer.Option(
            metavar="X.Y.Z",
            help="PATCH: same records; MINOR: something is added; MAJOR: content is changed or gone.",
        ),
    ],
) -> None:
    """Publish a corpus as a version, which never changes afterwards.

    Example: iqatlas catalog publish city s3://bucket/catalog --version 1.0.0
    """
    from iqatlas.catalogs.publish import publish as make

    refuse_address_inside_corpus(url, option="URL")
    with counting_bar("publishing") as tell:
        published = make(corpus, url, version=version, progress=tell)
    release = published.release
    say(
        out,
        (f"{release.name}@{release.version}", "bold"),
        f": {len(release.files)} files, {bytes_text(release.total_bytes)}; "
        f"{published.uploaded_files} new to the catalogue, {bytes_text(published.uploaded_bytes)}",
    )
    _say_changes(release)
    say(out, f"open it  iqatlas.open_corpus('{url.rstrip('/')}/{release.name}@{release.version}')")


def _say_changes(release: Release) -> None:
    if release.previous is not None:
        _say_some(f"since {release.previous}", release.changes)


def _say_some(title: str, lines: tuple[str, ...]) -> None:
    say(out, f"{title}: {len(lines) or 'nothing'}")
    for line in lines[:_SHOWN]:
        say(out, f"  {line}")
    if len(lines) > _SHOWN:
        say(out, f"  and {len(lines) - _SHOWN} more")


@app.command("list")
def list_versions(url: UrlArgument) -> None:
    """List the versions of a catalogue.

    Example: iqatlas catalog list s3://bucket/catalog
    """
    from iqatlas.catalogs.catalogue import Catalogue

    catalogue = Catalogue(url)
    releases = [
        catalogue.release(name, number) for name in catalogue.names() for number in catalogue.versions(name)
    ]
    rows = (
        (
            release.name,
            release.version,
            release.published[:10],
            f"{release.records:,}",
            bytes_text(release.total_bytes),
        )
        for release in releases
    )
    out.print(columns(url, ("name", "version", "published", "records", "size"), rows, left=3))


@app.command("show")
def show(url: UrlArgument, version: VersionArgument) -> None:
    """Print what a version is.

    Example: iqatlas catalog show s3://bucket/catalog city@1.0.0
    """
    from iqatlas.catalogs.catalogue import Catalogue, split_address
    from iqatlas.catalogs.manifest import read_manifest
    from iqatlas.catalogs.published_place import PublishedPlace

    catalogue = Catalogue(url)
    release = catalogue.release(*split_address(version))
    place = PublishedPlace(catalogue, release)
    manifest = read_manifest(place)
    rows = [
        ("published", release.published),
        ("made", f"{manifest.created} by iqatlas {manifest.versions.get('iqatlas', '?')}"),
        ("records", f"{release.records:,} in {len(manifest.shards)} shards"),
        ("splits", ", ".join(f"{name} {count:,}" for name, count in manifest.splits.items())),
        ("size", f"{bytes_text(release.total_bytes)} in {len(release.files)} files"),
        ("manifest", f"SHA-256 {release.manifest.sha256}"),
    ]
    out.print(facts(place.name, rows))
    _say_changes(release)


@app.command("diff")
def diff(
    url: UrlArgument,
    first: VersionArgument,
    second: VersionArgument,
) -> None:
    """Print how two versions differ: files, shards, keys of the spec.

    Example: iqatlas catalog diff s3://bucket/catalog city@1.0.0 city@1.1.0
    """
    from iqatlas.catalogs.catalogue import Catalogue, split_address
    from iqatlas.catalogs.version_diff import diff_versions

    found = diff_versions(Catalogue(url), split_address(first), split_address(second))
    for title, lines in (
        ("files added", found.added),
        ("files removed", found.removed),
        ("files changed", found.changed),
        ("shards that differ", tuple(str(index) for index in found.shards)),
        ("keys of the spec that differ", found.spec),
    ):
        _say_some(title, lines)
    say(out, f"shared: {bytes_text(found.shared_bytes)}")


@app.command("pull")
def pull(
    url: UrlArgument,
    version: VersionArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the corpus; its name without it."),
    ] = None,
) -> None:
    """Copy a version into a folder, or go on with one that was begun.

    Example: iqatlas catalog pull s3://bucket/catalog city@1.0.0 -o city
    """
    from iqatlas.catalogs.catalogue import split_address
    from iqatlas.catalogs.pull import pull as bring

    name, number = split_address(version)
    refuse_address_inside_corpus(output or name)
    with counting_bar("pulling") as tell:
        corpus = bring(url, name, number, dest=output, progress=tell)
    manifest = corpus.manifest
    size = sum(file.bytes for file in manifest.files)
    say(out, (manifest.name, "bold"), f": {manifest.records:,} records, {bytes_text(size)}")
    say(out, f"corpus   {corpus.place.name}")
