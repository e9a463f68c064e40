"""The memory against a plain loop over pairs and slots, written here from the rule alone."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fmn.retrieval.memory import FeatureMemory, Update
from fmn.retrieval.slot_plan import RESOLUTION

CORNERS = (-1.0, 0.0, 0.3, 0.7, 0.95, 1.0, 1.5)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Thousands of tiny products: a pool of threads would only wait for itself."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class PlainMemory:
    """One pair after the other, one slot after the other, vectors and lists only."""

    def __init__(self, capacity, dim_video, dim_audio, t1, t2, w, dtype=np.float64):
        self.video, self.audio = np.zeros((capacity, dim_video), dtype), np.zeros((capacity, dim_audio), dtype)
        self.used, self.born = [0] * capacity, [0] * capacity
        self.capacity, self.t1, self.t2, self.w, self.clock = capacity, t1, t2, w, 0

    @staticmethod
    def cos(a, b):
        a, b = a.astype(np.float64), b.astype(np.float64)
        lengths = math.sqrt(a.dot(a)) * math.sqrt(b.dot(b))
        return a.dot(b) / lengths if lengths > 0 else 0.0

    def update(self, video, audio, s1, match=None):
        counts = {"written": 0, "merged": 0, "replaced": 0, "ignored": 0}
        for i in range(len(video)):
            if not s1[i] > self.t1 or (match is not None and not match[i]):
                counts["ignored"] += 1
                continue
            v, a = video[i], audio[i]
            similar = {
                x: (self.cos(v, self.video[x]) + self.cos(a, self.audio[x])) / 2
                for x in range(self.capacity)
                if self.used[x]
            }
            best = max(similar.values(), default=None)
            if best is not None and not best < self.t2 - RESOLUTION:
                x = min(x for x, m in similar.items() if m >= best - RESOLUTION)
                self.video[x] = (1 - self.w) * self.video[x] + self.w * v
                self.audio[x] = (1 - self.w) * self.audio[x] + self.w * a
                self.used[x] += 1
                counts["merged"] += 1
                continue
            empty = [x for x in range(self.capacity) if not self.used[x]]
            counts["written" if empty else "replaced"] += 1
            x = empty[0] if empty else min(range(self.capacity), key=lambda x: (self.used[x], self.born[x]))
            self.clock += 1
            self.video[x], self.audio[x], self.used[x], self.born[x] = v, a, 1, self.clock
        return Update(**counts)


def draw(rng, category, count, dims):
    """Pairs of one character: noise, few directions, copies with signs and zeros, or points of a small lattice."""
    made = []
    for dim in dims:
        if category == "noise":
            made.append(rng.normal(size=(count, dim)))
        elif category == "clusters":
            centres = rng.normal(size=(4, dim))
            made.append(centres[rng.integers(4, size=count)] + 0.2 * rng.normal(size=(count, dim)))
        elif category == "copies":
            pool = np.concatenate([rng.normal(size=(2, dim)), np.zeros((1, dim))])
            pick, sign = rng.integers(3, size=count), rng.choice([-1.0, 1.0, 2.0], size=(count, 1))
            made.append(sign * pool[pick])
        else:
            made.append(rng.integers(-1, 2, size=(count, dim)).astype(np.float64))
    return made


def pair_of_memories(rng, dtype=torch.float64):
    capacity, dims = int(rng.integers(1, 65)), tuple(int(d) for d in rng.integers(1, 9, size=2))
    t1, t2 = (float(t) for t in rng.choice(CORNERS, size=2))
    w = float(rng.choice([0.0, 0.1, 0.5, 0.9, 1.0, rng.random()]))
    plain = PlainMemory(capacity, *dims, t1, t2, w, np.float64 if dtype == torch.float64 else np.float32)
    return FeatureMemory(capacity, dims, t1, t2, w).to(dtype), plain, dims


def assert_same(memory, plain):
    assert memory.used.tolist() == plain.used
    assert memory.born.tolist() == plain.born
    assert np.array_equal(memory.video.numpy(), plain.video)
    assert np.array_equal(memory.audio.numpy(), plain.audio)


@pytest.mark.slow
@pytest.mark.slow
def test_a_thousand_batches_equal_the_plain_loop_bit_for_bit():
    rng = np.random.default_rng(0)
    totals = np.zeros(4, dtype=int)
    for _ in range(250):
        memory, plain, dims = pair_of_memories(rng)
        category = rng.choice(["noise", "clusters", "copies", "lattice"])
        for _ in range(4):
            count = int(rng.integers(0, 33))
            video, audio = draw(rng, category, count, dims)
            s1 = rng.choice([*CORNERS, -2.0, 2.0, 2.0, 2.0, 2.0], size=count)
            match = rng.random(count) < 0.8 if rng.random() < 0.5 else None
            told = memory.update(
                *(torch.from_numpy(part) for part in (video, audio, s1)),
                None if match is None else torch.from_numpy(match),
            )
            assert told == plain.update(video, audio, s1, match)
            assert sum(told) == count
            assert_same(memory, plain)
            totals += told
    assert (totals > 300).all()  # every branch of the rule was really taken


@pytest.mark.parametrize("t1", CORNERS)
@pytest.mark.parametrize("t2", CORNERS)
@pytest.mark.parametrize("w", [0.0, 0.25, 1.0])
def test_threshold_corners(t1, t2, w):
    rng = np.random.default_rng(1)
    for category in ("copies", "lattice", "clusters"):
        memory = FeatureMemory(3, (4, 3), t1, t2, w).double()
        plain = PlainMemory(3, 4, 3, t1, t2, w)
        video, audio = draw(rng, category, 24, (4, 3))
        s1 = rng.choice([-1.0, 0.0, 0.7, 1.0, 2.0], size=24)
        memory.update(torch.from_numpy(video), torch.from_numpy(audio), torch.from_numpy(s1))
        plain.update(video, audio, s1)
        assert_same(memory, plain)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    capacity=st.integers(1, 6),
    t2=st.floats(-1.1, 1.1),
    w=st.floats(0, 1),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_batches_can_be_cut_anywhere(seed, capacity, t2, w, cuts):
    rng = np.random.default_rng(seed)
    video, audio = (torch.from_numpy(part) for part in draw(rng, "clusters", 30, (5, 4)))
    s1 = torch.ones(30, dtype=torch.float64)
    whole, parts = (FeatureMemory(capacity, (5, 4), 0.5, t2, w).double() for _ in range(2))
    whole.update(video, audio, s1)
    edges = [0, *sorted(cuts), 30]
    for a, b in itertools.pairwise(edges):
        parts.update(video[a:b], audio[a:b], s1[a:b])
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), capacity=st.integers(1, 8), t2=st.floats(-1.1, 1.1), w=st.floats(0, 1))
def test_counts_and_slots_hold_together(seed, capacity, t2, w):
    rng = np.random.default_rng(seed)
    memory = FeatureMemory(capacity, 3, 0.0, t2, w)
    kept = 0
    for _ in range(3):
        video, audio = (torch.from_numpy(part).float() for part in draw(rng, "noise", 10, (3, 3)))
        told = memory.update(video, audio, torch.from_numpy(rng.normal(size=10)))
        assert sum(told) == 10
        kept += told.written
        assert int(memory.filled.sum()) == kept <= capacity
        assert told.replaced == 0 or kept == capacity
        assert (memory.video[~memory.filled] == 0).all() and (memory.born[~memory.filled] == 0).all()
        born = memory.born[memory.filled].tolist()
        assert len(set(born)) == len(born)


@pytest.mark.slow
def test_float32_follows_the_float64_loop():
    rng = np.random.default_rng(2)
    for _ in range(60):
        memory, plain, dims = pair_of_memories(rng, torch.float32)
        for _ in range(3):
            video, audio = (part.astype(np.float32) for part in draw(rng, "clusters", 24, dims))
            s1 = rng.random(24) * 2
            assert memory.update(*(torch.from_numpy(p) for p in (video, audio, s1))) == plain.update(video, audio, s1)
            assert memory.used.tolist() == plain.used
            np.testing.assert_allclose(memory.video.numpy(), plain.video, atol=1e-5)
            np.testing.assert_allclose(memory.audio.numpy(), plain.audio, atol=1e-5)


def test_vectors_that_cancel_are_taken_afresh():
    """Half of K and half of -K leave rounding dust, whose direction only the bank itself knows."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=(1, 6))
    thirds = np.concatenate([base, -base, base / 3, -base / 3, base, 1e-9 * rng.normal(size=(3, 6))])
    memory, plain = FeatureMemory(2, 6, 0.0, -1.0, 0.5).double(), PlainMemory(2, 6, 6, 0.0, -1.0, 0.5)
    for t2 in (-1.0, 0.2, -1.0):
        memory.t2 = plain.t2 = t2
        s1 = np.ones(len(thirds))
        memory.update(torch.from_numpy(thirds), torch.from_numpy(-thirds), torch.from_numpy(s1))
        plain.update(thirds, -thirds, s1)
        assert_same(memory, plain)


def test_a_batch_larger_than_a_segment():
    rng = np.random.default_rng(6)
    memory, plain = FeatureMemory(7, (6, 5), 0.3, 0.8, 0.3).double(), PlainMemory(7, 6, 5, 0.3, 0.8, 0.3)
    video, audio = draw(rng, "clusters", 900, (6, 5))
    s1 = rng.random(900)
    assert memory.update(*(torch.from_numpy(p) for p in (video, audio, s1))) == plain.update(video, audio, s1)
    assert_same(memory, plain)


def test_a_new_slot_is_found_by_the_same_batch():
    memory = FeatureMemory(4, 2, 0.5, 0.9, 0.5).double()
    video = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    assert memory.update(video, video, torch.ones(3)) == Update(written=2, merged=1, replaced=0, ignored=0)
    assert memory.used.tolist() == [2, 1, 0, 0]


def test_a_full_memory_gives_up_its_least_used_then_oldest_slot():
    memory = FeatureMemory(3, 4, 0.5, 0.9, 0.5).double()
    eye = torch.eye(4, dtype=torch.float64)
    order = eye[[0, 1, 2, 0, 3]]
    assert memory.update(order, order, torch.ones(5)) == Update(written=3, merged=1, replaced=1, ignored=0)
    assert memory.used.tolist() == [2, 1, 1]
    assert torch.equal(memory.video, eye[[0, 3, 2]])  # slots 1 and 2 were used alike, 1 was older


def test_the_score_must_be_greater_than_t1_not_equal():
    memory = FeatureMemory(2, 2, 0.5, 0.9, 0.5)
    told = memory.update(torch.ones(3, 2), torch.ones(3, 2), torch.tensor([0.4, 0.5, 0.6]))
    assert told == Update(written=1, merged=0, replaced=0, ignored=2)


def test_similarity_is_the_cosine_and_empty_slots_give_zero():
    rng = np.random.default_rng(4)
    memory = FeatureMemory(5, (3, 4), -1.0, 2.0, 0.5).double()
    video, audio = (torch.from_numpy(part) for part in draw(rng, "noise", 3, (3, 4)))
    memory.update(video, audio, torch.ones(3))
    queries, speech = (torch.from_numpy(part) for part in draw(rng, "noise", 7, (3, 4)))
    seen, heard = memory.similarity(queries, speech[:2])
    assert seen.shape == (7, 5) and heard.shape == (2, 5)
    for n in range(7):
        for x in range(5):
            assert seen[n, x].item() == pytest.approx(PlainMemory.cos(queries[n].numpy(), memory.video[x].numpy()))
    assert (seen[:, 3:] == 0).all() and (heard[:, 3:] == 0).all()
    assert memory.filled.tolist() == [True, True, True, False, False]


def test_similarity_lets_gradients_through_and_bears_zero_vectors():
    memory = FeatureMemory(2, 3, -1.0, 2.0, 0.5)
    memory.update(torch.ones(1, 3), torch.ones(1, 3), torch.ones(1))
    features = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    seen, _ = memory.similarity(features, torch.ones(1, 3))
    seen.sum().backward()
    assert torch.isfinite(features.grad).all() and (seen[0] == 0).all()


def test_saves_and_loads_as_safetensors(tmp_path):
    memory = FeatureMemory(4, (3, 2), 0.0, 0.5, 0.1)
    generator = torch.Generator().manual_seed(0)
    batch = (torch.randn(9, 3, generator=generator), torch.randn(9, 2, generator=generator), torch.ones(9))
    memory.update(*batch)
    save_file(memory.state_dict(), tmp_path / "memory.safetensors")
    again = FeatureMemory(4, (3, 2), 0.0, 0.5, 0.1)
    again.load_state_dict(load_file(tmp_path / "memory.safetensors"))
    assert again.update(*batch) == memory.update(*batch)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in memory.state_dict().items())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_the_cpu():
    rng = np.random.default_rng(5)
    here, there = (FeatureMemory(20, (64, 48), 0.3, 0.6, 0.2).to(device, torch.float64) for device in ("cpu", "cuda"))
    for category in ("clusters", "copies", "lattice", "noise"):
        video, audio = (torch.from_numpy(part) for part in draw(rng, category, 64, (64, 48)))
        s1 = torch.from_numpy(rng.random(64))
        assert here.update(video, audio, s1) == there.update(video.cuda(), audio.cuda(), s1.cuda())
        for name, value in here.state_dict().items():
            assert torch.equal(value, there.state_dict()[name].cpu()), (category, name)


def test_arguments_are_checked_with_sentences():
    with pytest.raises(ValueError, match="at least 1 slot, but capacity is 0"):
        FeatureMemory(0, 2, 0.0, 0.0, 0.5)
    with pytest.raises(ValueError, match="at least 1 number"):
        FeatureMemory(1, (2, 0), 0.0, 0.0, 0.5)
    with pytest.raises(ValueError, match="must be numbers"):
        FeatureMemory(1, 2, math.nan, 0.0, 0.5)
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"lies in \[0, 1\]"):
            FeatureMemory(1, 2, 0.0, 0.0, weight)


def test_bad_batches_leave_the_memory_alone():
    memory = FeatureMemory(2, (2, 3), 0.0, 0.5, 0.5)
    memory.update(torch.ones(1, 2), torch.ones(1, 3), torch.ones(1))
    before = {name: value.clone() for name, value in memory.state_dict().items()}
    nan, inf = torch.tensor([[1.0, math.nan]]), torch.tensor([[1.0, math.inf, 0.0]])
    for bad, sentence in (
        ((torch.ones(1, 3), torch.ones(1, 3), torch.ones(1)), r"video must be \[N, 2\]"),
        ((torch.ones(2, 2), torch.ones(1, 3), torch.ones(2)), "must agree in the first size"),
        ((torch.ones(1, 2), torch.ones(1, 3), torch.ones(1, 1)), "must agree in the first size"),
        ((torch.ones(1, 2), torch.ones(1, 3), torch.ones(1), torch.ones(1)), "match must be bool"),
        ((nan, torch.ones(1, 3), torch.ones(1)), "row 0 of video has others"),
        ((torch.ones(1, 2), inf, torch.ones(1)), "row 0 of audio has others"),
        ((torch.ones(1, 2), torch.ones(1, 3), torch.tensor([math.nan])), "row 0 of s1 has others"),
    ):
        with pytest.raises(ValueError, match=sentence):
            memory.update(*bad)
    for name, value in memory.state_dict().items():
        assert torch.equal(value, before[name])
