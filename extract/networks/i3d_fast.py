"""The inference copy of I3D: batch norm folded into the convolutions, channels last, bf16 where that is faster.

Against the reference the features' cosine is at least 0.9995 in bf16 and 1 - 1e-6 in fp32 (held by the tests). The
exception is an untrained network with calibrated batch norms, which amplifies every rounding: 0.95 to 0.99 in bf16, so
that fp32 is the better choice there.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .i3d import ConvUnit, InceptionI3d, MaxPool, Mixed, Size3, check_clip, same_padding

LAYOUT = torch.channels_last_3d

DTYPES: dict[str, torch.dtype | None] = {"auto": None, "bf16": torch.bfloat16, "fp32": torch.float32}
"""Names of number types; None is bf16 where the device computes in it."""


def inference_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the arithmetic itself is bf16 (CUDA, CPU with avx512_bf16 or AMX), float32 elsewhere."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
    return torch.float32


def _paddings(x: Tensor, kernel: Size3, stride: Size3) -> list[tuple[int, int]]:
    return [same_padding(x.shape[2 + axis], kernel[axis], stride[axis]) for axis in range(3)]


class FoldedConv(nn.Module):
    """'SAME' convolution with the batch norm in its weights and bias, then ReLU."""

    weight: Tensor
    bias: Tensor

    def __init__(self, unit: ConvUnit, dtype: torch.dtype) -> None:
        super().__init__()
        self.kernel = unit.kernel
        self.stride = unit.stride
        norm = unit.bn
        assert norm.running_mean is not None and norm.running_var is not None
        # Folded in float64: rounding happens once, when the result is stored.
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = unit.conv3d.weight.double() * scale[:, None, None, None, None]
        bias = norm.bias.double() - norm.running_mean.double() * scale
        self.register_buffer("weight", weight.to(dtype).contiguous(memory_format=LAYOUT))
        self.register_buffer("bias", bias.to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        pads = _paddings(x, self.kernel, self.stride)
        if all(before == after for before, after in pads):  # the convolution pads by itself: no copy
            y = F.conv3d(x, self.weight, self.bias, self.stride, padding=tuple(before for before, _ in pads))
        else:
            x = F.pad(x, [zeros for pair in reversed(pads) for zeros in pair])
            y = F.conv3d(x, self.weight, self.bias, self.stride)
        return y.relu_()


class FastPool(nn.Module):
    """'SAME' max-pool without the padded copy: torch pads with -inf, the same maximum where the input is a ReLU's."""

    def __init__(self, pool: MaxPool) -> None:
        super().__init__()
        self.kernel = pool.kernel
        self.stride = pool.stride

    def forward(self, x: Tensor) -> Tensor:
        before = tuple(first for first, _ in _paddings(x, self.kernel, self.stride))
        # ceil_mode stands for the odd zero at the end
        return F.max_pool3d(x, self.kernel, self.stride, padding=before, ceil_mode=True)


class FastMixed(nn.Module):
    """Inception block of folded convolutions."""

    def __init__(self, block: Mixed, dtype: torch.dtype) -> None:
        super().__init__()
        self.b0 = FoldedConv(block.b0, dtype)
        self.b1 = nn.Sequential(FoldedConv(block.b1a, dtype), FoldedConv(block.b1b, dtype))
        self.b2 = nn.Sequential(FoldedConv(block.b2a, dtype), FoldedConv(block.b2b, dtype))
        self.b3 = nn.Sequential(FastPool(block.b3a), FoldedConv(block.b3b, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1(x), self.b2(x), self.b3(x)], dim=1)


class FastI3d(nn.Module):
    """Features of a trained `InceptionI3d`, faster; a frozen copy, nothing here can be fitted.

    `dtype` None takes `inference_dtype(device)`. The same clip gives the same bits on one machine with one number of
    threads: no autotuning, no TF32, deterministic convolutions.
    """

    def __init__(
        self, network: InceptionI3d, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.device = torch.device(device)
        self.dtype = dtype or inference_dtype(self.device)
        self.in_channels = network.in_channels
        self.trunk = network.trunk
        stages: list[nn.Module] = []
        with torch.no_grad():
            for name in network.trunk:
                module = network.get_submodule(name)
                if isinstance(module, ConvUnit):
                    stages.append(FoldedConv(module, self.dtype))
                elif isinstance(module, Mixed):
                    stages.append(FastMixed(module, self.dtype))
                elif isinstance(module, MaxPool):
                    stages.append(FastPool(module))
                else:
                    raise TypeError(f"I3D's trunk has no counterpart here for {name}, a {type(module).__name__}.")
        self.stages = nn.Sequential(*stages)
        self.to(self.device)
        self.eval()

    @torch.inference_mode()
    def features(self, clip: Tensor) -> Tensor:
        """[B, in_channels, T, H, W] in [-1, 1], any float type, any device -> [B, 1024] float32 on `device`.

        Raises InputError when the clip is not five-dimensional or has another number of channels.
        """
        return self._through(clip, len(self.trunk)).mean(dim=(2, 3, 4), dtype=torch.float32)

    @torch.inference_mode()
    def maps(self, clip: Tensor, entry: str) -> Tensor:
        """What goes into the stage `entry` of the trunk when `clip` is given: [B, C', T', H', W'] of `dtype`."""
        return self._through(clip, self.trunk.index(entry))

    def _through(self, clip: Tensor, stages: int) -> Tensor:
        check_clip(clip, self.in_channels)
        x = clip.to(self.device, self.dtype).contiguous(memory_format=LAYOUT)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            for stage in list(self.stages)[:stages]:
                x = stage(x)
        return x
