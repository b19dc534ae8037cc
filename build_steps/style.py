"""Sentence style of Japanese text: polite (敬体), plain (常体), mixed or none.

A sentence is a stretch that ends in 。！？ or at a line break and closes in a predicate. What is quoted or in
brackets is not judged, the sentence around it is; a list entry without 。 is no sentence. The rules look at sentence
ends only; README.md gives their agreement with labels made by reading.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

STYLES = ("polite", "plain", "mixed", "none")

# Asides vanish; a quotation becomes one mark that ends no predicate.
_ASIDE = r"（[^（）]*）|\([^()]*\)|\[[^\[\]\n]*\]"
_QUOTATION = r"「[^「」]*」|『[^『』]*』|“[^“”]*”|\"[^\"\n]*\""
_QUOTED = "〃"

_LIST_MARK = r"(?:[・\-*•–—●○■□◆◇→>＊－]|\d{1,3} ?[.．)）、:：]|[①-⑳]|[A-Za-zａ-ｚＡ-Ｚ][.)）])"
_LIST_ENTRY = rf"(?m)^[ \t　]*{_LIST_MARK}[^\n。！？!?]*$"
_SENTENCE_END = r"[。！？!?\n]+"
_LONGEST_END = 24  # characters of a sentence that its style is read from

# What may stand behind a predicate: final or conjunctive particles, closing marks, a colon with what it introduces.
_TAIL = (
    r"(?:(?:んだ|の)?(?:よね|かね|かな|かしら|だろうか|けれども|けれど|けどね?|がね|からね?|ので|のに|なのか|のか|[かねよぞぜがしわ])|の)?"
    rf"[\s　」』”\"'’)）\]］】>＞*;；、,，.．…‥・~〜～ー♪]*(?:[:：][\s、{_QUOTED}]*)?$"
)
_POLITE = (
    r"(?:です|でした|でしょう|[^さ冷覚]ます|[^さ冷覚]ました|ましょう|ません|ください|下さい|くださいませ|なさいませ)"
    + _TAIL
)
# Behind kanji and its okurigana these endings are a verb or an adjective; in kana alone they may be a noun's
# (ぶどう, たいよう), so fewer count.
_PLAIN = (
    r"(?:[一-鿿々][ぁ-ん]{0,3}[うくぐすつぬぶむるいただろ]|[^はま]い|[だたるくすむぶつぬ]"
    r"|ろう|しよう|みよう|いう|まう|らう|せよ|しろ|なさい|べき|べし|まい|まったく)" + _TAIL
)


def classify(texts: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Sentence style of each text, as a string array of the same length with values of `STYLES`."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    texts = pc.replace_substring_regex(texts, _ASIDE, "")
    texts = pc.replace_substring_regex(texts, _QUOTATION, _QUOTED)
    texts = pc.replace_substring_regex(texts, _LIST_ENTRY, "")
    sentences = pc.split_pattern_regex(texts, _SENTENCE_END)
    of_text = pc.list_parent_indices(sentences)
    ends = pc.utf8_slice_codeunits(sentences.flatten(), -_LONGEST_END)
    polite_end = pc.match_substring_regex(ends, _POLITE)
    plain_end = pc.and_not(pc.match_substring_regex(ends, _PLAIN), polite_end)
    polite = _any_per_text(polite_end, of_text, len(texts))
    plain = _any_per_text(plain_end, of_text, len(texts))
    return pc.case_when(pc.make_struct(pc.and_(polite, plain), polite, plain), "mixed", "polite", "plain", "none")


def _any_per_text(sentence_mask: pa.BooleanArray, of_text: pa.Array, text_count: int) -> pa.BooleanArray:
    import numpy as np

    found = np.zeros(text_count, dtype=bool)
    found[of_text.filter(sentence_mask).to_numpy()] = True
    return pa.array(found)
