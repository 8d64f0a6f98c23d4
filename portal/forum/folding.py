"""Words as the full-text index keeps them, so that é finds e, شحن finds الشحن and « colis » finds « colis ».

The folded text is written with the question and the folded query is matched against it: both engines see
the same plain tokens and need no dictionary of their own.
"""

import re
import unicodedata

_TASHKEEL = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
_ARABIC_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي"})
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d"})
_PIECE = re.compile(r"(\w+)")
_WORD = re.compile(r"[a-z0-9]+|[\u0621-\u064a]+")

# The article, alone or after "and", "with", "like", "then" and "for": الدفع، والدفع، بالدفع، كالدفع، فالدفع، للدفع.
_ARTICLES = ("وال", "بال", "كال", "فال", "ال", "لل")
_SHORTEST_STEM = 3
_SHORTEST_LATIN_STEM = 4
# Longest first. What differs between singular and plural, infinitive and participle.
_LATIN_ENDINGS = ("ements", "ement", "ees", "ers", "ez", "er", "ee", "es", "ed", "s", "x", "e")

LONGEST_QUERY_WORDS = 12

# Words that stand in most questions and tell nothing about any; folded.
STOP_WORDS = frozenset(  # one text: a hundred and fifty quoted words cannot be read
    """
    a ai au aux avec avez ce ces cet cette comment d dans de des dois doit du elle elles en est et etre eu faire fait
    faut il ils j je l la le les leur leurs m ma mais me mes moi mon n ne nos notre nous on ont ou par pas peut peux
    plus pour puis qu quand que quel quelle quelles quels quelqu qui quoi s sa sans se ses si son sont sur t
    te tes toi ton tu un une vais va vos votre vous y c ca cela quoi deja faudrait peuvent pourquoi combien ete
    an and any are as at be by can could did do does for from have has how i if in is it its me my of or our should so
    that the their them there they this to us we what when where which who why will with would you your was were am
    ان الي عن علي في من ما ماذا هل هو هي هذا هذه ذلك تلك كيف متي اين كم لم لن لا نعم قد كان يكون او ثم مع عند
    عندما اذا لماذا اي كل بعد قبل انا انت نحن انه انها الذي التي يمكن يمكنني استطيع اريد يجب علي لي له لها بي به بها وان
    """.split()  # noqa: SIM905
)


def plain(text: str) -> str:
    """Lower case without accents, vowel signs or the Arabic letters' variants; anything else stays as it is."""
    lowered = _TASHKEEL.sub("", text.lower()).translate(_ARABIC_LETTERS).translate(_LIGATURES)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).translate(
        _ARABIC_LETTERS
    )


def _stem_latin(word: str) -> str:
    for ending in _LATIN_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_LATIN_STEM:
            return word[: -len(ending)]
    return word


def _stem_arabic(word: str) -> str:
    for article in _ARTICLES:
        if word.startswith(article) and len(word) - len(article) >= _SHORTEST_STEM:
            return word[len(article) :]
    return word


def stem(word: str) -> str:
    """The part of a folded word that its forms share."""
    return _stem_latin(word) if word[0].isascii() else _stem_arabic(word)


def words(text: str) -> list[str]:
    """The folded words of a text, in order; single letters are dropped (they are what an elision leaves)."""
    return [stem(word) for word in _WORD.findall(plain(text)) if len(word) > 1 or word.isdigit()]


def pieces(text: str) -> list[str]:
    """The text cut into words and what stands between them; joined they are the text again."""
    return [piece for piece in _PIECE.split(text) if piece]


def fold(text: str) -> str:
    """What the index keeps of a text: its folded words, one space between them."""
    return " ".join(words(text))


def query_words(text: str) -> list[str]:
    """The words of a query that tell something, each once; all of them when none does."""
    folded = [word for word in _WORD.findall(plain(text)) if len(word) > 1 or word.isdigit()]
    telling = [word for word in folded if word not in STOP_WORDS] or folded
    return list(dict.fromkeys(stem(word) for word in telling))[:LONGEST_QUERY_WORDS]
