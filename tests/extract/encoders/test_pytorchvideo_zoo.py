"""pytorchvideo's networks: the published names, the arithmetic by torch's functions, and the files that are none."""

import pytest
import torch
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.extract.encoders.pytorchvideo_zoo import load_zoo_network
from fmn.extract.networks.pytorchvideo_zoo import zoo_network

# Parameters without the classifier of 400 classes: 2048 * 400 + 400 more are in the published files.
PARAMETERS = {"i3d_r50": 27_223_872, "slow_r50": 31_634_496, "c2d_r50": 23_508_032}
STEM = {"i3d_r50": 5, "slow_r50": 1, "c2d_r50": 1}
# Frames of the first convolution of the blocks, stage by stage, in turn.
FIRST = {
    "i3d_r50": ((3,), (3, 1), (3, 1), (1, 3)),
    "slow_r50": ((1,), (1,), (3,), (3,)),
    "c2d_r50": ((1,), (1,), (1,), (1,)),
}


def plain(name, state, x):
    """ResNet-50 over clips, written out."""

    def norm(key, x):
        return F.batch_norm(
            x, state[f"{key}.running_mean"], state[f"{key}.running_var"], state[f"{key}.weight"], state[f"{key}.bias"]
        )

    def conv(key, x, stride=1, frames=1, side=1):
        return F.conv3d(x, state[f"{key}.weight"], None, (1, stride, stride), (frames // 2, side // 2, side // 2))

    x = F.relu(norm("blocks.0.norm", conv("blocks.0.conv", x, 2, STEM[name], 7)))
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    number = 0
    for stage, depth in enumerate((3, 4, 6, 3)):
        number += 1
        for k in range(depth):
            key = f"blocks.{number}.res_blocks.{k}"
            frames = FIRST[name][stage][k % len(FIRST[name][stage])]
            stride = 2 if k == 0 and stage else 1
            y = F.relu(norm(f"{key}.branch2.norm_a", conv(f"{key}.branch2.conv_a", x, 1, frames)))
            y = F.relu(norm(f"{key}.branch2.norm_b", conv(f"{key}.branch2.conv_b", y, stride, 1, 3)))
            y = norm(f"{key}.branch2.norm_c", conv(f"{key}.branch2.conv_c", y))
            if k == 0:
                x = norm(f"{key}.branch1_norm", conv(f"{key}.branch1_conv", x, stride))
            x = F.relu(x + y)
        if stage == 0 and name != "slow_r50":
            x = F.max_pool3d(x, (2, 1, 1), (2, 1, 1))
            number += 1
    return x.mean(dim=(2, 3, 4))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_published_file_gives_the_plain_network(name, tools, tmp_path):
    network = tools.set_random(zoo_network(name))
    assert sum(value.numel() for value in network.parameters()) == PARAMETERS[name]
    state = {key: value.clone() for key, value in network.state_dict().items()}
    head = f"blocks.{len(network.blocks)}.proj"
    whole = {**state, f"{head}.weight": torch.zeros(400, 2048), f"{head}.bias": torch.zeros(400)}
    torch.save({"model_state": whole}, tmp_path / "published.pyth")
    loaded = load_zoo_network(tmp_path / "published.pyth", name)
    clip = torch.randn(1, 3, 8, 40, 40, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = loaded(clip)
    assert found.shape == (1, 2048) and float(found.std()) > 0
    assert torch.allclose(found, plain(name, state, clip), rtol=1e-3, atol=1e-4)


def test_x3d_ends_with_the_convolutions_of_its_head(tools, tmp_path):
    network = tools.set_random(zoo_network("x3d_m"))
    state = network.state_dict()
    whole = {**state, "blocks.5.proj.weight": torch.zeros(400, 2048), "blocks.5.proj.bias": torch.zeros(400)}
    torch.save({"model_state": whole}, tmp_path / "X3D_M.pyth")
    clip = torch.randn(1, 3, 16, 40, 40, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = clip
        for block in network.blocks[:-1]:
            before = block(before)
        wide = F.conv3d(before, state["blocks.5.pool.pre_conv.weight"])
        norm = (state[f"blocks.5.pool.pre_norm.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        seen = F.relu(F.batch_norm(wide, *norm)).mean(dim=(2, 3, 4))
        wanted = F.relu(seen @ state["blocks.5.pool.post_conv.weight"][:, :, 0, 0, 0].T)
        assert torch.allclose(load_zoo_network(tmp_path / "X3D_M.pyth", "x3d_m")(clip), wanted, atol=1e-4)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    zoo_network("x3d_m")
    assert torch.equal(before, torch.random.get_rng_state())


def test_wrong_files_are_named(tmp_path):
    state = zoo_network("x3d_m").state_dict()

    def refused(content, words):
        torch.save(content, tmp_path / "some.pyth")
        with pytest.raises(InputError, match=words):
            load_zoo_network(tmp_path / "some.pyth", "x3d_m")

    first = "blocks.0.conv.conv_t.weight"
    refused({"model_state": {key: value for key, value in state.items() if key != first}}, rf"1 missing \({first}\)")
    refused({"model_state": {**state, "blocks.9.extra": torch.zeros(1)}}, r"1 unexpected \(blocks\.9\.extra\)")
    refused({"model_state": {**state, first: torch.zeros(1, 2)}}, "the file is of another network")
    refused({"model_state": {**state, first: torch.full_like(state[first], torch.nan)}}, "not finite")
    refused({"model_state": {}}, "no state dict")
    refused([1, 2], "no state dict")
    (tmp_path / "some.pyth").write_text("<!DOCTYPE html><html>Not Found</html>")
    with pytest.raises(InputError, match="web page"):
        load_zoo_network(tmp_path / "some.pyth", "x3d_m")
    with pytest.raises(InputError, match=r"Weights must be .* does not exist"):
        load_zoo_network(tmp_path / "none.pyth", "x3d_m")
