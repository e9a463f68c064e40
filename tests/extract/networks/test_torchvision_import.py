"""Torchvision beside a torch that it was not built for (in a fresh process), and no torchvision at all."""

import re
import subprocess
import sys
import textwrap

import pytest

from fmn.errors import InputError
from fmn.extract.networks.pytorchvideo_zoo import zoo_network
from fmn.install import hint


def python(code):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_can_be_imported_whether_or_not_its_operators_are_there():
    said = python(
        """
        import sys
        try:
            import torchvision
            print("plain")
        except RuntimeError as error:
            assert "torchvision::nms does not exist" in str(error), error
            print("operators-missing")
            assert "torchvision" not in sys.modules
        from fmn.extract.networks.pytorchvideo_zoo import import_torchvision
        import_torchvision()
        import_torchvision()
        from torchvision.ops import RoIAlign
        import pytorchvideo.models.resnet
        print("works", RoIAlign.__name__)
        """
    )
    assert said[0] in ("plain", "operators-missing") and said[1:] == ["works", "RoIAlign"]


class Nothing:
    """An importer that knows that torchvision is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            raise ModuleNotFoundError("No module named 'torchvision'")


def test_without_torchvision_a_sentence_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])
    with pytest.raises(InputError, match=re.escape(hint("zoo"))):
        zoo_network("i3d_r50")
