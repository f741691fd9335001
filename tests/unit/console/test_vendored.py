"""Files of others are what they are said to be, and stand beside their licence."""

import hashlib

from tonewatch.console.pages import PACKAGE

VENDOR = PACKAGE / "static" / "vendor"
OWN = {"README.md", "SHA256SUMS"}


def test_every_vendored_file_has_its_sum_and_its_licence() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}
    assert set(sums) == {path.name for path in VENDOR.iterdir()} - OWN
    for name, digest in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
    scripts = {name.removesuffix(".min.js") for name in sums if name.endswith(".min.js")}
    assert {f"{name}.LICENSE" for name in scripts} <= set(sums)
    readme = (VENDOR / "README.md").read_text("utf-8")
    assert all(f"`{name}.min.js`" in readme for name in scripts)
