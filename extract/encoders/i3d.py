"""Video encoder `i3d`: two-stream I3D with given, found, fetched or - said everywhere - self-made weights."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fmn.cache import EncoderRecord
from fmn.device import pick_device
from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import Item

from ..fitting.calibration import load_calibration, untrained_weights
from ..fitting.from_scratch import CLIPS, SHOWN, fit_from_scratch
from ..fitting.train_part import TrainPart
from ..fitting.video_fit import FEWEST
from ..media.flow_methods import NO_FLOW
from ..media.two_streams import VideoSettings, first_window, flow_clip, rgb_clip, streams_of
from ..networks.i3d import CHANNELS, InceptionI3d, calibrate, random_stream
from ..networks.i3d_fast import inference_dtype
from ..weights.checksums import state_sha256, weights_file
from ..weights.fetch import fetch_published
from ..weights.folder import find_i3d, told_folder
from ..weights.i3d_file import load_i3d
from ..weights.i3d_header import read_about, to_bytes
from ..weights.known import kinetics_file
from .door import EncoderEntry, OneByOne, Settled, check_sha256, weights_path
from .settings import RANDOM, ExtractSettings
from .two_streams import TwoStreamI3d, recorded_preprocessing, recorded_settings, vector_length


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """What decides the features. For `auto` it matters which weights are on this machine now.

    Raises InputError where the weights are named in a way that nobody understands, or a file of them is missing.
    """
    weights = settings.video_weights
    if weights.startswith("random") and not RANDOM.fullmatch(weights):
        raise InputError(f"Random video weights are written random:SEED, such as random:0; got {weights!r}.")
    if weights != "auto" and not weights.startswith("random"):
        names = weights.split(",")
        if len(names) > 2 or not all(names):
            raise InputError(f"--video-weights takes auto, random:SEED, RGB.pt or RGB.pt,FLOW.pt; got {weights!r}.")
        for name, stream in zip(names, CHANNELS, strict=False):
            weights_file(name)
            load_i3d(Path(name), CHANNELS[stream])  # before anything is begun
    here = sorted(str(path) for path in find_i3d(streams_of(settings.flow)).values()) if weights == "auto" else []
    sizes = [settings.short_side, settings.crop, settings.window, settings.fps]
    return {"weights": weights, "found": here, "flow": settings.flow, "sizes": sizes, "seed": settings.seed}


def decide(settings: ExtractSettings, part: TrainPart) -> Settled:
    """Decide on the weights: a given file, `random:SEED`, or `auto`."""
    given = settings.video_weights
    if given == "auto":
        streams = streams_of(settings.flow)
        found = find_i3d(streams)
        if len(found) < len(streams):
            part.watcher.say("Looking for published I3D weights ...")
            why = fetch_published(streams)
            found = find_i3d(streams)
            if len(found) < len(streams):
                return _fitted(settings, part, streams, why)
        return _published(settings, part, found)
    if match := RANDOM.fullmatch(given):
        seed = int(match[1])
        warning = f"video encoder: untrained I3D (random weights, seed {seed}), as asked for."
        return _untrained(settings, part, seed, warning)
    paths = (Path(name) for name in given.split(","))
    return _published(settings, part, dict(zip(("rgb", "flow"), paths, strict=False)))


def open_i3d(record: EncoderRecord, cache: Path, device: str) -> OneByOne:
    """The encoder of a record; the weights' checksums must be the recorded ones."""
    settings = recorded_settings(record)
    networks: dict[str, InceptionI3d] = {}
    for stream in streams_of(settings.flow):
        if "seed" in record.weights:
            networks[stream] = random_stream(stream, int(record.weights["seed"]), 1)
            if "calibration" in record.weights.get("files", {}):
                load_calibration(weights_path(record, cache, "calibration"), stream, networks[stream])
            found, told = state_sha256(networks[stream]), "what this version of torch draws from the seed"
        else:
            path = weights_path(record, cache, stream)
            networks[stream] = load_i3d(path, CHANNELS[stream])
            found, told = weights_file(path).sha256, str(path)
        check_sha256(record, stream, found, f"{stream} weights", told)
    return OneByOne(TwoStreamI3d(networks["rgb"], networks.get("flow"), settings, pick_device(device)).row)


def _published(settings: ExtractSettings, part: TrainPart, paths: dict[str, Path]) -> Settled:
    made_for = _made_for(paths)
    flow = made_for.flow if settings.flow == "auto" else settings.flow
    if "flow" not in paths and flow != NO_FLOW:
        if settings.flow != "auto":
            raise InputError(
                f"The flow stream needs weights of its own: --video-weights RGB.pt,FLOW.pt, or --flow none. Got "
                f"{settings.video_weights!r} with --flow {settings.flow}."
            )
        part.watcher.say("One weights file was given: the RGB stream alone is used (1024-d), no flow.")
        flow = NO_FLOW
    if "flow" in paths and flow == NO_FLOW:
        del paths["flow"]
    if flow == "tvl1":
        part.watcher.say("Flow by TV-L1, about 0.6 s a frame and core; --flow dis is some hundred times faster.")
    files = {}
    for stream, path in paths.items():
        load_i3d(path, CHANNELS[stream])  # a wrong file is named now, not by every worker
        files[stream] = weights_file(path)
    source = ", ".join(file.published or Path(file.path).name for file in files.values())
    weights = {
        "source": source,
        "sha256": {stream: file.sha256 for stream, file in files.items()},
        "paths": {stream: str(Path(file.path).resolve()) for stream, file in files.items()},
        "git_blob": {stream: file.git_blob for stream, file in files.items()},
    }
    shown = _video_settings(settings, flow, made_for)
    ours = {stream: about.began_from for stream, path in paths.items() if (about := read_about(path)) is not None}
    return _settled(shown, weights, f"I3D, {source}", _warning_of(paths), {"fitted_on": ours} if ours else {})


def _warning_of(paths: Mapping[str, Path]) -> str:
    """What files that were fitted from scratch have against themselves."""
    told = []
    for stream, path in paths.items():
        about = read_about(path)
        if about is not None and about.began_from.startswith("random"):
            accuracy = about.fitted_on.get("accuracy")
            told.append(stream + (f" {100 * accuracy:.0f} %" if isinstance(accuracy, float) else ""))
    return (
        f"video encoder: fitted from scratch, not on Kinetics (validation accuracy {', '.join(told)})." if told else ""
    )


def _made_for(paths: Mapping[str, Path]) -> VideoSettings:
    """How the files' networks saw their clips: as their headers say, else as the published ones did."""
    shown = {stream: about.shown if (about := read_about(path)) else VideoSettings() for stream, path in paths.items()}
    flow = shown.get("flow", shown["rgb"])
    differing = replace(shown["rgb"], flow=flow.flow) != flow
    if differing:
        raise InputError(
            f"Both streams see the same frames, but {paths['rgb']} and {paths['flow']} were fitted for different ones "
            f"({_seen(shown['rgb'])} / {_seen(flow)}): give two that were fitted alike."
        )
    return flow


def _seen(shown: VideoSettings) -> str:
    return f"{shown.crop} of {shown.short_side} pixels, {shown.window} frames at {shown.fps:g} a second, {shown.dtype}"


def _fitted(settings: ExtractSettings, part: TrainPart, streams: tuple[str, ...], why: str) -> Settled:
    """The last resort of `auto`: fitted here from scratch on the train split, by work or within --fit-minutes."""
    flow = SHOWN.flow if settings.flow == "auto" else settings.flow
    shown = replace(_video_settings(settings, flow, SHOWN), dtype=_random_dtype())
    bound = f"{CLIPS} clips" if settings.fit_minutes is None else f"{settings.fit_minutes:g} minutes"
    part.watcher.say(f"No published I3D weights ({why}): fitting I3D here, {bound} at most.")
    fit = fit_from_scratch(part, shown)
    if fit is None:
        few = f"and with fewer than {FEWEST} clips of several labels to fit it on"
        warning = f"video encoder: untrained I3D, {_want(why)}, {few}; {_better(streams)}"
        return _untrained(settings, part, settings.seed, warning)
    files, sums = {}, {}
    for stream, result in fit.streams.items():
        content = to_bytes(result.network, result.about)
        sums[stream] = hashlib.sha256(content).hexdigest()
        files[stream] = f"i3d-{stream}-{sums[stream][:12]}.safetensors"  # by content: nothing is ever overwritten
        write_durably(part.folder, files[stream], content)
    cut = any(result.cut for result in fit.streams.values())
    if cut:
        part.watcher.say(
            f"The fitting of I3D was cut at --fit-minutes {settings.fit_minutes:g}: the result depends on the speed of "
            "this machine."
        )
    weights = {"source": "fitted here from scratch", "sha256": sums, "files": files}
    warning = f"video encoder: fitted here from scratch, {_want(why)}; {fit.told}; {_better(streams)}"
    return _settled(shown, weights, f"I3D {fit.told}", warning, {"fitted": fit.told, "cut": cut})


def _untrained(settings: ExtractSettings, part: TrainPart, seed: int, warning: str) -> Settled:
    """Random weights, their batch norms set on clips of the train split: without that they say next to nothing."""
    flow = "dis" if settings.flow == "auto" else settings.flow
    shown = replace(_video_settings(settings, flow, VideoSettings()), dtype=_random_dtype())
    networks = {stream: random_stream(stream, seed, 1) for stream in streams_of(flow)}
    first = functools.partial(_first_clips, shown=shown)
    weights = untrained_weights(networks, seed, part, first, calibrate, encoder="i3d", title="I3D")
    return _settled(shown, weights, "untrained I3D", warning)


def _first_clips(item: Item, *, shown: VideoSettings) -> dict[str, Tensor]:
    rgb, flow = first_window(item, shown)
    return {"rgb": rgb_clip(rgb)[0]} | ({} if flow is None else {"flow": flow_clip(flow)[0]})


def _settled(
    shown: VideoSettings,
    weights: Mapping[str, Any],
    told: str,
    warning: str,
    notes: Mapping[str, Any] | None = None,
) -> Settled:
    return Settled(vector_length(shown), recorded_preprocessing(shown), weights, told, warning, notes or {})


def _want(why: str) -> str:
    return f"for want of published weights ({why})"


def _better(streams: tuple[str, ...]) -> str:
    wanted = [kinetics_file(stream) for stream in streams]
    return (
        f"{' and '.join(file.files[0] for file in wanted)} would do much better: get them from "
        f"{' and '.join(file.url for file in wanted)} and put them into {told_folder()}."
    )


def _video_settings(settings: ExtractSettings, flow: str, made_for: VideoSettings) -> VideoSettings:
    """What was asked for, else what the weights were made for."""
    side, crop = settings.frame_sizes(made_for.short_side, made_for.crop)
    window, fps = settings.window or made_for.window, settings.fps or made_for.fps
    return replace(made_for, flow=flow, short_side=side, crop=crop, window=window, fps=fps)


def _random_dtype() -> str:
    """Random layers amplify rounding (cosine bf16 to fp32 about 0.97): such features are of one type for good."""
    return "bf16" if inference_dtype(torch.device("cpu")) == torch.bfloat16 else "fp32"


I3D = EncoderEntry("video", "i3d", chunk=1, asked=asked, decide=decide, open=open_i3d)
