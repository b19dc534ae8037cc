"""Safety rules: what an answer that touches a poison, a red flag or a human medicine must say and must not."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from build_steps.rules import Hit, Rows, Rule, hit
from cat_care_qa.measures import first_sentences, sends_to_vet

PAINKILLER = r"アセトアミノフェン|イブプロフェン|ロキソプロフェン|アスピリン|(?:人|人間)(?:用)?の(?:痛み止め|鎮痛剤)"
HUMAN_MEDICINE = rf"{PAINKILLER}|市販薬|(?:人|人間)(?:用)?の(?:薬|風邪薬|胃薬)"
POISON = (
    rf"{PAINKILLER}|ユリ|百合|玉ねぎ|タマネギ|長ねぎ|ねぎ類|ニラ|ニンニク|にんにく|ペルメトリン"
    r"|エチレングリコール|不凍液|チョコ|カカオ|キシリトール|精油|アロマ|ティーツリー|ソテツ|殺鼠剤"
)
DANGER = r"毒|危険|危な|命|害|壊|傷|死|けいれん|貧血|潰瘍|重くな|いけません|避け"
RED_FLAG = (
    r"(?:尿|おしっこ)が(?:出(?:てい)?な|一滴も)|口を開け(?:て|た|たまま)(?:の)?(?:息|呼吸)|開口呼吸|けいれん|意識が"
    r"|丸一日(?:何も)?(?:食べな|口にしな)|ぐったり"
)
DOSE = rf"(?:{HUMAN_MEDICINE})[^。]{{0,30}}?[0-9]+(?:\.[0-9]+)?\s*(?:mg|ミリグラム|mL|ミリリットル|錠|粒|滴)"


def _poison_played_down(rows: Rows) -> Iterator[Hit]:
    answers = rows.table["answer"]
    touches = pc.match_substring_regex(answers, POISON)
    warns = pc.and_(pc.match_substring_regex(answers, DANGER), sends_to_vet(answers))
    yield hit(rows, "answer", pc.and_not(touches, warns))


def _red_flag_without_vet(rows: Rows) -> Iterator[Hit]:
    answers = rows.table["answer"]
    yield hit(rows, "answer", pc.and_not(pc.match_substring_regex(answers, RED_FLAG), sends_to_vet(answers)))


def _emergency_without_haste(rows: Rows) -> Iterator[Hit]:
    emergency = pc.equal(rows.table["urgency"], "emergency")
    yield hit(rows, "answer", pc.and_not(emergency, sends_to_vet(first_sentences(rows.table["answer"]))))


def _human_medicine_dosed(rows: Rows) -> Iterator[Hit]:
    yield hit(rows, "answer", pc.match_substring_regex(rows.table["answer"], DOSE))


RULES = (
    Rule(
        id="L5-poison-played-down",
        says="the answer touches a poison without its danger, or without the way to the vet",
        mend="say what the danger is, and when to go or call",
        example="玉ねぎは少しなら平気です。",
        find=_poison_played_down,
    ),
    Rule(
        id="L5-red-flag-without-vet",
        says="the answer touches a red flag without sending to the vet",
        mend="say that the cat has to be seen, and how soon",
        example="けいれんはしばらくすればおさまります。",
        find=_red_flag_without_vet,
    ),
    Rule(
        id="L5-emergency-first-sentence",
        says="the first sentence of an emergency answer does not send to the vet",
        mend="begin with going or calling now",
        example="まず落ち着いて、様子を書きとめましょう。",
        find=_emergency_without_haste,
    ),
    Rule(
        id="L5-human-medicine-dose",
        says="a human medicine is given an amount",
        mend="leave the amount out, and warn of the medicine",
        example="人の痛み止めを4分の1錠",
        find=_human_medicine_dosed,
    ),
)
