"""fmn-import: the field's datasets and plain folders -> a manifest for fmn-extract."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmn.commands.shell import echo, group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fmn.datasets.imported import Imported
    from fmn.datasets.triples import Category

annotation_file = click.argument("annotations", type=click.Path(path_type=Path))
video_folder = click.argument("videos", type=click.Path(path_type=Path))
out_option = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("manifest.csv"), show_default=True, help="The manifest."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace a different manifest that is there.")
missing_option = click.option("--allow-missing", is_flag=True, help="Keep intervals whose video is not there.")


@group("fmn-import")
def main() -> None:
    """Turn a dataset's annotations into a manifest for fmn-extract.

    Videos are found by their stem, anywhere below the folder VIDEOS; media files are not opened.
    """


@main.command("mpii-cooking2")
@annotation_file
@video_folder
@out_option
@click.option("--paper-protocol", is_flag=True, help="The paper's 20 categories, 50 clips each.")
@click.option("--seed", default=0, show_default=True, help="Of the clips that --paper-protocol draws.")
@click.option(
    "--split",
    help="published, none, the release's folder experimentalSetup, or a CSV with the columns subject,split.  "
    "[default: published; none with --paper-protocol]",
)
@missing_option
@overwrite_option
def mpii_cooking2_command(
    annotations: Path,
    videos: Path,
    out: Path,
    paper_protocol: bool,
    seed: int,
    split: str | None,
    allow_missing: bool,
    overwrite: bool,
) -> None:
    """MPII Cooking 2: ANNOTATIONS is attributesAnnotations_MPII-Cooking-2.mat."""
    from fmn.datasets.imported import write_manifest, write_table
    from fmn.datasets.mpii_cooking2 import SUFFIX, import_intervals, read_intervals
    from fmn.datasets.subject_split import published_split, read_split
    from fmn.datasets.triples import CATEGORY_COLUMNS, category_rows, import_categories
    from fmn.datasets.video_folder import VideoFolder

    folder = VideoFolder(videos, SUFFIX)
    intervals, notices = read_intervals(annotations)
    named = split or ("none" if paper_protocol else "published")
    if named == "none":
        splits = None
    else:
        splits = published_split(intervals) if named == "published" else read_split(Path(named), intervals)
    if paper_protocol:
        found, categories, formed = import_categories(intervals, annotations, folder, splits, seed, allow_missing)
    else:
        found = import_intervals(intervals, annotations, folder, splits, allow_missing=allow_missing)
    write_manifest(out, found.items, overwrite)
    if paper_protocol:
        beside = out.with_suffix(".categories.csv")
        write_table(beside, CATEGORY_COLUMNS, category_rows(categories), overwrite)
        _show_categories(categories, formed, beside)
    _show(found, notices, out)


@main.command("mpii-cooking1")
@annotation_file
@video_folder
@out_option
@missing_option
@overwrite_option
def mpii_cooking1_command(annotations: Path, videos: Path, out: Path, allow_missing: bool, overwrite: bool) -> None:
    """MPII Cooking 1: ANNOTATIONS is detectionGroundtruth-1-0.csv."""
    from fmn.datasets.imported import write_manifest
    from fmn.datasets.mpii_cooking1 import SUFFIX, import_mpii_cooking1
    from fmn.datasets.video_folder import VideoFolder

    found = import_mpii_cooking1(annotations, VideoFolder(videos, SUFFIX), allow_missing)
    write_manifest(out, found.items, overwrite)
    _show(found, [], out)


@main.command("youcook2")
@annotation_file
@video_folder
@out_option
@click.option(
    "--validation-as", type=click.Choice(["val", "test"]), default="test", show_default=True, help="Its validation."
)
@missing_option
@overwrite_option
def youcook2_command(
    annotations: Path, videos: Path, out: Path, validation_as: str, allow_missing: bool, overwrite: bool
) -> None:
    """YouCook2: ANNOTATIONS is youcookii_annotations_trainval.json."""
    from fmn.datasets.imported import write_manifest
    from fmn.datasets.video_folder import VideoFolder
    from fmn.datasets.youcook2 import SUFFIX, import_youcook2

    found = import_youcook2(annotations, VideoFolder(videos, SUFFIX), validation_as, allow_missing)
    write_manifest(out, found.items, overwrite)
    _show(found, [], out)


@main.command("folder")
@video_folder
@click.argument("audio", type=click.Path(path_type=Path), required=False)
@out_option
@overwrite_option
def folder_command(videos: Path, audio: Path | None, out: Path, overwrite: bool) -> None:
    """The folders VIDEOS and AUDIO as a manifest to edit."""
    from fmn.datasets.folders import import_folders
    from fmn.datasets.imported import write_manifest

    found = import_folders(videos, audio)
    write_manifest(out, found.items, overwrite)
    _show(found, [], out)


def _show(found: "Imported", notices: "Sequence[str]", out: Path) -> None:
    from collections import Counter

    from rich import box
    from rich.table import Table

    from fmn.commands.console import PlainConsole
    from fmn.media import names
    from fmn.printable import printable

    console = PlainConsole()
    splits = Counter(item.split or "none yet" for item in found.items)
    recordings = sum(item.modality == "audio" for item in found.items)
    facts = {
        "intervals annotated": found.annotated,
        "rows written": len(found.items),
        "of them recordings": recordings,
        "video files there": found.videos,
        "video files missing": len(found.missing),
        "labels": len({item.label for item in found.items} - {""}),
        "groups": len({item.group for item in found.items} - {""}),
        "pairs": len({item.pair for item in found.items} - {""}),
        "minutes": _minutes(found),
    } | {f"split {name}": count for name, count in sorted(splits.items())}
    table = Table("what", title=printable(str(out)), box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("number", justify="right")
    for name, value in facts.items():
        if value or name in ("rows written", "video files missing"):
            table.add_row(name, str(value))
    console.print(table)
    if found.missing:
        echo(f"Missing videos: {names(found.missing)}.")
    for notice in (*notices, *found.notices):
        echo(notice)
    echo(f"Next: {shlex.join(['fmn-extract', '--manifest', str(out)])}")


def _minutes(found: "Imported") -> str:
    seconds = [item.end - (item.start or 0.0) for item in found.items if item.end is not None]
    return f"{sum(seconds) / 60:.1f}" if seconds else ""


def _show_categories(categories: "Sequence[Category]", formed: str, beside: Path) -> None:
    from rich import box
    from rich.table import Table

    from fmn.commands.console import PlainConsole
    from fmn.printable import printable

    table = Table("category", title="Triples that were chosen", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in ("intervals", "clips", "persons"):
        table.add_column(name, justify="right")
    for each in categories:
        table.add_row(printable(each.label), str(each.intervals), str(len(each.clips)), str(each.persons))
    PlainConsole().print(table)
    echo(formed)
    if len(categories) < 20:
        echo(f"Only {len(categories)} triples have 50 intervals; the paper has 20.")
    echo(f"The choice is written to {beside}.")
