"""Signs in a task's text by which its family shows: words in English and Chinese, and the shapes of inputs and answers.

A cue is seen or not seen. `present` is how often it is seen in tasks of its families, `elsewhere` in all others: the fitted numbers of
`benchmarks/task_family.py`, which learns them from the even prompts of BELLE, MT-Bench and Vicuna bench and reports on the odd ones.
A cue whose families those sets do not have takes the mean of the others (`UNSEEN`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from llmpick.evidence.ability import TaskFamily as F

UNSEEN = (0.42, 0.12)
"""`present` and `elsewhere` of a cue that no labelled prompt can tell of."""
TEMPERATURE = 1.0
"""What the log odds of all cues are divided by: cues repeat each other, and the sum alone would be too sure. Fitted with them."""

SHOWN = 24
"""Characters of what a pattern found that are shown."""
LONG_INPUT, PASSAGE, SHORT_ANSWER, QUOTED = 12_000, 250, 12, 3
"""Characters, a Chinese one counting as three: about 3,000 tokens of input, a passage, an answer of a few words, the shortest quotation (a
letter stands in every text). The passage is that which tells families best in the prompts that rates are learnt from."""
SPECIAL: Mapping[F, str] = {F.CONTEST_CODE: "contest", F.SCIENCE: "natural science"}
"""Families that are a special case of another (code, knowledge), by the cue without which the signs of that one do not count for them."""


@dataclass(frozen=True, slots=True)
class Cue:
    """`shown(input, answer)` is what of one row shows it: a word of the input in quotes, or what its shape is; "" where nothing does.
    An answer is "" where none is known.
    """

    name: str
    families: tuple[F, ...]
    shown: Callable[[str, str], str]
    present: float = UNSEEN[0]
    elsewhere: float = UNSEEN[1]


def weight(text: str) -> int:
    """The length of a text in characters of a Latin script."""
    return len(text) + 2 * len(_CHINESE.findall(text))


def _words(pattern: str) -> Callable[[str, str], str]:
    words = re.compile(pattern, re.IGNORECASE)
    return lambda asked, _: f'"{_short(found[0])}"' if (found := words.search(asked)) else ""


def _short(found: str) -> str:
    return found.strip() if len(found.strip()) <= SHOWN else f"{found.strip()[: SHOWN - 1]}…"


def _shape(what: str, has: Callable[[str, str], bool]) -> Callable[[str, str], str]:
    return lambda asked, answer: what if has(asked, answer) else ""


def _quotes(asked: str, answer: str) -> bool:
    return weight(answer.strip()) >= QUOTED and len(asked) > 2 * len(answer) and answer.strip().rstrip(".。").lower() in asked.lower()


def _other_script(asked: str, answer: str) -> bool:
    """An answer in the other script: Chinese for a Latin input without Chinese, or the reverse."""
    chinese = [len(_CHINESE.findall(text)) / max(len(text), 1) for text in (asked, answer)]
    return len(answer) > 3 and abs(chinese[0] - chinese[1]) > 0.5 and _CODE.search(answer) is None


_CHINESE = re.compile(r"[一-鿿]")
_CODE = re.compile(r"```|^\s*(def|import|#include|public|SELECT|function|var|const|<html|class)\b", re.MULTILINE)
_CALL = re.compile(r'"(name|function|tool)"\s*:.*"(arguments|parameters)"')
_NUMBER = re.compile(r"^\W*-?[\d,.]+\W*\D{0,6}$")

_CUES = (
    Cue("solve", (F.MATH,), _words(
        r"\b(calculate|compute|solve|equation|how (many|much)|percent|probability|integral|derivative|sum of|product of|find the value|"
        r"remainder|triangle|average)\b|(?<!云)计算(?!机)|求解|方程|多少|概率|数学|面积|周长|平均|总共|(几|多少)(个|只|元|本|束|张|条|分|倍|天|人)|百分之几|每.{1,6}\d|求.{0,12}(的值|的解|之和|的和|面积|体积)"
    )),
    Cue("formula", (F.MATH,), _words(r"\d\s*[-+*/×÷^=]\s*\d|\b[a-z]\s*=\s*-?\d|\b[xyz]\^?\d?\s*[-+=]\s*[\dxyz]|\bf\(x\)")),
    Cue("program", (F.CODE, F.CONTEST_CODE), _words(
        r"\b(python|java|javascript|c\+\+|sql|html|css|code|function that|program|algorithm|script|regex|implement|compiler|bash)\b|"
        r"代码|编程|程序|函数|算法|脚本|数据库|python|java|html|sql"
    )),
    Cue("contest", (F.CONTEST_CODE,), _words(
        r"\b(codeforces|leetcode|atcoder|competitive programming|stdin|standard input|time limit|test cases?|time complexity)\b|"
        r"力扣|编程竞赛|时间复杂度|标准输入"
    )),
    Cue("summary", (F.SUMMARIZE,), _words(r"\bsummar|\btl;?dr\b|\bkey (points|takeaways)\b|\bmain idea\b|"
        r"总结|摘要|概括|概述|归纳|主要内容|简述")),
    Cue("rewrite", (F.REWRITE,), _words(
        r"\b(rewrite|re-?phrase|paraphrase|proofread|polish|grammar|correct the|edit the|make .{0,30}(formal|concise|clear))\b|"
        r"改写|重写|润色|修改|更正|替换|纠正|改(成|为|进|编|动)|简洁|编辑|重述|标点|校对|反义|改变|重新(组织|排列|表达)|转换(成|为)|语法|重组|换成"
    )),
    Cue("extract", (F.EXTRACT,), _words(
        r"\b(extract|identify|according to the|given the following|named entit|(in|from) this (paragraph|article|review|text)|"
        r"(in|from|using|based on|with the help of) (the|a) (text|passage|following|document|context|article|paragraph|review|report))|"
        r"提取|抽取|找出|识别|文中|阅读|选项|(以下|下面|下列).{0,4}(文字|文本|短文|段落|对话)|"
        r"(根据|基于|从).{0,12}(文章|文本|段落|信息|内容|材料|句子|表格|给定)"
    )),
    Cue("class", (F.CLASSIFY,), _words(
        r"\bclassif|\bcategor|\bsentiment\b|\b(positive|negative|neutral|spam)\b|\blabels?\b|"
        r"分类|类别|情感|归类|哪(一)?(个)?类|(属于|判断).{0,30}(还是|是否|类|情|主题)|(正面|负面|积极|消极|中性)"
    )),
    Cue("translate", (F.TRANSLATE,), _words(r"\btranslat|\b(in)?to (english|chinese|french|german|spanish|japanese)\b|翻译|译(成|为|文)")),
    Cue("compose", (F.WRITING,), _words(
        r"\b(write|compose|draft)\b.{0,60}\b(story|poem|essay|blog|post|e-?mail|letter|article|speech|review|script|paragraph|haiku|novel)|"
        r"\b(story|poem)\b|写(一|出一|一个|封|首|篇|段)|撰写|创作|作文|故事|(首|句)诗|散文|文案|邮件|演讲|广告语|(生成|编写).{0,14}(文章|故事|段落|句子|报道|宣传语)|描(绘|写)|\d+字"
    )),
    Cue("advise", (F.CHAT,), _words(
        r"\b(suggest|ideas?|advice|tips|recommend|brainstorm|how (can|do|should|would) (i|you|we)|pretend|imagine|you are (now )?an?|"
        r"act as|what if)\b|建议|推荐|列(举|出)|头脑风暴|想(出|法|象)|点子|方案|策略|提(出|供).{0,12}(个|条|种)|提出|"
        r"请提供|思考|设计一|构想|给(出|我).{0,8}(个|条|种|些|两|三|五)|你(自己|会|认为|最)|最喜欢|菜单"
    )),
    Cue("service", (F.CHAT,), _words(
        r"\byou are .{0,60}\b(agent|representative|support|clerk|advisor|concierge)\b|\bcustomer (service|support|care)\b|"
        r"(你|您)是.{0,16}(客服|店员)|(顾客|客户|用户).{0,3}咨询"
    )),
    Cue("question", (F.KNOWLEDGE, F.SCIENCE), _words(
        r"(^|\n)\W*(what|who|when|where|which|why|explain|describe|discuss|how (does|do|did|is|are|was|were))\b|"
        r"什么是|是什么|是谁|哪(里|年|位|国)|何时|为什么|解释|介绍|定义|有何|(回答|以下|下列|下面).{0,2}问题|描述一下|概念|常识|事实|谁|哪些|区别|优缺点|比较|原因|如何"
    )),
    Cue("natural science", (F.SCIENCE,), _words(
        r"\b(physics|chemi|biolog|molecul|quantum|thermodynam|enzyme|photosynth|dna|genes?|superposition|relativity|kinetic|reaction|cells?\b)|"
        r"物理|化学|生物|分子|量子|细胞|热力学|基因|反应式"
    )),
    Cue("deduce", (F.REASONING,), _words(
        r"\b(logic|deduc|puzzle|riddle|infer|who is the|how many .{0,40} (does|do|are there)|estimat|step by step|true or false|assume|"
        r"explain your (answer|reasoning))\b|"
        r"推理|逻辑|谜|如果.{1,40}(那么|谁|几)|推断|真假"
    )),
    Cue("constraints", (F.INSTRUCTIONS,), _words(
        r"\b(at least|at most|exactly|no more than|fewer than) \w+ (words?|sentences?|paragraphs?|times|bullets?)\b|\bdo not use\b|"
        r"\ball (lower|upper) ?case\b|\bmust (contain|include|start|end)\b|"
        r"至少.{0,4}(字|句|段|次)|不(少于|超过|多于).{0,6}(字|句|段)|必须(包含|以)"
    )),
    Cue("tools", (F.TOOLS,), _words(
        r"\b(available (functions|tools)|function[_ ]call|tool[_ ]call|call (the|a|one) (function|tool|api)|api calls?)\b|\"parameters\"|"
        r"函数调用|调用.{0,8}(工具|函数|接口)|可用.{0,4}(工具|函数)|toolformer"
    )),
    Cue("answer is code", (F.CODE, F.CONTEST_CODE), _shape("answers are code", lambda _, answer: _CODE.search(answer) is not None)),
    Cue("answer is a call", (F.TOOLS,), _shape("answers are calls", lambda _, answer: _CALL.search(answer) is not None)),
    Cue("answer is a number", (F.MATH,), _shape("answers are numbers", lambda _, answer: _NUMBER.match(answer) is not None)),
    Cue("answer in another script", (F.TRANSLATE,), _shape("answers are in another script", _other_script)),
    Cue("answer quotes", (F.EXTRACT, F.LONG_CONTEXT, F.CLASSIFY), _shape("answers stand in the inputs", _quotes)),
    Cue("short answer", (F.CLASSIFY, F.EXTRACT, F.MATH), _shape(
        "answers are short", lambda _, answer: 0 < weight(answer.strip()) <= SHORT_ANSWER
    )),
    Cue("passage", (F.SUMMARIZE, F.EXTRACT, F.REWRITE, F.CLASSIFY, F.TRANSLATE), _shape(
        "inputs are passages", lambda asked, _: weight(asked) > PASSAGE
    )),
    Cue("long input", (F.LONG_CONTEXT,), _shape(
        "inputs are long", lambda asked, _: weight(asked) > LONG_INPUT
    ), present=0.9, elsewhere=0.01),
)  # fmt: skip

_RATES: Mapping[str, tuple[float, float]] = {
    "solve": (0.9, 0.053),
    "formula": (0.109, 0.011),
    "program": (0.899, 0.033),
    "contest": (0.42, 0.001),
    "summary": (0.812, 0.012),
    "rewrite": (0.846, 0.022),
    "extract": (0.705, 0.106),
    "class": (0.913, 0.031),
    "translate": (0.42, 0.004),
    "compose": (0.74, 0.054),
    "advise": (0.756, 0.097),
    "service": (0.42, 0.12),
    "question": (0.738, 0.223),
    "natural science": (0.52, 0.019),
    "deduce": (0.549, 0.019),
    "constraints": (0.42, 0.01),
    "tools": (0.42, 0.001),
    "answer is code": (0.596, 0.001),
    "answer is a call": (0.42, 0.001),
    "answer is a number": (0.42, 0.12),
    "answer in another script": (0.42, 0.008),
    "answer quotes": (0.124, 0.001),
    "short answer": (0.069, 0.003),
    "passage": (0.47, 0.051),
}
"""`present` and `elsewhere`, as `benchmarks/task_family.py` prints them. None for a long input: that is what the family means."""

CUES = tuple(replace(cue, present=_RATES[cue.name][0], elsewhere=_RATES[cue.name][1]) if cue.name in _RATES else cue for cue in _CUES)
