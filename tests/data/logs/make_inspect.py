"""Makes `inspect/`: run with inspect-ai 0.3.285 installed, `python make_inspect.py FOLDER eval` (or `json`).

Two models that are no models answer four sums, in two epochs each. `good.eval` and `good.json` are as Inspect wrote them; the members of
`bad.eval` were packed again with Deflate, as Inspect packed them before it took to Zstandard.
"""

import random
import sys

import inspect_ai
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import match
from inspect_ai.solver import solver


@task
def sums():
    samples = [
        Sample(id=f"q{i}", input=f"What is {i} plus {i}?", target=str(2 * i), metadata={"category": "odd" if i % 2 else "even"})
        for i in range(4)
    ]
    return Task(dataset=MemoryDataset(samples, name="sums"), scorer=match(numeric=True), epochs=2)


@solver
def answers(share_right: float, seed: int):
    draw = random.Random(seed)

    async def solve(state, generate):
        number = int(state.input_text.split()[2])
        state.output = ModelOutput.from_content("mockllm/model", str(2 * number) if draw.random() < share_right else "99")
        return state

    return solve


for name, share_right, seed in (("good", 0.8, 1), ("bad", 0.4, 2)):
    inspect_ai.eval(
        sums(), solver=answers(share_right, seed), model=f"mockllm/{name}", log_dir=sys.argv[1], log_format=sys.argv[2], max_samples=1
    )
