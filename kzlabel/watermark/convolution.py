"""A tail-biting convolutional code with soft decisions, many words at once.

Tail-biting: the register begins with the last bits of the word, so that a short word loses no rate to a tail. Decoded
by the Viterbi algorithm wrapped around the word (Shao, Lin and Fossorier, 2003), which gives a list of the best words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class ConvolutionalCode:
    """generators: one polynomial for each coded bit, written as usual in octal, the newest bit the most significant.

    memory: bits of the register besides the newest, constraint length - 1.
    """

    generators: tuple[int, ...]
    memory: int

    def encode(self, bits: Bits) -> Bits:
        """(n,) of 0 and 1 -> (n * rate,): for each bit one coded bit of each generator, in their order."""
        import numpy as np

        window = np.stack([np.roll(bits, back) for back in range(self.memory + 1)])  # row 0: the newest bit
        taps = np.array([[g >> (self.memory - back) & 1 for back in range(self.memory + 1)] for g in self.generators])
        return (taps @ window % 2).T.reshape(-1).astype(np.uint8)

    def decode(self, soft: Floats, *, best: int = 1, rounds: int = 2) -> list[list[Bits]]:
        """The most likely words of each row.

        soft: (rows, n * rate), float; positive says that the coded bit is 0, its size how sure that is. best: how many
        words, at most, for each row, the likeliest first. rounds: how often the word is gone around.
        """
        import numpy as np

        rows, length = len(soft), soft.shape[1] // len(self.generators)
        symbols = soft.reshape(rows, length, len(self.generators)).astype(np.float32)
        # What each combination of coded bits is worth, at each step.
        branches = symbols @ self._signs.T
        states = 1 << self.memory
        half = states >> 1
        metrics = np.zeros((rows, states), np.float32)
        choices = np.empty((length, rows, states), np.bool_)
        for _ in range(rounds):
            metrics -= metrics.max(axis=1, keepdims=True)
            for step in range(length):
                worth = branches[:, step]
                low = np.repeat(metrics[:, :half], 2, axis=1) + worth[:, self._outputs[0]]
                high = np.repeat(metrics[:, half:], 2, axis=1) + worth[:, self._outputs[1]]
                choices[step] = high > low
                metrics = np.maximum(low, high)
        return [self._words(metrics[row], choices[:, row], best) for row in range(rows)]

    @cached_property
    def _signs(self) -> Floats:
        """(2^rate, rate): +1 where a combination of coded bits has a 0, else -1; first generator, high bit."""
        import numpy as np

        rate = len(self.generators)
        codes = np.arange(1 << rate)[:, None] >> np.arange(rate)[::-1] & 1
        return (1 - 2 * codes).astype(np.float32)

    @cached_property
    def _outputs(self) -> NDArray[np.int64]:
        """(2, states): the combination of coded bits on the way into a state, from its lower and its upper forerunner.

        A state is the register, its newest bit the least significant.
        """
        import numpy as np

        states = np.arange(1 << self.memory)
        found = np.zeros((2, len(states)), np.int64)
        for upper in range(2):
            register = states | upper << self.memory  # the oldest bit, about to leave, is the most significant
            for generator in self.generators:
                # In a generator the newest bit is the most significant: turn it round.
                mask = int(f"{generator:0{self.memory + 1}b}"[::-1], 2)
                parity = np.zeros(len(states), np.int64)
                masked = register & mask
                for place in range(self.memory + 1):
                    parity ^= masked >> place & 1
                found[upper] = found[upper] << 1 | parity
        return found

    def _words(self, metrics: Floats, choices: NDArray[np.bool_], best: int) -> list[Bits]:
        """Trace back from the best final states; words that bite their own tail go first."""
        import numpy as np

        ends = np.argsort(-metrics, kind="stable")[: max(best * 2, 4)]
        closed: list[Bits] = []
        open_: list[Bits] = []
        top = 1 << (self.memory - 1)
        for end in ends.tolist():
            state, bits = end, np.empty(len(choices), np.uint8)
            for step in range(len(choices) - 1, -1, -1):
                bits[step] = state & 1
                state = state >> 1 | (top if choices[step, state] else 0)
            (closed if state == end else open_).append(bits)
        unique: list[Bits] = []
        for word in (*closed, *open_):
            if not any(np.array_equal(word, known) for known in unique):
                unique.append(word)
        return unique[:best]
