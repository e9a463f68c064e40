"""In fresh processes: torchvision beside a torch that it was not built for, and no torchvision at all."""

import subprocess
import sys
import textwrap


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
        from fmn.extract.backbones.torchvision_import import import_torchvision
        import_torchvision()
        import_torchvision()
        from torchvision.ops import RoIAlign
        import pytorchvideo.models.resnet
        print("works", RoIAlign.__name__)
        """
    )
    assert said[0] in ("plain", "operators-missing") and said[1:] == ["works", "RoIAlign"]


def test_without_torchvision_a_sentence_says_what_to_install():
    said = python(
        """
        import sys

        class Nothing:
            def find_spec(self, name, path=None, target=None):
                if name == "torchvision":
                    raise ModuleNotFoundError("No module named 'torchvision'")

        sys.meta_path.insert(0, Nothing())
        from fmn.errors import InputError
        from fmn.extract.backbones.pytorchvideo_zoo import zoo_network
        try:
            zoo_network("i3d_r50")
        except InputError as error:
            print(str(error).replace(" ", "_"))
        """
    )
    assert len(said) == 1 and "pip_install_'fmn[zoo]'" in said[0]
