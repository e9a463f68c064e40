"""The Bi-LSTM against torch's own bidirectional LSTM, its masking, and its weights file."""

import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fmn.errors import InputError
from fmn.extract.networks.bilstm import BiLstm, stacked, untrained
from fmn.extract.weights.bilstm_file import bilstm_sha256, load_bilstm, save_bilstm


def utterances(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 39)).astype(np.float32) for length in lengths]


def by_torch(model, frames):
    """One item alone through nn.LSTM(bidirectional=True) with the same weights."""
    size = model.input_dim * model.stack
    oracle = torch.nn.LSTM(size, model.units, batch_first=True, bidirectional=True)
    state = {}
    for name, tensor in model.ahead.state_dict().items():
        state[name] = tensor
    for name, tensor in model.back.state_dict().items():
        state[name + "_reverse"] = tensor
    oracle.load_state_dict(state)
    steps = []
    for start in range(0, len(frames), model.stack):
        step = [frames[min(start + k, len(frames) - 1)] for k in range(model.stack)]
        steps.append(np.concatenate(step))
    with torch.inference_mode():
        outputs, (final, _) = oracle(torch.from_numpy(np.stack(steps))[None])
    if model.pooling == "mean":
        return outputs[0].mean(dim=0).numpy()
    return torch.cat([final[0, 0], final[1, 0]]).numpy()


@pytest.mark.parametrize("pooling", ["mean", "final"])
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=7), stack=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_equals_torchs_bidirectional_lstm_item_by_item(pooling, lengths, stack):
    model = untrained(3, units=8, stack=stack, pooling=pooling)
    items = utterances(lengths)
    result = model.embed(items)
    assert result.shape == (len(items), 16)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, np.stack([by_torch(model, item) for item in items]), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "final"])
def test_an_embedding_at_full_size_does_not_depend_on_batch_mates(pooling):
    model = untrained(0, pooling=pooling)
    items = utterances([5, 90, 31, 60, 7])
    together = model.embed(items)
    alone = np.concatenate([model.embed([item]) for item in items])
    assert together.shape == (5, 2048)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_what_stands_in_the_padding_does_not_matter():
    model = untrained(0, units=8)
    steps, lengths = torch.randn(2, 6, 117), torch.tensor([6, 4])
    changed = steps.clone()
    changed[1, 4:] = 1e3
    with torch.inference_mode():
        torch.testing.assert_close(model(steps, lengths), model(changed, lengths))


def test_order_of_time_matters():
    model = untrained(0, units=8)
    (item,) = utterances([30])
    assert np.abs(model.embed([item]) - model.embed([item[::-1].copy()])).max() > 1e-3


def test_embedding_nothing_gives_no_rows():
    assert untrained(0, units=8).embed([]).shape == (0, 16)


def test_the_last_frame_fills_the_last_step():
    frames = np.arange(4 * 2, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(stacked(frames, 2, 3), [[0, 1, 2, 3, 4, 5], [6, 7, 6, 7, 6, 7]])


@pytest.mark.parametrize("shape", [(0, 39), (5, 13), (39,)])
def test_items_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match="shape"):
        untrained(0, units=8).embed([np.zeros(shape, dtype=np.float32)])


def test_items_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="NaN"):
        untrained(0, units=8).embed([np.full((5, 39), np.nan, dtype=np.float32)])


def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator():
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    one, same, other = untrained(5, units=8), untrained(5, units=8), untrained(6, units=8)
    assert torch.equal(before, torch.random.get_rng_state())
    assert bilstm_sha256(one) == bilstm_sha256(same) != bilstm_sha256(other)


def test_unknown_pooling_and_sizes_are_refused():
    with pytest.raises(InputError, match="mean, final"):
        BiLstm(pooling="max")
    with pytest.raises(InputError, match="at least 1"):
        BiLstm(units=0)


def test_saved_and_loaded_gives_the_same_embeddings(tmp_path):
    model = untrained(1, units=8, stack=4, pooling="final")
    model.fitted_on = {"items": 3, "note": "grüne Äpfel"}
    digest = save_bilstm(model, tmp_path / "audio.safetensors")
    loaded = load_bilstm(tmp_path / "audio.safetensors")
    items = utterances([9, 20])
    np.testing.assert_array_equal(model.embed(items), loaded.embed(items))
    assert (loaded.stack, loaded.pooling, loaded.units, loaded.input_dim) == (4, "final", 8, 39)
    assert loaded.fitted_on == model.fitted_on
    assert digest == hashlib.sha256((tmp_path / "audio.safetensors").read_bytes()).hexdigest() == bilstm_sha256(loaded)
    assert [file.name for file in tmp_path.iterdir()] == ["audio.safetensors"]


def rewrite(path, tensors=None, **changes):
    """The file with some tensors or header entries replaced."""
    kept = load_file(path)
    kept.update(tensors or {})
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    about = json.loads(header["__metadata__"]["fmn"]) | changes
    save_file(kept, path, metadata={"fmn": json.dumps(about)})


@pytest.mark.parametrize(
    ("tensors", "changes", "sentence"),
    [
        ({}, {"kind": "fmn.network"}, "not Bi-LSTM weights"),
        ({}, {"schema": 99}, "schema 99"),
        ({}, {"units": "many"}, "no sound input_dim, units"),
        ({}, {"pooling": "max"}, "no sound input_dim, units"),
        ({}, {"stack": 0}, "no sound input_dim, units"),
        ({}, {"fitted_on": 3}, "no sound input_dim, units"),
        ({}, {"units": 9}, "do not fit its header"),
        ({"extra": torch.zeros(2)}, {}, r"extra \(2,\) for none"),
        ({"ahead.bias_ih_l0": torch.zeros(3)}, {}, r"ahead\.bias_ih_l0 \(3,\) for \(32,\)"),
        ({"ahead.bias_ih_l0": torch.full((32,), torch.nan)}, {}, "not finite"),
    ],
)
def test_damaged_files_are_refused_with_a_sentence(tmp_path, tensors, changes, sentence):
    path = tmp_path / "audio.safetensors"
    save_bilstm(untrained(0, units=8), path)
    rewrite(path, tensors, **changes)
    with pytest.raises(InputError, match=sentence):
        load_bilstm(path)


def test_other_files_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no Bi-LSTM weights file"):
        load_bilstm(tmp_path / "missing.safetensors")
    (tmp_path / "text").write_text("not a tensor in sight")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_bilstm(tmp_path / "text")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match="not Bi-LSTM weights"):
        load_bilstm(tmp_path / "foreign.safetensors")
