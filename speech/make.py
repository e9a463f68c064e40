"""A plan -> recordings and a manifest, by several processes; what is finished is kept by the next run."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fmn.errors import BadItem, InputError
from fmn.making import Stamp, claimed, make_missing
from fmn.manifest import COLUMNS, path_from, write_manifest
from fmn.progress import Silence, Watcher

from .acoustics import in_a_room, seconds, write_flac, write_wav
from .draws import generator
from .espeak import speak
from .plan import DRAWING, Failure, Plan, Utterance

VOICE_COLUMNS = ("voice", "rate", "pitch")
STAMP, MANIFEST = "speak.json", "manifest.csv"
_DIGESTS = {"utterances": "the labels, texts or clips of the manifest were others"}


@dataclass(frozen=True)
class Spoken:
    """What is there now. utterances: those that stand in the manifest. made: files written now; kept: files that were
    there already. failures: the plan's `unspoken` and sentences that espeak-ng cannot speak."""

    folder: Path
    manifest: Path
    utterances: list[Utterance]
    made: int
    kept: int
    failures: list[Failure]

    def minutes(self, split: str | None = None) -> float:
        """Minutes of speech, of one split or of all."""
        found = [each for each in self.utterances if split in (None, each.split)]
        return sum(seconds(self.folder / each.place) for each in found) / 60


def make_speech(plan: Plan, out: Path, workers: int = 2, watcher: Watcher | None = None) -> Spoken:
    """Speak a plan into the folder `out`: 16 kHz mono files and `manifest.csv` for `fmn-extract --manifest`.

    The manifest lists the plan's clips, with paths that are right from `out`, and the recordings (group = speaker).
    A rerun with the same plan keeps finished files; one that was killed leaves no half file under a final name.
    Several processes are spawned: a script must then call this under `if __name__ == "__main__":`.

    workers: processes, from 1 (this one) to 1024. watcher: is told about the progress.
    InputError: workers out of range; espeakng-loader missing; `out` holds something else or another plan, or another
    process is at it; nothing at all could be spoken.
    """
    if not 1 <= workers <= 1024:
        raise InputError(f"From 1 to 1024 workers speak, but workers is {workers}.")
    speak("ready", "en-us")  # says at once, not in a worker, that the speech package is missing
    out = Path(out)
    with claimed(out, STAMP, _stamp(plan), "fmn-speak", _DIGESTS):
        count, failed = make_missing(out, plan.utterances, _write, workers, watcher or Silence(), "speaking")
        spoken = [each for each in plan.utterances if each.place not in failed]
        if not spoken:
            reason = next(iter([*failed.values(), *(why for _, why in plan.unspoken)]), "the plan is empty")
            raise InputError(f"Nothing could be spoken: {reason}")
        manifest = _write_manifest(plan, out, spoken)
    made = count - len(failed)
    return Spoken(out, manifest, spoken, made, len(spoken) - made, [*plan.unspoken, *failed.items()])


def _stamp(plan: Plan) -> Stamp:
    settings = plan.settings
    count = {"per clip": settings.per_clip} if settings.per_clip else {"per label": settings.per_label}
    shape: Stamp = {"train": settings.train, "seed": settings.seed, "format": settings.format}
    try:
        espeak = version("espeakng-loader")
    except PackageNotFoundError:
        espeak = "unknown"
    return {"drawing": DRAWING, **count, **shape, "espeakng-loader": espeak, "utterances": plan.digest()}


def _write(path: Path, utterance: Utterance) -> None:
    try:
        samples, rate = speak(utterance.text, utterance.voice, utterance.rate, utterance.pitch, utterance.pitch_range)
    except InputError as error:
        raise BadItem(str(error)) from None
    heard = in_a_room(samples, rate, generator(*utterance.key))
    (write_flac if path.suffix == ".flac" else write_wav)(path, heard)


def _write_manifest(plan: Plan, out: Path, spoken: Sequence[Utterance]) -> Path:
    """The clips as they were given, but for id, path, split and pair; then the recordings."""
    rows = [{**clip.values, "id": clip.id, "path": path_from(out, clip.values["path"])} for clip in plan.clips]
    for each in spoken:
        row = {"id": each.place, "modality": "audio", "path": each.place, "label": each.label, "split": each.split}
        row |= {"pair": each.pair, "group": each.voice, "text": each.text}
        rows.append(row | {"voice": each.voice, "rate": str(each.rate), "pitch": str(each.pitch)})
    return write_manifest(out / MANIFEST, list(dict.fromkeys((*COLUMNS, *plan.columns, *VOICE_COLUMNS))), rows)
