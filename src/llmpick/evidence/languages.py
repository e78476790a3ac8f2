"""Codes of languages as people write them: `zh`, `ZH` and `zh-CN` are one, `Chinese` is told its code. Pure."""

from collections.abc import Mapping
from difflib import get_close_matches

_ISO_639 = """
aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka Akan; am amh Amharic; an arg Aragonese; ar ara Arabic; as asm
Assamese; av ava Avaric; ay aym Aymara; az aze Azerbaijani; ba bak Bashkir; be bel Belarusian; bg bul Bulgarian; bi bis Bislama; bm bam
Bambara; bn ben Bengali; bo bod Tibetan; br bre Breton; bs bos Bosnian; ca cat Catalan; ce che Chechen; ch cha Chamorro; co cos
Corsican; cr cre Cree; cs ces Czech; cu chu Church Slavic; cv chv Chuvash; cy cym Welsh; da dan Danish; de deu German; dv div Divehi; dz
dzo Dzongkha; ee ewe Ewe; el ell Greek; en eng English; eo epo Esperanto; es spa Spanish; et est Estonian; eu eus Basque; fa fas
Persian; ff ful Fulah; fi fin Finnish; fj fij Fijian; fo fao Faroese; fr fra French; fy fry Western Frisian; ga gle Irish; gd gla
Scottish Gaelic; gl glg Galician; gn grn Guarani; gu guj Gujarati; gv glv Manx; ha hau Hausa; he heb Hebrew; hi hin Hindi; ho hmo Hiri
Motu; hr hrv Croatian; ht hat Haitian; hu hun Hungarian; hy hye Armenian; hz her Herero; ia ina Interlingua; id ind Indonesian; ie ile
Interlingue; ig ibo Igbo; ii iii Sichuan Yi; ik ipk Inupiaq; io ido Ido; is isl Icelandic; it ita Italian; iu iku Inuktitut; ja jpn
Japanese; jv jav Javanese; ka kat Georgian; kg kon Kongo; ki kik Kikuyu; kj kua Kuanyama; kk kaz Kazakh; kl kal Kalaallisut; km khm
Khmer; kn kan Kannada; ko kor Korean; kr kau Kanuri; ks kas Kashmiri; ku kur Kurdish; kv kom Komi; kw cor Cornish; ky kir Kirghiz; la
lat Latin; lb ltz Luxembourgish; lg lug Ganda; li lim Limburgan; ln lin Lingala; lo lao Lao; lt lit Lithuanian; lu lub Luba-Katanga; lv
lav Latvian; mg mlg Malagasy; mh mah Marshallese; mi mri Maori; mk mkd Macedonian; ml mal Malayalam; mn mon Mongolian; mr mar Marathi;
ms msa Malay; mt mlt Maltese; my mya Burmese; na nau Nauru; nb nob Norwegian Bokmål; nd nde North Ndebele; ne nep Nepali; ng ndo Ndonga;
nl nld Dutch; nn nno Norwegian Nynorsk; no nor Norwegian; nr nbl South Ndebele; nv nav Navajo; ny nya Chichewa; oc oci Occitan; oj oji
Ojibwa; om orm Oromo; or ori Oriya; os oss Ossetian; pa pan Panjabi; pi pli Pali; pl pol Polish; ps pus Pushto; pt por Portuguese; qu
que Quechua; rm roh Romansh; rn run Rundi; ro ron Romanian; ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sc srd Sardinian; sd
snd Sindhi; se sme Northern Sami; sg sag Sango; si sin Sinhala; sk slk Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona; so som
Somali; sq sqi Albanian; sr srp Serbian; ss ssw Swati; st sot Southern Sotho; su sun Sundanese; sv swe Swedish; sw swa Swahili; ta tam
Tamil; te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya; tk tuk Turkmen; tl tgl Tagalog; tn tsn Tswana; to ton Tonga; tr tur
Turkish; ts tso Tsonga; tt tat Tatar; tw twi Twi; ty tah Tahitian; ug uig Uighur; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; ve ven
Venda; vi vie Vietnamese; vo vol Volapük; wa wln Walloon; wo wol Wolof; xh xho Xhosa; yi yid Yiddish; yo yor Yoruba; za zha Zhuang; zh
zho Chinese; zu zul Zulu
"""
"""ISO 639-1 code, ISO 639-2 code, name: the registry of the Library of Congress, as Debian's iso-codes has it."""
_THREE_LETTERS: Mapping[str, str] = {
    "ceb": "Cebuano", "fil": "Filipino", "fon": "Fon", "haw": "Hawaiian", "hmn": "Hmong", "nan": "Min Nan", "nso": "Northern Sotho",
    "tum": "Tumbuka", "wuu": "Wu", "yue": "Cantonese",
}  # fmt: skip
"""Languages without a code of two letters that makers of models name, or benchmarks ask in."""
_MEANT: Mapping[str, str] = {
    "cn": "zh", "jp": "ja", "cz": "cs", "dk": "da", "gr": "el", "ua": "uk", "iw": "he", "in": "id",
    "mandarin": "zh", "中文": "zh", "汉语": "zh", "漢語": "zh", "普通话": "zh", "英文": "en", "英语": "en", "日本語": "ja", "한국어": "ko",
    "deutsch": "de", "français": "fr", "español": "es", "castilian": "es", "italiano": "it", "português": "pt", "русский": "ru",
    "farsi": "fa", "filipino": "tl", "pedi": "nso",
    "chi": "zh", "ger": "de", "fre": "fr", "dut": "nl", "cze": "cs", "gre": "el", "per": "fa", "rum": "ro", "may": "ms", "tib": "bo",
}  # fmt: skip
"""What is written for a language and is no code of ISO 639-1: countries, older codes, other names, codes of ISO 639-2/B."""
_ROWS = [row.strip().split(maxsplit=2) for row in _ISO_639.replace("\n", " ").split(";")]
NAMES: Mapping[str, str] = {**{code: name for code, _, name in _ROWS}, **_THREE_LETTERS}
"""The English name of each code."""
_CODES: Mapping[str, str] = {
    **{name.lower(): code for code, name in NAMES.items()},
    **{longer: code for code, longer, _ in _ROWS},
    **_MEANT,
}


def language_code(text: str) -> str:
    """`ZH`, `zh-CN`, `zh_Hans` → `zh`: region and script are dropped. Raises `ValueError` for what is no code, with the nearest code."""
    word = text.strip().lower()
    code = word.replace("_", "-").partition("-")[0]
    if code in NAMES:
        return code
    raise ValueError(f"{text!r} is no code of a language; {_remedy(word, code)}")


def _remedy(word: str, code: str) -> str:
    near = [_CODES[one] for one in (word, code) if one in _CODES] or [
        _CODES[one] for one in get_close_matches(word, _CODES, n=2, cutoff=0.8)
    ]
    told = list(dict.fromkeys(f"{NAMES[one]} is {one}" for one in near))
    return " or ".join(told[:1] if word in _CODES else told) or "write one of ISO 639, such as en for English or zh for Chinese"
