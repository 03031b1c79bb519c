"""Fitted models as files of skops: loading one runs no code but that of the types named here."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from shared.compute import ComputeError

MODEL_FILE = "model.skops"
# Beside what skops trusts by itself: the private parts of our families, each of which holds numbers only, and the
# function of scipy by which splines turn what they are given into an array.
TRUSTED = (
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)

# What skops, numpy and the archive's reader make of bytes that are not what they were. RuntimeError is also that of
# what is encrypted, packed by a method that is not read, or nested too deep.
_DAMAGE = (
    *(BadZipFile, zlib.error, struct.error, EOFError, OSError, TokenError, SyntaxError, ImportError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError),
)


def dump_model(model: Any, path: Path) -> None:
    """Write the fitted model."""
    skops.io.dump(model, path, compression=ZIP_DEFLATED, compresslevel=1)


def load_model(source: Path | bytes) -> Any:
    """The model of `dump_model`, by the file's path or its content.

    Raises:
        ComputeError: `unsafe_model`: it is damaged, or holds a type that is not trusted.
    """
    try:
        read = skops.io.loads if isinstance(source, bytes) else skops.io.load
        return read(source, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise ComputeError("unsafe_model", "The model's file holds types that are not trusted; train anew.") from error
    except _DAMAGE as error:
        raise ComputeError("unsafe_model", "The model's file is damaged or not of our making; train anew.") from error
