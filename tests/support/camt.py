"""CAMT documents with invented entries, in the shapes of its versions."""

from __future__ import annotations

OWN = "DE02100100100006820101"
MESSAGES = {"053": ("BkToCstmrStmt", "Stmt"), "052": ("BkToCstmrAcctRpt", "Rpt")}


def document(*statements: str, version: str = "053.001.02", prefix: str = "") -> bytes:
    message, _ = MESSAGES[version[:3]]
    namespace = f"urn:iso:std:iso:20022:tech:xsd:camt.{version}"
    body = f"<{message}><GrpHdr><MsgId>m</MsgId></GrpHdr>{''.join(statements)}</{message}>"
    text = f'<Document xmlns="{namespace}">{body}</Document>'
    if prefix:
        text = text.replace("</", "@@").replace("<", f"<{prefix}:").replace("@@", f"</{prefix}:")
        text = text.replace("xmlns=", f"xmlns:{prefix}=")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def balance(code: str, amount: str, on: str = "2026-01-31") -> str:
    sign = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        f"<Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def statement(*content: str, name: str = "S1", kind: str = "Stmt", account: str = OWN) -> str:
    return (
        f"<{kind}><Id>{name}</Id><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{''.join(content)}</{kind}>"
    )


def entry(
    amount: str, *content: str, status: str = "<Sts>BOOK</Sts>", on: str = "2026-01-05"
) -> str:
    sign = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f'<Ntry><Amt Ccy="EUR">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{status}'
        f"<BookgDt><Dt>{on}</Dt></BookgDt><ValDt><Dt>{on}</Dt></ValDt>{''.join(content)}</Ntry>"
    )


def payment(name: str, account: str, purpose: str, *, role: str = "Dbtr", level: str = "") -> str:
    inner = f"<{level}><Nm>{name}</Nm></{level}>" if level else f"<Nm>{name}</Nm>"
    return (
        f"<TxDtls><Refs><EndToEndId>INV-1</EndToEndId></Refs><RltdPties><{role}>{inner}</{role}>"
        f"<{role}Acct><Id><IBAN>{account}</IBAN></Id></{role}Acct></RltdPties>"
        f"<RmtInf><Ustrd>{purpose}</Ustrd></RmtInf></TxDtls>"
    )
