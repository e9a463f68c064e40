"""Several encoders of one modality in one cache, through the real pipeline, and a run that follows its own."""

import pytest

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.pipeline import extract
from fmn.extract.query import encode_query
from fmn.retrieval import load
from fmn.retrieval.protocol import evaluate_cache
from fmn.retrieval.search import rank
from fmn.train.run import train
from fmn.train.settings import TrainSettings


def settings(video, audio):
    return ExtractSettings(
        video_encoder=video,
        audio_encoder=audio,
        video_weights="random:0",
        audio_weights="" if audio == "vmnet" else "random:0",
        short_side=40,
        crop=32,
        workers=0,
    )


def test_two_encoders_of_each_modality_stand_side_by_side(tools, tmp_path):
    for label, hertz in (("low", 200), ("high", 900)):
        for k in range(3):
            tools.clip(tmp_path / "videos" / label / f"{k}.mp4", seed=hertz + k)
            tools.sound(tmp_path / "audio" / label / f"{k}.wav", 0.4, hertz + 10 * k, seed=k)
    folders = (tmp_path / "videos", tmp_path / "audio", tmp_path / "cache")
    first = extract(*folders, settings("x3d_m", "vmnet"))
    second = extract(*folders, settings("c2d_r50", "musicnn"))
    again = extract(*folders, settings("x3d_m", "musicnn"))
    for summary, extracted in ((first, 6), (second, 6), (again, 0)):
        assert not summary.failures
        assert [summary.extracted[modality] for modality in ("video", "audio")] == [extracted, extracted]
    cache = FeatureCache(tmp_path / "cache")
    names = {"video": ["c2d_r50", "x3d_m"], "audio": ["musicnn", "vmnet"]}
    for modality, both in names.items():
        assert [record.name for record in cache.encoders(modality)] == both
        assert cache.ids(modality, both[0]) == cache.ids(modality, both[1])
        assert cache.splits(modality, both[0]) == cache.splits(modality, both[1])
    assert len(cache.warnings()) == 3  # vmnet has nothing to warn of
    with pytest.raises(InputError, match="several encoders"):
        train(cache, tmp_path / "none", settings=TrainSettings(epochs=1))
    train(
        cache,
        tmp_path / "run",
        settings=TrainSettings(epochs=1, batch=4),
        encoders={"video": "x3d_m", "audio": "vmnet"},
        device="cpu",
    )
    retriever = load(tmp_path / "run")
    retriever.check(cache)
    assert retriever.encoders == {"video": "x3d_m", "audio": "vmnet"}
    report = evaluate_cache(
        cache,
        retriever,
        [1],
        video_encoder=retriever.encoder("video"),
        audio_encoder=retriever.encoder("audio"),
    )
    assert {name: facts["name"] for name, facts in report.facts["encoders"].items()} == retriever.encoders
    query = encode_query(tmp_path / "audio" / "low" / "0.wav", cache, retriever.encoders)
    held = dict(zip(cache.ids("audio", "vmnet"), cache.features("audio", "vmnet"), strict=True))
    assert (query.features == held["low/0.wav"]).all()
    assert len(rank(retriever, cache, "audio", query.features)) == 6
