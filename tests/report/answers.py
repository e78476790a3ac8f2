"""Five answers, one for each verdict, as `pick` could give them: what the tests and the golden files of the reports are made from."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from math import sqrt
from pathlib import Path

from llmpick.decide.answer import (
    Answer,
    CandidateAnswer,
    ChosenRun,
    Disagreement,
    Fetch,
    LearningPoint,
    SliceScore,
    Spending,
    Status,
    ThinkingBought,
    Trace,
    Verdict,
)
from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.model import Baseline, Candidate, Endpoint, Weights
from llmpick.evidence.task import TaskKind
from llmpick.evidence.values import Estimate, Interval, Measurement, Source, Unknown

MIB = 2**20
GEMMA = "models/gemma-3-270m-q4_k_m.gguf"
SMOL = "models/SmolLM2-135M-Instruct.Q4_1.gguf"
SERVED = "http://127.0.0.1:8000/v1#qwen2.5-0.5b-instruct"
NOT_HERE = Unknown("not measured: not on this machine")
NO_NEED = Unknown("a baseline needs no model in memory")
LLAMA_CPP = EngineInfo("llama.cpp", "xllamacpp 2026.10.1", "cpu", {"n_ctx": 2048, "swa_full": True, "flash_attn": False, "n_parallel": 1})


def wilson(share: float, n: int) -> Interval:
    z = 1.96
    centre, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n)), 0.95)


def around(value: float, half: float) -> Interval:
    return Interval(value, value - half, value + half, 0.95)


def measured(value: float, unit: str, n: int = 1) -> Measurement:
    return Measurement(Interval(value, value * 0.97, value * 1.02, 0.95), unit, n, Source("measured on this machine"))


def estimated(value: float, unit: str) -> Estimate:
    return Estimate(Interval(value, value * 0.95, value * 1.1, 0.95), unit, Source("file bytes plus KV cache"))


def gguf(path: str, mib: int, quantization: str, template: str | None = "{{ messages }}") -> Candidate:
    return Candidate(path, Weights(Path(path), "gguf", mib * MIB, quantization, None, 2048, template))


def scored(
    candidate: Candidate,
    status: Status,
    share: float,
    n: int,
    *,
    rows: int,
    reasons: tuple[str, ...] = (),
    gap: Interval | None = None,
    **more: object,
) -> CandidateAnswer:
    """A candidate that was measured on `n` of `rows` rows, at 0.31 s and 190 tokens a call."""
    on_rows = wilson(share, n) if n < rows else Interval(share, share, share, 0.95)
    local = isinstance(candidate.run, Weights)
    is_baseline = isinstance(candidate.run, Baseline)
    base = CandidateAnswer(
        candidate=candidate,
        status=status,
        reasons=reasons,
        score=wilson(share, n),
        score_on_rows=on_rows,
        score_n=n,
        memory_bytes=NO_NEED if is_baseline else estimated(352 * MIB, "bytes") if local else Unknown("a remote server does not tell"),
        resident_bytes=NO_NEED if is_baseline else measured(512 * MIB, "bytes") if local else Unknown("a remote server does not tell"),
        decode_tokens_per_s=Unknown("a baseline writes no tokens") if is_baseline else measured(46.2, "tokens/s", n),
        ttft_s=Unknown("not measured separately"),
        spent=Spending(0, 0, 0.4) if is_baseline else Spending(n, n * 190, n * 0.31 + 0.9),
        engine=None if is_baseline else LLAMA_CPP,
        quantization=candidate.run.quantization if isinstance(candidate.run, Weights) else None,
        file_sha256="3b1c…e9".ljust(64, "0") if local else None,
        load_seconds=0.9 if local else None,
        seconds_per_call=0.31 if not is_baseline else 0.0004,
        difference=gap,
        outcomes={Outcome.ANSWERED: n},
    )
    return replace(base, **more)


def languages(en: float, zh: float, n_en: int, n_zh: int) -> tuple[SliceScore, ...]:
    return (SliceScore("language", "en", wilson(en, n_en), n_en), SliceScore("language", "zh", wilson(zh, n_zh), n_zh))


def catalog(id_: str, status: Status, reason: str, gib: float | None = None) -> CandidateAnswer:
    """A model that is known from the catalog only; with `gib` it is worth fetching."""
    name = id_.partition("/")[2]
    commands = (
        f"hf download {id_}-GGUF {name}-Q4_K_M.gguf",
        f"modelscope download --model {id_}-GGUF {name}-Q4_K_M.gguf",
        f"ollama pull {name.lower()}",
    )
    return CandidateAnswer(
        candidate=Candidate(id_, None),
        status=status,
        reasons=(reason,),
        score=NOT_HERE,
        score_on_rows=NOT_HERE,
        score_n=0,
        memory_bytes=estimated(gib * 1.2 * 2**30, "bytes") if gib else Unknown("its architecture is not in the catalog"),
        decode_tokens_per_s=NOT_HERE,
        ttft_s=NOT_HERE,
        spent=Spending(),
        fetch=Fetch("Q4_K_M", int(gib * 2**30), commands, "yes") if gib else None,
    )


def catalog_rows() -> tuple[CandidateAnswer, ...]:
    """Five models worth fetching and 46 that are excluded, as a starter catalog gives them."""
    fetchable = [("Qwen/Qwen2.5-1.5B-Instruct", 1.04), ("HuggingFaceTB/SmolLM2-1.7B-Instruct", 0.98), ("Qwen/Qwen3-0.6B", 0.45)]
    fetchable += [("google/gemma-3-1b-it", 0.75), ("microsoft/Phi-4-mini-instruct", 2.32)]
    too_large = [
        f"needs {gib:.1f} GiB of memory, this machine has 7.8 GiB free" for gib in (8.4, 9.1, 14.2, 39.6, 41.0, 75.3, 130.2, 404.8)
    ]
    closed = ["its licence does not allow commercial use"] * 9
    english = ["it does not serve zh: its makers name en only"] * 18
    short = [f"its context of {n} tokens is shorter than the 4096 that the task asks for" for n in (1024, 2048, 2048, 2048)]
    young = [f"released {day}, after 2025-06-01" for day in ("2025-07-11", "2025-08-05", "2025-12-01")]
    other = [
        "its weights were withdrawn",
        "no GGUF file is published",
        "its architecture is not supported by llama.cpp",
        "gated: needs a token",
        "x",
    ]
    excluded = [*too_large, *closed, *english, *short, *young, *other]
    return (
        *(catalog(id_, Status.UNMEASURED, "fits, and may be better", gib) for id_, gib in fetchable),
        *(catalog(f"org/model-{i}", Status.EXCLUDED, reason) for i, reason in enumerate(excluded)),
    )


def thinking_bought(candidate: str, without: str) -> ThinkingBought:
    """On 48 rows thinking added 12.5 points at 40 times the tokens; its budget was too small in three of them."""
    return ThinkingBought(candidate, without, 48, Interval(0.125, -0.021, 0.264, 0.95), 412.5, 10.25, 9.5, 0.31, 3)


def traces(curves: Mapping[str, tuple[float, int]]) -> tuple[Trace, ...]:
    """Running scores in batches of 16 rows, drawn towards the last one."""
    return tuple(
        Trace(id_, rows, wilson(min(1.0, max(0.0, share + 0.12 * ((rows * 7919) % 13 - 6) / 6 * sqrt(16 / rows))), rows))
        for id_, (share, last) in curves.items()
        for rows in range(16, last + 1, 16)
    )


def disagreements() -> tuple[Disagreement, ...]:
    right = '{"order": "A-10427", "item": "desk lamp"}'
    zh = '{"order": "B-2231", "item": "蓝牙耳机"}'
    return (
        Disagreement(
            "17",
            "examples.jsonl line 17",
            "Hi, my order A-10427 arrived yesterday but the desk lamp flickers whenever I touch the switch.\nCan you send a new one?",
            right,
            {GEMMA: (right, 1.0), SMOL: ('{"order": "A-10427", "item": "switch"}', 0.0), "baseline:rules": (right, 1.0)},
        ),
        Disagreement(
            "205",
            "examples.jsonl line 205",
            "你好，我上周买的蓝牙耳机（订单号 B-2231）左边没有声音，麻烦帮我换一个新的，谢谢！",
            zh,
            {GEMMA: (zh, 1.0), SMOL: ('{"order": "2231", "item": "B"}', 0.0)},
        ),
    )


def chosen() -> Answer:
    """A clear choice of a GGUF over another one, a served model and a baseline of rules."""
    rows = 320
    gemma = scored(
        gguf(GEMMA, 241, "Q4_K_M", None),
        Status.CHOSEN,
        0.803,
        rows,
        rows=rows,
        reasons=("best, and no other candidate is within the tolerance",),
        slices=languages(0.919, 0.688, 160, 160),
        outcomes={Outcome.ANSWERED: 316, Outcome.CUT_OFF: 4},
    )
    smol = scored(
        gguf(SMOL, 94, "Q4_1"),
        Status.ELIMINATED,
        0.174,
        64,
        rows=rows,
        reasons=("worse than gemma-3-270m-q4_k_m by 62.5 points [-74.4, -50.6] after 64 rows",),
        gap=around(-0.625, 0.119),
        slices=languages(0.25, 0.094, 32, 32),
        outcomes={Outcome.ANSWERED: 57, Outcome.CUT_OFF: 5, Outcome.EMPTY: 2},
        memory_bytes=estimated(231 * MIB, "bytes"),
        decode_tokens_per_s=measured(88.4, "tokens/s", 64),
        seconds_per_call=0.17,
    )
    qwen = scored(
        Candidate(SERVED, Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-0.5b-instruct")),
        Status.ELIMINATED,
        0.616,
        160,
        rows=rows,
        reasons=("worse than gemma-3-270m-q4_k_m by 18.1 points [-27.2, -9.0] after 160 rows",),
        gap=around(-0.181, 0.091),
        slices=languages(0.7, 0.532, 80, 80),
        engine=EngineInfo("openai-compatible", "unknown", "remote"),
        seconds_per_call=0.44,
    )
    rules = scored(
        Candidate("baseline:rules", Baseline("rules")),
        Status.ELIMINATED,
        0.409,
        rows,
        rows=rows,
        reasons=("worse than gemma-3-270m-q4_k_m by 39.4 points [-45.2, -33.6]",),
        gap=around(-0.394, 0.058),
        slices=languages(0.5, 0.319, 160, 160),
    )
    return Answer(
        task="order-facts",
        kind=TaskKind.EXTRACT,
        verdict=Verdict.CHOSEN,
        basis="measured",
        reasons=("It is better than every other measured candidate by more than the tolerance.",),
        chosen=GEMMA,
        chosen_run=ChosenRun("llama.cpp", "Q4_K_M", f"llama-server -m {GEMMA} -c 2048 --swa-full --host 127.0.0.1 --port 8080"),
        candidates=(gemma, smol, qwen, rules, *catalog_rows()),
        spent=Spending(544, 103_360, 172.4),
        saved=Spending(416, 79_040, 131.0),
        rows=rows,
        confidence=0.95,
        tolerance=0.02,
        cost_by="seconds",
        metric="json-fields",
        seed=7,
        run="20251124-0712-9f3a",
        device="AMD EPYC 7B13, 2 cores, 7.8 GiB free",
        context_tokens=2048,
        traces=traces({GEMMA: (0.803, 320), SMOL: (0.174, 64), SERVED: (0.616, 160)}),
        disagreements=disagreements(),
        notes=("The licence of gemma-3-270m is the Gemma Terms of Use; read it before you ship.",),
    )


INTENTS = ("cancel_order", "change_address", "damaged_item", "invoice", "late_delivery", "password", "refund", "return_item")


def confusion(share: float) -> dict[tuple[str, str], int]:
    """45 rows for each of the eight intents; what is missed goes to the next intent, a little to the one after, one to no label."""
    pairs: dict[tuple[str, str], int] = {}
    for i, intent in enumerate(INTENTS):
        right = round(45 * min(1.0, share + 0.02 * (i - 3)))
        missed = 45 - right
        pairs[intent, intent] = right
        pairs[intent, INTENTS[(i + 1) % 8]] = missed - missed // 3
        pairs[intent, INTENTS[(i + 2) % 8] if i else ""] = missed // 3
    return {pair: rows for pair, rows in pairs.items() if rows}


def baseline() -> Answer:
    """The learned baseline wins a choice among eight labels in two languages."""
    rows = 360
    tfidf = scored(
        Candidate("baseline:tfidf", Baseline("tfidf")),
        Status.CHOSEN,
        0.844,
        rows,
        rows=rows,
        reasons=("no language model beats it by the tolerance",),
        macro_f1=0.842,
        slices=languages(0.867, 0.822, 180, 180),
        confusion=confusion(0.844),
    )
    majority = scored(
        Candidate("baseline:majority", Baseline("majority")),
        Status.ELIMINATED,
        0.125,
        rows,
        rows=rows,
        reasons=("worse than the learned baseline by 71.9 points [-76.7, -67.1]",),
        gap=around(-0.719, 0.048),
        macro_f1=0.028,
        slices=languages(0.125, 0.125, 180, 180),
    )
    gemma = scored(
        gguf(GEMMA, 241, "Q4_K_M", None),
        Status.ELIMINATED,
        0.375,
        96,
        rows=rows,
        reasons=("worse than the learned baseline by 45.8 points [-57.9, -33.7] after 96 rows",),
        gap=around(-0.458, 0.121),
        macro_f1=0.331,
        slices=languages(0.458, 0.292, 48, 48),
        confusion=confusion(0.375),
    )
    smol = scored(
        gguf(SMOL, 94, "Q4_1"),
        Status.ELIMINATED,
        0.167,
        48,
        rows=rows,
        reasons=("worse than the learned baseline by 66.7 points [-81.0, -52.4] after 48 rows",),
        gap=around(-0.667, 0.143),
        macro_f1=0.092,
        slices=languages(0.208, 0.125, 24, 24),
        memory_bytes=estimated(231 * MIB, "bytes"),
    )
    shares = ((16, 0.261), (32, 0.392), (64, 0.553), (128, 0.694), (256, 0.811), (324, 0.844))
    return Answer(
        task="support-intents",
        kind=TaskKind.CHOICE,
        verdict=Verdict.BASELINE,
        basis="measured",
        reasons=(),
        chosen="baseline:tfidf",
        chosen_run=None,
        candidates=(smol, gemma, majority, tfidf),
        spent=Spending(144, 27_360, 46.4),
        saved=Spending(576, 109_440, 178.6),
        rows=rows,
        confidence=0.95,
        tolerance=0.02,
        cost_by="seconds",
        metric="accuracy",
        seed=7,
        run="20251124-0714-11b0",
        device="AMD EPYC 7B13, 2 cores, 7.8 GiB free",
        context_tokens=2048,
        learning_curve=tuple(LearningPoint(n, wilson(share, 360)) for n, share in shares),
        traces=traces({GEMMA: (0.375, 96), SMOL: (0.167, 48)}),
        disagreements=(
            Disagreement(
                "88",
                "examples.jsonl line 88",
                "我的包裹已经晚了三天还没到，到底什么时候能送到？",
                "late_delivery",
                {"baseline:tfidf": ("late_delivery", 1.0), GEMMA: ("refund", 0.0), SMOL: ("cancel_order", 0.0)},
            ),
        ),
    )


def tie() -> Answer:
    """Two served models are as good as each other, the cheaper is named; prices are known, and money decides."""
    rows = 400
    dear = Candidate("https://api.example.org/v1#large", Endpoint("https://api.example.org/v1", "large", input_price=2.0, output_price=8.0))
    cheap = Candidate("https://api.example.org/v1#mini", Endpoint("https://api.example.org/v1", "mini", input_price=0.1, output_price=0.4))
    remote = EngineInfo("openai-compatible", "unknown", "remote")
    mini = scored(
        cheap,
        Status.CHOSEN,
        0.905,
        rows,
        rows=rows,
        reasons=("the cheapest of the tied",),
        engine=remote,
        spent=Spending(400, 82_000, 210.0, 0.0131),
    )
    large = scored(
        dear,
        Status.TIED,
        0.91,
        rows,
        rows=rows,
        reasons=("within the tolerance of mini, and 20 times as dear",),
        gap=around(0.005, 0.012),
        engine=remote,
        spent=Spending(400, 82_000, 402.0, 0.262),
        seconds_per_call=0.98,
    )
    return Answer(
        task="合同条款分类",
        kind=TaskKind.SHORT_ANSWER,
        verdict=Verdict.TIE,
        basis="measured",
        reasons=(),
        chosen=cheap.id,
        chosen_run=ChosenRun("openai-compatible", None, "export OPENAI_BASE_URL=https://api.example.org/v1 LLM=mini"),
        candidates=(large, mini),
        spent=Spending(800, 164_000, 612.0, 0.2751),
        saved=Spending(0, 0, 0.0, 0.0),
        rows=rows,
        confidence=0.95,
        tolerance=0.02,
        cost_by="money",
        metric="exact-match",
        seed=0,
        run="20251124-0801-77aa",
        device="AMD EPYC 7B13, 2 cores, 7.8 GiB free",
        context_tokens=2048,
        as_of=date(2025, 6, 1),
        traces=traces({cheap.id: (0.905, 400), dear.id: (0.91, 400)}),
    )


def undecided() -> Answer:
    """Rows that the machinery failed keep the decision open; one model never started."""
    rows = 60
    gemma = scored(
        gguf(GEMMA, 241, "Q4_K_M", None),
        Status.OPEN,
        0.708,
        48,
        rows=rows,
        reasons=("leads, but 12 rows are missing",),
        outcomes={Outcome.ANSWERED: 45, Outcome.UNPARSED: 3, Outcome.FAILED: 12},
        engine=replace(LLAMA_CPP, note="A GPU stands idle: the installed wheel computes on the CPU. To use it: pip install xllamacpp-cuda"),
    )
    smol = scored(
        gguf(SMOL, 94, "Q4_1"),
        Status.OPEN,
        0.65,
        rows,
        rows=rows,
        reasons=("scored 1 on the missing rows gemma-3-270m-q4_k_m would win, scored 0 it would lose",),
    )
    crashed = replace(
        smol,
        candidate=gguf("models/broken.gguf", 94, "Q8_0"),
        status=Status.FAILED,
        reasons=("the engine crashed while it loaded the file: tensor data is truncated at byte 98,304",),
        score=Unknown("not measured: its engine crashed"),
        score_on_rows=Unknown("not measured: its engine crashed"),
        score_n=0,
        spent=Spending(0, 0, 1.2),
        seconds_per_call=None,
        load_seconds=None,
        outcomes={},
        difference=None,
    )
    return Answer(
        task="unit-prices",
        kind=TaskKind.NUMBER,
        verdict=Verdict.UNDECIDED,
        basis="measured",
        reasons=("12 rows of gemma-3-270m-q4_k_m are missing, and the decision turns on how they are scored.",),
        chosen=None,
        chosen_run=None,
        candidates=(gemma, smol, crashed),
        spent=Spending(120, 22_800, 41.0),
        saved=Spending(60, 11_400, 20.0),
        rows=rows,
        confidence=0.95,
        tolerance=0.02,
        cost_by="seconds",
        metric="number",
        seed=7,
        run="20251124-0803-0c0c",
        device="AMD EPYC 7B13, 2 cores, 7.8 GiB free",
        context_tokens=2048,
        traces=traces({GEMMA: (0.708, 48), SMOL: (0.65, 48)}),
    )


def none_fits() -> Answer:
    """Every candidate breaks a limit: the user's own file, and the whole catalog."""
    own = replace(
        catalog("models/llama-70b-q4_k_m.gguf", Status.EXCLUDED, "needs 42.9 GiB of memory, the limit is 1.0 GiB"),
        candidate=gguf("models/llama-70b-q4_k_m.gguf", 40_000, "Q4_K_M"),
        memory_bytes=estimated(42.9 * 2**30, "bytes"),
        score=Unknown("not measured: it does not fit"),
        score_on_rows=Unknown("not measured: it does not fit"),
    )
    catalog_models = tuple(
        catalog(f"org/model-{i}", Status.EXCLUDED, f"needs {1.1 + i * 1.7:.1f} GiB of memory, the limit is 1.0 GiB") for i in range(30)
    )
    return Answer(
        task="tiny-device",
        kind=TaskKind.GENERATE,
        verdict=Verdict.NONE_FITS,
        basis="measured",
        reasons=("Raise limits.memory, or allow a smaller quantisation.",),
        chosen=None,
        chosen_run=None,
        candidates=(own, *catalog_models),
        spent=Spending(),
        saved=Spending(),
        rows=100,
        confidence=0.95,
        tolerance=0.02,
        cost_by="memory",
        metric="rouge_l",
        seed=0,
        run="20251124-0805-5e5e",
        device="AMD EPYC 7B13, 2 cores, 7.8 GiB free",
        context_tokens=2048,
    )


ALL = {"chosen": chosen, "baseline": baseline, "tie": tie, "undecided": undecided, "none_fits": none_fits}
