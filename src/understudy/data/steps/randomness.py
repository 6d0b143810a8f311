"""Whether text was drawn by a machine: how likely its letter pairs are in code, against drawing them from a hat.

Shannon's entropy of a short value says little: 16 random letters and 16 letters of an identifier differ by a few
tenths of a bit. Pairs of letters tell them apart: of values of 16 random letters and digits 99.9 % stand below -10 bits
here, of the words, names, paths and versions in code 2 % do.
"""

from __future__ import annotations

# Row: a character; column: the next one; a to z, A to Z, digits, everything else (and the value's borders). Each letter
# of the table is log2 of the probability in steps of -0.3 bits, A = 0: from 1.2 million different words of 45 packages'
# source, with hexadecimal and base64 runs left out.
STEP_BITS = 0.3
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PAIRS = """
gROPhaQiRkXLOMoPmLNITXYVTcjqknnjwwn3qpnoomsnjjtpswy1bP
LZXWLbdeNNjKZVMZhRQaMaglRkjifijnorj3sninhjlidjvqorx6WJ
MgUeKdjMSvNOagIYjQTKRgmiVohnhkmmnlk1kmlnmhtjfjsntwzxZN
MVcQHYWcMYiUWcPYrTQUSdfcYuceadddljdsodcgecocacihiutuZG
RbPPXUWjanjMSMbVWKKNcVXQYjdgbeffjkesogehgdpebckijowwbI
NfacPPclHsfQdaLdqPUSQkiiWvjmilonwtm0yonnjnsolmrorxy5WG
QdbcHbTRMujRXRQcmMOUSkepcedhbeefgkdtngehgdpdcdmilsuoaH
KfZcJfmkKojbXdLcmUWKPjduWlficgghklggqheihcledejmnsvsZI
SUNOPTOlhmbOQILSfSMLhTvVtTrvnosuvwq4uqqwrpwrom3wvt54eR
KgTiFlljVgdeicNRfkLiPkddprovVojuspjssqlpfkbnmhuqumryZJ
SYcZGcVeNmiWaWXYocOaRcUlchaeZbedjibxoecffbibZbcigtwrYF
MZeQILfcKpgNdfMZtgQPPakZUpfiehhhkkhxrhhjfgshefnllvw2aJ
JRfZHgbmNjjRRXMKfgRbSjjoVqhidghhmnitsihljeohefkjmx0zZJ
OeOMMQMgRhXXcUQWmfMKRSljckdicggfkkhnohejherddelkktytcJ
VTPOdXTgVYTONHRQtJRPNTSaVmnoklqmsrotrllromsmhnrrsu24jP
LXVTKecUQvaNecMPoMOOPdjkMugjfkkkmmiuokilkfrfhiojpxyxaK
VgVZbajlTsdPfdSZfUTQCgfipmnmlmmoktk3yjlpdnhmkjrqltssWJ
LcSUIZSgMoWXSULXmROOTUfkSmficghglkgvogfiidnfdenkkv0ybJ
UkTeJbbTOrWYcdSScZPIRfamWrgjdfihpogxqghiigteggolmwwybF
NhWcIdgOLwgaYeOSqOQQUmaeRhcfZdechhcpnedffcocacjghpruaH
SNTULWUnPogLMLZMuLNJZiodjjostivpyyt9/yvyqstusuyxx442bU
IgbfFeakJxpaXWMbiZVbilnellomnplsvzp1vnoklhqsmnsrxqv5LN
KgdaMfiTIudXaOLclPNbhkRhevfecefflheuoeeieeldadkijqpyZH
QcOWOZmgOupWQfdLlbYHfflZUnddbfeejjewredhbfmecemggotsRG
YaYaTeWkXvnTRTWJcdPQhacWgeYcYbbcdjYolcbcZZgZXZbfgxwpXD
LhfhDcibQphYScMfofZgZfhdUTeqlllkkrivnlkqdphmklsmrt2nWK
lXPQmbVmgmnRbRoSoMSQRbbXpibTPRZbSoUjZOQPoQlOPMTXaWXiXO
InnlOtjgPtjPirMntQeaLnmsPmPXWWScciSWeObYRcjVUaRhgkXhXM
NhrsUrqNYmwNgnGitRddSltsesSZWYPaiRUoTTaeNUlTUQWgjgYmWN
LZnsIusfMevjphOmvTgcVltnZtRWZVLWcXPjjVXZQYjXTVYcelcrYI
dkhYqejriumSXOqfZRbhhTuOnvSaPOYTWlcliSTNYVYLNPdUbSWmXI
KrogSplkJrnOkgKhrOgmQqjqutQZYaUQeiMrgSadQbkWYVWahfcuVM
PifiJsmgXtmVmkShqKbgTrmnjhTXXYLaZVRrjRaTWUlNTVYfdlfgQI
LplbLklsPppnmpNgpkgOViloXpLfXbMfifSpdfZgOYjWYMWhQsZlVJ
bpZQnbhyswvjRIkZxjVPtpsqttUUQPSQSnepjQSKNRkTQOeVkXtVdQ
JlglTiifVejfceHdhfOcPjadabQfahLblibbXnagQZgfKZUgYSnnXO
UlnlHpscQkiaaYWnkZghYfYeipXYTWHaWbQnnYWTbZefTXWaajghVI
MaiiQmllJrtcnjLrrlfjclsfmtObaULbbgMsgQVdOYkcSRTbejXoWK
ImhnLnknOssfdlKjumbiRfkxWnNXbYLeffReiRUZRQcfVYXjkmdsXN
NkrnPlordtrm0tIesoilSs6gosPeRPNSNhSmYYdWQSkeOMTWlfbkVK
hPfhnSnllqgdjSiNlSfdRWaklkVXPRgWVlVcWQRKQRVLRQRTSaZmUN
LpdkRpqbUpmRmqLwuJhfUfrnNwQYTZNcaYRxYTddQThPWSUbloRpWN
VehXfljkXmsgfgRdhhiLHlbjmpVZZXXXXhYsgQZgRURTQUKTTgahPK
QltjGrjnXvsvqrOfwqimSzurtvPbUWLZTkPvYVVWNUjSRRWXelVjXK
VkQhKjsUQ2dYecSReneKQgctUtUgVYOcbUQoaWaXTTbXQMVYchaqVJ
P0frKssVR0ldovPqyMmnbldoOrPgXbMUhROmlXWfQUmQTTWhccRjXJ
nkncmllqcrmjlMqLuTNUjmruqrWSUVQUWmQtjNPLUOdNNMXiqekfYR
JfknMtojKqpfjnSVtkekfotjwoNfYdKbVfNopZYTSUbYUbhYmWlmLO
NlllNmuUGngrlhOnnOgnjkknjnPgddRefYOnabZQOebUQbilZfPnVM
cjaVbikjbokfZlcWlfccggifbiUdSURYXbTggRRbWNaUUKfbfRTfKF
bkonVttqZnljljbpnjhhelqnppWbXZVeRiWpdUUWUIZbPRcacbVXVD
SfjnOXibPjjehdMijZZgZifgigPfaaHbUcSjZVPbPdVaXhdVcVZQPJ
XXZWYZfidjgebciaffcejejVjjcecafdZjfpnhfghcjedcjdjjkkFD
PSNPQRSTPcYRQQSOaQMNUTVbffYaWYZYacZkhaYZbXfZWXcdfgnlTK
""".split()

LETTERS = 26
DIGIT, OTHER = 52, 53


def _class_of(code: int) -> int:
    if 97 <= code <= 122:
        return code - 97
    if 65 <= code <= 90:
        return code - 65 + LETTERS
    return DIGIT if 48 <= code <= 57 else OTHER


_CLASSES = [_class_of(code) for code in range(256)]
_TEN_DIGITS_BITS = 3.3219
_LOG2_SIZE = {0: 0.0, 1: 1.0, 2: 2.0, 10: 3.3219, 12: 3.585, 26: 4.7004, 28: 4.8074, 36: 5.1699, 38: 5.2479, 52: 5.7004,
              54: 5.7549, 62: 5.9542, 64: 6.0}  # fmt: skip
_BITS = [
    [
        -STEP_BITS * SYMBOLS.index(symbol) - (_TEN_DIGITS_BITS if column == DIGIT else 0)
        for column, symbol in enumerate(row)
    ]
    for row in PAIRS
]


def naturalness_bits(value: bytes) -> float:
    """How many bits more likely `value` is as a word of some code than as a draw from the alphabet it uses.

    Above 0: written by a person. Below -10: drawn by a machine, or a run of digits and signs, which are for the caller.
    """
    classes = [_CLASSES[code] for code in value]
    present = set(classes)
    size = (
        (26 if any(kind < LETTERS for kind in present) else 0)
        + (26 if any(LETTERS <= kind < DIGIT for kind in present) else 0)
        + (10 if DIGIT in present else 0)
        + (2 if OTHER in present else 0)
    )
    bits, before = len(classes) * _LOG2_SIZE[size], OTHER
    for kind in classes:
        bits += _BITS[before][kind]
        before = kind
    return bits
