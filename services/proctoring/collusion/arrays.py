"""Names for the arrays that all modules share.

Answers are a matrix of candidates × items, holding the index of the option chosen (as the question bank numbers them, whatever order a candidate
saw), or `UNANSWERED`. Only items answered by choosing one option take part; true/false has two. Times are seconds since the exam opened. What has a
name beginning with `log_` is a natural logarithm.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Options = NDArray[np.int8]
Truths = NDArray[np.bool_]

UNANSWERED = -1


def one_hot(chosen: Options, options: int) -> Floats:
    """(candidates, items) to (candidates, items × options): 1 where that option was chosen, a row of noughts where there is no answer."""
    held = chosen[:, :, None] == np.arange(options, dtype=np.int8)
    flat: Floats = held.reshape(len(chosen), chosen.shape[1] * options).astype(np.float64)
    return flat
