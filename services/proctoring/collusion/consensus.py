"""Which way is up, where nobody has told the right answers: proctoring has no keys.

The nominal response model fits as well with all signs turned, and from slopes of nought it does not move at all. So estimating begins where candidates
agree: of each item the option that most have chosen, then, once there are answers enough, the one whose choosers agree most with all others on the
remaining items. That only gives a direction to start in; what is estimated from there owes it nothing but the sign.

Assumed: on most items the right option draws the able. Where a whole exam's most popular options are wrong, "able" means wrong alike: predictions,
and so all bets, stay the same, and only the indices that count errors (K2, Harpp–Hogan) are misled.
"""

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Truths, one_hot

# Answers to an item before its agreed option is sought by more than popularity.
_ENOUGH_ANSWERS = 50
# The agreed options have settled before.
_ROUNDS = 5


def agreed_options(chosen: Options, offered: Truths, known: Options) -> Options:
    """The option of each item that agreement speaks for, (items,). `known` (items,): those that stand already, UNANSWERED where none does."""
    items, options = offered.shape
    held = one_hot(chosen, options)
    counts = held.sum(axis=0).reshape(items, options)
    key: Options = np.where(known != UNANSWERED, known, counts.argmax(axis=1)).astype(np.int8)
    answered = chosen != UNANSWERED
    is_open = (known == UNANSWERED) & (counts.sum(axis=1) >= _ENOUGH_ANSWERS)
    for _ in range(_ROUNDS):
        agrees = answered & (chosen == key)
        others = answered.sum(axis=1, keepdims=True) - answered
        rest = (agrees.sum(axis=1, keepdims=True) - agrees + 0.5) / (others + 1.0)
        rest -= (rest * answered).sum(axis=0) / np.maximum(1, answered.sum(axis=0))
        covariance = (held.reshape(len(chosen), items, options) * rest[:, :, None]).sum(axis=0)
        better = np.where(is_open, np.where(offered, covariance, -np.inf).argmax(axis=1), key).astype(np.int8)
        if (better == key).all():
            break
        key = better
    return key


def shares(chosen: Options, offered: Truths) -> Floats:
    """log of how often each option was chosen, centred per item, (items, options): intercepts to start from."""
    counts = one_hot(chosen, offered.shape[1]).sum(axis=0).reshape(offered.shape)
    logs = np.where(offered, np.log(counts + 1.0), 0.0)
    centred: Floats = (logs - logs.sum(axis=1, keepdims=True) / offered.sum(axis=1, keepdims=True)) * offered
    return centred
