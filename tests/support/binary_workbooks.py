"""A workbook with two sheets in the binary formats, as written by other programs.

No package writes .xlsb, and those that write .xls are no longer maintained.
"""

from __future__ import annotations

import base64
import lzma
import re

_WRITTEN = {
    "sheetjs.xls": (
        "XQAAAAT//////////wBoM74chjB3YPSkhCpADBx2J4LykYbciMonutEY/0IXMk1g0ZvSBkaGXProFsii0GvlrKTw"
        "dxtLtrGTL5nKe/Bzdaf7eyPJuoFqLqAVImR8EqkjKCNhYK5PEeQa1O0zVKdb6W9e0y32vgZnh4LKCc/RL2p2stBK"
        "2jPn5G0Dl1RnYWrM3e2jmQuA9y+Cu8Gmv7GjDj0rLS/OL0EDNwXhAHrlvDmi+3smaTgCXdXFqPkRZmJ8VjXuf01R"
        "qU+ulQWiX2DXWVw6ezA7hmJd/Op1Z/n2YwitTDzz/0L2PXsMbqm9TroOUYeWvXZHPMXdcJ5Hc5H1Ghi/7/9wylsn"
        "/oYYOlf8vY3v9renBCRN6hUGxCT+j51xWHbwpUISqjOIUJYHy6iRQAsPorznVymHnqqoLUSWu85hqq4XHywDvRKU"
        "VwAw4ZHtNzKni1dXn1H43vVm+2exjMldN9hhKQ1kJpwAzhU94xS5t6FChc1+z/qLnW89mW4lDtQOBcLy1mkMMbfe"
        "LPojuXSdh71oB6AxGi5ybYAgtsG4xjc4rduyhiPiJqoT8UVFyYRL7s8CQWKfnlEfRriRETEN41yDFsgL6erJzcCI"
        "5EtHVV368A6s8Mil3QiX1mCzQYSydkT+qMp7QbpntJ69wM0vtS5WS2Ymx8L8kKbHfLEDgoCIsIMW9nyV44qqZCrg"
        "8xjvVZDB8qY1hde8MY9rRcXT9V3jlLMDyNJSSNhZvkXkdbnuZ58B8nDh3iYKq9FHHepAmbaadbspmZ+AJ+M81ENx"
        "pDn1OxNw85q3hV5FJkGP5GLyxhLtYOmxCVwfxbTh0MOUBC2Dhns4gNftXN5dQNMBGEVxjLqUs3DiOt2An/Tusa3T"
        "rWKjgXPs0KrzUxbbMWQVNfQKPoNQxWbvNAbtLSlCnUE4GtPKJPqH8pDLfkVXvVjg/qNO8UlUXPaEdYbcNvpAXrqx"
        "+hcpp9LMOiqMRD8k3k038SOK+HRKy0ji19VYAtUHzkT33/oS+iObOKsTtQcOqhqZXqOZRrHUZlFPn0683kVbadm/"
        "Yc2H3Yg9Nt6shTKzCvl6276J4Usz0njC9KjVCFToFnb/ynMa19fvvL1W//S9t/0="
    ),
    "sheetjs.xlsb": (
        "XQAAAAT//////////wAoErxgKJfVckrYbqVYCZnWS9F3VoeiLA3sZ/ITxlsbQ4P03HOZhfdnIvBqiSSsPhC79mF9"
        "W5ue/6D/BGbxU9377zKGdwF069xR96Ux0DxYiATqGTbSgZGO7fePNr2HBEvyFqv5cHV/P2Ke8FqTvYfJL1Ixrvza"
        "FyILv+L02NEzpcowCcbwyzS1uxHJVcttKZqZzCbf1msT7s5DUNSRiB8FnHsK8+5gJo0ZP//7T1SJ//Y9CtO68sTB"
        "wjmJ9KBg8VKoSUbfgQRgjYcs8+607SOq8cDwGs5GI8OnUSLLSkXLrfkCpCcORvy+g9hdmqs30PHSuUyDSuRKwBeD"
        "SLj8jTHlMW1G4OwpO3W6I2HgB8h+Jwn1QPrE11tugbYdg+mHpJ5dha9dwoDrNyMeHz72Qn+fgAcnP9D/bCqtRNKm"
        "c7vo8qdDEj4bJKHdFKVJFzKXKhqw47p6rLkUw6A2En2WBXh/ym9Ou59gdJrHqY4oZHWTcYTujA4L7C8RjNrW5dLm"
        "FUhQ7Qp62iByg0MhZ7qlYKfBJFd9Kguuo2kLOG8yDXxcC1oaWfuHk2pzYG1HegSNmMgL5hXNC0ik64r/1xs1BHth"
        "GzZMtTKeB3lO9o8T9LXwhIdVQhoITi1bdBptoAEdGCjUjQDS15Dtu9k6SQIbnOakt4cXXwL5VT4OVMDFrBzuFl8l"
        "fdzcbuFBc4SkvRY61OdvBmcbf7Wf86aFVz+LpaZvxKVrmw7pNHYpUJDBdT4F8QSS7iucTonVeOdUxYQxLoI/+nsc"
        "uAj1zYKvtA1EtnlaGUfrxqO4mJ3w1jvlMxPQnaPwwCCWkpyvTvlVbWGFqZOq3J5FU9T0SZRKPTxdVyAGbORVRoFa"
        "rXRTY5/9a257URRBh66X9bhsdRivk91S/mQRXAYtw2lKyhET7sNp4BSTv0YSZgTj4NrJEt3stq27X8NPydxRGK7o"
        "5LQy/SZltLr3eE/Dz3LZuIr/Ycq/vh32REftN3ek7JmJ3HIvbP7OrY3kP2CZ0JqRno2FrYhLKkW8zm97xBUf36BJ"
        "UdAAad/GCCT2WWD6Wo0FIRrpR2BXfF10MsQKVKtyMCrMw4TwT1Gq8vO3LrsFpuYjYuZrPxoceXj91WAJjBsI6RgO"
        "1WE1lHFwxoURF15HAOtw7l2wThAf8oeGbGL3Du1FUwnZxz1hqhApLfO/iKIVpM5YbxqQlM9zYwUm0NaBz0QzczDG"
        "hzdKbjg9jtdFYX0MJoOiaoADUjL4ZWrpgw4d0d/LAJohyKBOSTwyn9qDTaD0FrUfPPsYc8lv6V/PCqjo3u2ShgKM"
        "zFnPQIpaz8uctMz/WKg+3ldxKk8xE37HGj8my3B+JGwwKs2wIqsidBhlJyM5HBFEIcutk78RM/nLS+Q/83AnPdA3"
        "hS21xnxsZvgQPjpWIcZPId+YhKKMPb4lc0TJwwZ/oNqT6VN9atCF6Hm2vEOrRVSv9B+lyBvMGu/NOiGy1ODruSO2"
        "u0nnac93NOLdYlRqWfmJBfCY2jAz6sKPOdVWOmoS/7BT7TudSXjry6K0YQR00YEWvuZU7Gx88okeIlOZgzWzSnMT"
        "9jXAef/FD84yR6CXzn2Yp+1C9vNTB7EEWf9JyQZiz8++6H6YJVu+8XQN3Dli9z3yb0itKvNrZoTTo0nBL43qQILr"
        "wfroYdOUBWpNIbffApSo/XHxOSqpIHdVVZU13pVVb7IKKBBRMCkovUNa92hBsfBP3cm6/X91r2qm1eGJF6JSq/+F"
        "Q09pRB0vICvw/8yxAQHLVPOzBUFDplM8MuF8yGXpPdx6xmzz7tTVPdovltZWYOLe0NMcE+TyOdW+2SqK4eN/Gb6J"
        "CLzVH2BVcpeY2I2PtwY7GuCZFCTKWleXlu77cFUJ0WsYRP10px9xEu9EkBt9O+WfdpNChv4dJS7zna3vWCKMb2Zl"
        "IZCcsO9ychma969ZBrBd8BL43j8YC/01iZ5eDwA1sFSAeX32TMzTSS5ZaYWA7O0+h/taURuMAB8T82TX53Yi6ZA5"
        "/E9akiVooLSUd/YEQLIatdKuXh9HFjNPC9pTTLq+1TlqEU2c0liul/xVSU4Z37/apc+cig7JvAnz0ZgmUZ8G910I"
        "IKfDmTAaF/RPkNsg5VSQoKAyeXBWZj9I/zt+MlJNdOS558yyKbSZ/aqES//4lLrYXrT//CnJWw=="
    ),
    "xlwt.xls": (
        "XQAAAAT//////////wBoM74chjB3YPSkhCpADBx2J4LykYbciMonuuGgt8YEE2ebzZi5aTUVKpnhA9PF6MzR9Es/"
        "2agi8WDZsMfuL9VCPqWjiiJ3gVURcBs0+g/7o8pmAMdhzSuooJAhl2EGumnBjROd49wCdEU+ZyAhaibIIgJh80EO"
        "kUu9mmhhQewEDMxNVRSSA3UYR4OxWsjVz687XQRdJ1rmj94jGSOSBlLK5/cNNk7ASi/gQI9iIgre7PyRvHYg1MfO"
        "i7JxCzkBaH5pZSj7pOFJmUMNCtXfkXIzMwM0I57JyTD6zfGgRlpqQVeyKDuf1kRlSHD81Pm5BD4UJZXitW1U1zdp"
        "Cs/V2pdYG7bllrumelGue3fQGieAJDvQmodDlVwjp8oRhCXJZG24mX/RYWCcfe/7rpc9QPT5bgHx8ZO0fnPnvX9M"
        "A2oFi5Q3tl4EcJ0qqBWfjJ79u/1C6V+hwInCHKSHDDFdpCV7eYmrikq4cCFJ2SIhRtxLJrglmQ6Zc9v3irDISh8V"
        "mMeFdfr05GQ2MD2kMfQUJ+Fi/wfnjTGdOrf8CA9gsqqL/cEUYVes39B8LU8sBmltyvnrTdeKHRzKoyRwbIbUUD/C"
        "7D0E0WoQj6lMuPPf77HLXXcKK7xSMnHkY1L6jdnD/mkBycsgrmQvKCCsdMNUN6WmG1oV79wDh5EmCas7u+8ebMm9"
        "2GgTEB3mzk0HfGT8W7U859yXB4So5fhI1XK4TwMIZZN/4EepnQSg+8dPLHtFcZCd4il66NDqNBfAVPk+rqyvJIF7"
        "lMabReC8xnOYdogfOBXNbvjQ71VY12B93WYPXeG0J71wMuAsJJgOIyugo6jhFdTUjpM5udyzZFqaoyl73qYXYAhE"
        "zNY5ZUqsI+DL5ewO36+lerzWIRlGUfLuKM8Pk0aQJ/J4LoouTDFzfJP+iCMq4cCgx1kBnQEvgU7slFVKd2DKrfi+"
        "Ux49lg5aqt+/EYnnVEiwsobbR2Hm0dq6V9bzALsH+7lTvk7lkkctrpwWIgDbJUk1ojwDNA2WcPpJvqKES8pt48kE"
        "0Rnnsm9pofTRctS5xBZT2KG7bvlLPhP8qKIP6C5vVUpDEAaF1iUryP/oPfGn"
    ),
}
# Two rows with a formula each (xlwt), in column C, which nothing calculated.
_FORMULAS = (
    "XQAAAAT//////////wBoM74chjB3YPSkhCpADBx2J4LykYbciMonuuGgt8YEE2ebzZi5aTUVKpnhA9PF6MzR9Es/"
    "2agi8WDZsMfuL9VCPqWjiiJ3gVURcBs0+g/7o8pmAMdhzSuooJE4MAmMyx2LHt/RRxgNdOPw2CePlShjpq1MCupb"
    "Opyv1fADRrXGN2BamBRKgseXll+/aH7mOHCqDQ/5O7ceyRSnh0ms8Kfx+NBb8E7ORl3oQVapvo+LxRmfynzfmFBu"
    "EI36C5g2MU3xDETtXChDHzMyav71eTMflWxA9iu5ElX9rRgHWvZ2xG37ZNiqe8/u3CNYTEeatPOgp1aL6ovN+kBI"
    "dMzZujfDIsw3hf2irnXX0hvrOeKJ4Plpt9zM0hcJcNh6boUPETKzaXRZowg9l3JshvVkqOhDF9QvkNrXOsqhjJAk"
    "gXfCqaSyMy/b4pZu25kzy5iD7KGbqHig0h8YhEXl7dPAtxsUdpGbrvgKfVHG+kzylQ+GfDKUbFsvF3IiBI7jk36N"
    "EXiUI4Cn9ktbuqNRKCpPGOj9IDcS2rXgUoO1endE3iD+0UaNn6PTTxmZrhdiA3u8Y214btkVHt8Czjp/rIFEmoog"
    "iLpr61ZPrkk9tlvEcATaj0Meo7i8Z1q0PO+hy7i8cFTUZHey/fcfvlj4DgOVBYKw1Uqq4wpg0N5YWvo/ACO6ZW/j"
    "T7fK/bJE8WPFnO9+jlb+14B7zxn4pEqyVZWUma2FVWqXEVy6WbnXknSry0mMEGdFTP6p9J1+2+VLbD4plyG+aTxt"
    "hHvUR/v/hp4="
)
BOOKS = {name: lzma.decompress(base64.b64decode(text)) for name, text in _WRITTEN.items()}
FORMULAS = lzma.decompress(base64.b64decode(_FORMULAS))


def stored(*values: bytes) -> bytes:
    """`FORMULAS` with these results, options and the field after them, as other programs write."""
    book = FORMULAS
    for value in values:
        book = book.replace(b"\3\0\0\0\0\0\xff\xff\0\0\0\0\0\0", value, 1)
    return book


def with_code_page(book: bytes, code_page: int) -> bytes:
    """A book whose record of the code page says another than UTF-16's, as in Perl's and PHP's."""
    return book.replace(b"\x42\0\2\0\xb0\4", b"\x42\0\2\0" + code_page.to_bytes(2, "little"))


def with_format_id(book: bytes, code: bytes, id_: int) -> bytes:
    """A book in which the format with this code has another id, as Gnumeric gives them."""
    found = re.search(rb"\x1e\x04..(..)..." + re.escape(code), book, re.DOTALL)
    assert found, "no such format"
    new = id_.to_bytes(2, "little")
    for head in (rb"\x1e\x04..", rb"\xe0\x00\x14\x00.."):
        old = re.compile(b"(" + head + b")" + re.escape(found[1]), re.DOTALL)
        book = old.sub(lambda match: match[1] + new, book)
    return book
