"""An encoding is decided by evidence, or asked for; no text is silently misread."""

# ruff: noqa: RUF001 letters of other scripts

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.files.encoding import find_encoding, utf8_copy
from ingestion.files.errors import UnreadableFileError

GERMAN = "Müller;Größe;Ärger;Straße;schön;Öl;über"


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", GERMAN),
        ("utf-8-sig", GERMAN),
        ("utf-16", GERMAN),
        ("cp1252", GERMAN),
        ("cp1252", "Müller"),
        ("cp1252", "Kosten – 5 € „gut“ ‘x’"),
        ("cp1252", "François;déjà;œuvre;Noël"),
        ("cp1252", "São Paulo;coração;ação"),
        ("iso8859_15", "Müller;1,50 €"),
        ("cp1252", "caffè;città;perché"),
        ("cp1252", "Ærø;Øresund;Århus"),
        ("latin-1", "Müller;Größe"),
        ("cp1250", "Dvořák;Příliš;žluťoučký;kůň"),
        ("cp1250", "Datum splatnosti;Částka;Elektřina"),
        ("cp1250", "Łódź;Świętokrzyski;żółć;gęś"),
        ("cp1250", "Nagy Györgyné;űrlap;őrült;szőlő"),
        ("cp850", GERMAN),
        ("mac_roman", GERMAN),
        ("cp1251", "Иванов;Москва;счёт;Оплата"),
        ("koi8_r", "Иванов;Москва;счёт;Оплата"),
        ("cp1253", "Αθήνα;Πληρωμή;τιμολόγιο"),
        ("cp932", "東京都;株式会社;テスト;カタカナ"),
        ("cp932", "ﾀﾅｶ ﾀﾛｳ;振込手数料;ｶ)ﾔﾏﾀﾞ;お預り金額"),
        ("cp932", "ATM手数料;入金;東京都"),
        ("euc_jp", "東京都;株式会社;テスト;カタカナ"),
        ("euc_jp", "田中太郎;東京都千代田区;大阪府大阪市"),
        ("gb18030", "北京市;有限公司;测试;发票"),
        ("gb18030", "刘洋;深圳;陈静;杭州"),
        ("big5", "陳大文;台北市;股份有限公司"),
        ("cp949", "김철수;서울특별시 강남구;임대료"),
        ("cp949", "주식회사 한빛;VAT포함;홈페이지 제작"),
        ("cp1255", "כהן ושות;תשלום חשבונית;תל אביב;רחל אברהם;פיתוח אתר"),
        ("cp1256", "محمد علي;دفع الفاتورة;القاهرة;أحمد"),
        ("cp874", "สมชาย ใจดี;ค่าบริการแปล;เชียงใหม่"),
        ("cp1254", "Işıl Yılmaz;1.234,56 TL;Müşteri;İbrahim;Şehir"),
        ("cp1257", "Žukauskas;Sąskaitos;Šiauliai;Čepaitė"),
        ("cp1257", "Bērziņš;Rēķina;Rīga;Kļaviņa"),
        ("cp1251", "Клиент;Плащане по фактура;София"),
        ("cp1251", "Їжак;Послуги;Київ;20 грн"),
        ("iso8859_2", "Łódź;Świętokrzyski;żółć;gęś"),
        ("iso8859_2", "Jiří Dvořák;Účetní služby;Plzeň"),
        ("cp1250", "portugheză;plată lunară;maldiviană;întreținere".replace("ț", "ţ")),
        ("cp1250", "Győr;Könyvelés;Székesfehérvár;Hűvös"),
        ("cp1252", "Niccolò;Attività;Perché sì;Città"),
        ("cp1252", "Þýðing;Guðrún;Ísafjörður;Ráðgjöf"),
        ("cp1252", "Coördinatie;Daniël;Zeeën;Geïnd"),
        ("mac_roman", "Päivi Mäkelä;Jyväskylä;Työ"),
        ("mac_roman", "José Muñoz;Descripción;baño"),
        ("cp1252", "¿Qué es?;Señor;año"),
        ("cp850", "Søren;Århus;Rødovre;Gæld"),
        ("utf-16-le", "id;name;amount;plain"),
        ("utf-16-be", "id;name;amount;plain"),
    ],
)
def test_text_of_people_is_read_in_its_own_encoding(tmp_path, encoding, words):
    text = "id;name\n" + "".join(f"{n};{word}\n" for n, word in enumerate(words.split(";")))
    path = _file(tmp_path, text.encode(encoding))
    found = find_encoding(path)
    assert utf8_copy(path, found.name, tmp_path / "copy").read_bytes().decode() == text
    assert found.reason


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x00\x01\x02\x03binary" * 20, "control"),
        (b"id,name\n1,a\x00b\n", r"control characters.*x00 in line 2"),
        ("id;name\n1;김철\n2;영희\n".encode("cp949"), "may be cp949 or euc_jp"),
        ("id;name\n1;田中\n2;鈴木\n".encode("euc_jp"), "or euc_jp"),
        (bytes(range(256)) * 4, "declare its encoding"),
        ("id;name\n1;Işık\n2;Şahin\n3;Öğretmen\n".encode("cp1254"), "cp1252 or cp1254"),
        ("id;name\n1;Müller\n".encode("cp1252") + b"1,aaa\n" * 50 + b"2,a\x81b\n", "declare"),
    ],
)
def test_what_nothing_decides_is_refused_and_says_what_to_declare(tmp_path, content, told):
    with pytest.raises(UnreadableFileError, match=told):
        find_encoding(_file(tmp_path, content))


@pytest.mark.parametrize("older", ["cp1252", "cp1250", "mac_roman", "gb18030", "cp1251"])
@pytest.mark.parametrize("most", ["utf-8", "older"])
def test_a_file_of_two_encodings_is_refused_with_the_first_line_that_is_not_utf8(
    tmp_path, older, most
):
    word = {"gb18030": "北京市有限公司", "cp1251": "Москва"}.get(older, "Müller")
    encodings = ["utf-8", older] if most == "utf-8" else [older, "utf-8"]
    lines = [f"{n};{word};plain words beside it\n".encode(encodings[0]) for n in range(50)]
    rest = [f"51;{word}\n".encode(encodings[1])]
    path = _file(tmp_path, b"".join([b"id;name\n", *lines, *rest]))
    told = f"line {52 if most == 'utf-8' else 2} can't be"
    if (older, most) == ("gb18030", "older"):
        told = "can't be told"  # one line of UTF-8 may be chance there
    with pytest.raises(UnreadableFileError, match=told):
        find_encoding(path)


def test_one_wrong_byte_in_much_utf8_is_refused_with_its_line(tmp_path):
    lines = [f"{n};Köln € “x”\n".encode() for n in range(20_000)]
    lines[17_000] = b"17000;K\xff\n"
    with pytest.raises(UnreadableFileError, match="line 17001 can't be"):
        find_encoding(_file(tmp_path, b"".join(lines)))


def test_a_word_that_is_utf8_by_chance_does_not_make_it_two_encodings(tmp_path):
    path = _file(tmp_path, "id;name\n1;MENÜ“\n2;Müller\n3;Größe\n".encode("cp1252"))
    assert find_encoding(path).name == "cp1252"


def test_a_declared_encoding_that_does_not_fit_is_refused(tmp_path):
    path = _file(tmp_path, b"M\xfcller")
    with pytest.raises(UnreadableFileError, match="it isn't in utf-8-sig"):
        utf8_copy(path, "utf-8-sig", tmp_path / "copy")


def test_foreign_names_in_a_long_file_leave_it_in_the_usual_encoding(tmp_path):
    names = GERMAN.split(";")
    lines = [f"{n};{name}" for n, name in enumerate(names * 5)]
    lines += ["98;São Tomé;français", "99;Bjørn Ångström;Ibáñez"]
    text = "id;name\n" + "\n".join(lines) + "\n"
    path = _file(tmp_path, text.encode("cp1252"))
    assert find_encoding(path).name == "cp1252"


def test_lines_of_thai_that_are_utf8_by_chance_do_not_make_it_two_encodings(tmp_path):
    text = "id;name\n1;เขต\n2;สมชาย ใจดี\n3;เชียงใหม่\n4;ค่าบริการแปล\n"
    lines = text.encode("cp874").splitlines(keepends=True)
    assert any(_decodes(line) for line in lines[1:])
    path = _file(tmp_path, b"".join(lines))
    assert find_encoding(path).name == "cp874"


def _decodes(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
