"""fmn-enroll: clips and recordings of new categories in, a run that knows them out; nothing is trained."""

import shlex
from pathlib import Path

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError

SHOWN = 20


@command("fmn-enroll")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("videos", type=click.Path(path_type=Path))
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the new run.  [default: the next runs/NNN]")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Cache folder."
)
@click.option("--again", is_flag=True, help="Enrol labels, too, that the run was fitted on or has enrolled before.")
@click.option("--device", default="cpu", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and failed items.")
@log_option
@click.pass_context
def main(
    context: click.Context,
    /,
    run: Path,
    videos: Path,
    audio: Path,
    out: Path | None,
    cache: Path,
    again: bool,
    device: str,
    quiet: bool,
) -> None:
    """Write the categories shown in VIDEOS and said in AUDIO into the memory of RUN, as a new run.

    The folders are laid out as for fmn-extract: a sub-folder a label, or files of the same name. Clips and recordings
    of a label are paired by file name, else the i-th clip with the i-th recording. RUN never changes. Exit code 1 if a
    file could not be used.
    """
    from fmn.cache import FeatureCache
    from fmn.extract.encode_folders import encode_folders
    from fmn.retrieval import load
    from fmn.retrieval.enrolled_run import check_out, known_labels, write_enrolled_run
    from fmn.retrieval.enrolment import enrol, memory_of
    from fmn.retrieval.pairing import pair_up
    from fmn.train.run import next_run

    retriever, features = load(run), FeatureCache(cache)
    memory_of(retriever)
    retriever.check(features)
    if out is not None:
        check_out(out, run)
    with Bars(quiet) as bars:
        encoded = encode_folders(videos, audio, features, retriever.encoders, device, bars)
    clips, recordings = encoded.items["video"], encoded.items["audio"]
    pairing = pair_up(clips, recordings)
    labels = [label for _, _, label in pairing.rows]
    if not labels:
        raise InputError(f"No clip of {videos} found a recording of {audio} of its label. Nothing was enrolled.")
    if not again and (known := sorted(set(labels) & known_labels(run, features))):
        raise InputError(
            f"Enrolment is for new categories, but {run} knows {len(known)} of these labels already "
            f"({', '.join(known[:SHOWN])}). Leave them out, or give --again to enrol them all the same."
        )
    left, right = [a for a, _, _ in pairing.rows], [b for _, b, _ in pairing.rows]
    learnt, done = enrol(retriever, encoded.features["video"][left], encoded.features["audio"][right], labels)
    learnt.check(features)  # before anything is written: an enrolled test item would spoil every table
    out = out or next_run()
    names = {
        each.label: {
            "videos": [clips[a].path for a, _, label in pairing.rows if label == each.label],
            "audio": [recordings[b].path for _, b, label in pairing.rows if label == each.label],
        }
        for each in done
    }
    write_enrolled_run(run, out, learnt, [each.to_json() | names[each.label] for each in done])
    counted(
        run=str(out), pairs=len(labels), categories=len(done), failed=len(encoded.failures), alone=len(pairing.alone)
    )
    for name, modality, reason in encoded.failures:
        echo(f"{modality} {name}: {reason}", err=True)
    if not quiet:
        for each in done:
            echo(f"{each.label}: {each.pairs} pairs{'' if each.new else ', beside those that were known'}.")
        if pairing.alone:
            named = ", ".join(pairing.alone[:SHOWN]) + (" ..." if len(pairing.alone) > SHOWN else "")
            echo(f"{len(pairing.alone)} files found no partner and are left out: {named}.")
        if encoded.failures:
            echo(f"{len(encoded.failures)} files could not be used; they are named above.")
        echo(
            f"Enrolled {len(labels)} pairs of {len(done)} categories without training; the memory has "
            f"{memory_of(learnt).config.categories} categories ({memory_of(retriever).config.categories} before)."
        )
        for warning in features.warnings():
            echo(f"Warning: {warning}")
        following = shlex.join(["fmn-eval", "--run", str(out), "--cache", str(cache)])
        echo(f"New run: {out}. Next: {following}")
    if encoded.failures:
        context.exit(1)
