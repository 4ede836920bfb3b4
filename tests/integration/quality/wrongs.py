"""Ways in which data goes wrong, each with the expectations that must catch it and their counts.

Each affects separate rows, so that one run can check them all.
"""

from dataclasses import dataclass

UNIQUE = "expect_column_values_to_be_unique__"
NOT_NULL = "expect_column_values_to_not_be_null__"
IN_SET = "expect_column_values_to_be_in_set__"
BETWEEN = "expect_column_values_to_be_between__"
REGEX = "expect_column_values_to_match_regex__"
NO_ROWS = "expect_no_rows__"
LATER = "expect_column_pair_values_a_to_be_greater_than_b__"

CLIENTS = "raw.books_clients: "
PROJECTS = "raw.books_projects: "
ENTRIES = "raw.books_time_entries: "
INVOICES = "raw.books_invoices: "
PAYMENTS = "raw.books_payments: "
RATES = "raw.books_exchange_rates: "
CUSTOMERS = "raw.shop_customers: "
PRODUCTS = "raw.shop_products: "
PURCHASES = "raw.shop_purchases: "


@dataclass(frozen=True)
class Wrong:
    name: str
    sql: str
    noticed: dict[str, int]


def _invoice(change: str, invoice_id: int) -> str:
    return f"update {{raw}}.books_invoices set {change} where invoice_id = {invoice_id}"


def _payment(change: str, payment_id: int) -> str:
    return f"update {{raw}}.books_payments set {change} where payment_id = {payment_id}"


def _entry(change: str, entry_id: int) -> str:
    return f"update {{raw}}.books_time_entries set {change} where time_entry_id = {entry_id}"


def _purchase(change: str, purchase_id: int) -> str:
    return f"update {{raw}}.shop_purchases set {change} where id = {purchase_id}"


IN_THE_RAW_TABLES = [
    Wrong(
        "invoice number used twice and one skipped",
        _invoice("number = '2025-0019'", 20),
        {INVOICES + UNIQUE + "number": 2, INVOICES + NO_ROWS + "number_missing_in_its_year": 1},
    ),
    Wrong(
        "invoice without due date",
        _invoice("due_on = null", 2),
        {INVOICES + NOT_NULL + "due_on": 1},
    ),
    Wrong(
        "invoice of an unknown kind",
        _invoice("kind = 'proforma'", 1),
        {INVOICES + IN_SET + "kind": 1},
    ),
    Wrong(
        "invoice due before it was issued",
        _invoice("due_on = issued_on - 1", 4),
        {INVOICES + LATER + "due_on__issued_on": 1},
    ),
    Wrong(
        "invoice of an unknown client",
        _invoice("client_id = 99, project_id = null", 6),
        {
            INVOICES + NO_ROWS + "client_unknown": 1,
            "marts.client_profitability: "
            + BETWEEN
            + "euros_more_or_less_than_revenue_by_month": 1,
        },
    ),
    Wrong(
        "invoice in an unknown currency",
        _invoice("currency = 'XXX'", 8),
        {
            INVOICES + NO_ROWS + "currency_without_a_rate": 1,
            "marts.receivables_ageing: " + NOT_NULL + "outstanding_eur": 1,
        },
    ),
    Wrong(
        "invoice with a negative amount",
        _invoice("net_amount = -net_amount, tax_amount = -tax_amount", 23),
        {
            INVOICES + NO_ROWS + "amount_sign_does_not_fit_kind": 1,
            "marts.revenue_by_month: " + BETWEEN + "sold_eur": 1,
        },
    ),
    Wrong(
        "tax with the wrong sign",
        _invoice("tax_amount = -tax_amount", 21),
        {INVOICES + NO_ROWS + "tax_sign_differs_from_net": 1},
    ),
    Wrong(
        "tax of half the amount",
        _invoice("tax_amount = net_amount / 2", 19),
        {INVOICES + NO_ROWS + "tax_above_every_rate": 1},
    ),
    Wrong(
        "credit note for no invoice",
        _invoice("credits_invoice_id = 999", 24),
        {INVOICES + NO_ROWS + "credit_note_without_its_invoice": 1},
    ),
    Wrong(
        "invoice that credits another",
        _invoice("credits_invoice_id = 12", 11),
        {INVOICES + NO_ROWS + "invoice_that_credits_another": 1},
    ),
    Wrong(
        "payment loaded twice",
        "insert into {raw}.books_payments "
        "select * from {raw}.books_payments where payment_id = 120",
        {
            PAYMENTS + NO_ROWS + "invoice_overpaid": 1,
            PAYMENTS + NO_ROWS + "same_payment_twice": 2,
        },
    ),
    Wrong(
        "payment without amount",
        _payment("amount = null", 130),
        {PAYMENTS + NOT_NULL + "amount": 1},
    ),
    Wrong("negative payment", _payment("amount = -100", 170), {PAYMENTS + BETWEEN + "amount": 1}),
    Wrong(
        "invoice overpaid",
        _payment("amount = amount + 500", 180),
        {PAYMENTS + NO_ROWS + "invoice_overpaid": 1},
    ),
    Wrong(
        "payment of an unknown invoice",
        _payment("invoice_id = 999", 100),
        {PAYMENTS + NO_ROWS + "invoice_unknown": 1},
    ),
    Wrong("unknown method", _payment("method = 'barter'", 70), {PAYMENTS + IN_SET + "method": 1}),
    Wrong(
        "credit note paid",
        "insert into {raw}.books_payments select * replace (9999 as payment_id, 24 as invoice_id, "
        "date '2025-11-05' as paid_on) from {raw}.books_payments where payment_id = 10",
        {PAYMENTS + NO_ROWS + "paid_a_credit_note": 1},
    ),
    Wrong("negative minutes", _entry("minutes = -30", 11), {ENTRIES + BETWEEN + "minutes": 1}),
    Wrong(
        "entry that is neither billable nor not",
        _entry("billable = null", 12),
        {ENTRIES + NOT_NULL + "billable": 1},
    ),
    Wrong(
        "entry on an unknown project",
        _entry("project_id = 77", 13),
        {ENTRIES + NO_ROWS + "project_unknown": 1},
    ),
    Wrong(
        "billable own time",
        _entry("billable = true", 21),
        {ENTRIES + NO_ROWS + "billable_without_project": 1},
    ),
    Wrong(
        "day of more than 24 hours",
        "insert into {raw}.books_time_entries (time_entry_id, worked_on, minutes, billable) "
        "values (1000, date '2025-01-06', 1430, false)",
        {ENTRIES + NO_ROWS + "more_than_24_hours_a_day": 1},
    ),
    Wrong(
        "work before the project started",
        _entry("worked_on = date '2024-12-31'", 50),
        {ENTRIES + NO_ROWS + "worked_outside_of_the_project": 1},
    ),
    Wrong(
        "retainer without a fee",
        "update {raw}.books_projects set fixed_fee = null where project_id = 3",
        {PROJECTS + NO_ROWS + "price_does_not_fit_billing": 1},
    ),
    Wrong(
        "project that ended before it started",
        "insert into {raw}.books_projects (project_id, client_id, name, billing, hourly_rate, "
        "started_on, ended_on) values (5, 1, 'X', 'hourly', 90, '2025-03-01', '2025-02-01')",
        {PROJECTS + LATER + "ended_on__started_on": 1},
    ),
    Wrong(
        "project of an unknown client",
        "insert into {raw}.books_projects (project_id, client_id, name, billing, fixed_fee, "
        "started_on) values (6, 55, 'Y', 'fixed', 10, '2025-03-01')",
        {PROJECTS + NO_ROWS + "client_unknown": 1},
    ),
    Wrong(
        "country spelt out",
        "update {raw}.books_clients set country = 'Austria' where client_id = 2",
        {CLIENTS + REGEX + "country": 1},
    ),
    Wrong(
        "client entered twice",
        "insert into {raw}.books_clients (client_id, name, country, currency, payment_terms_days) "
        "values (4, ' ahorn ', 'DE', 'EUR', 14)",
        {CLIENTS + NO_ROWS + "same_name_twice": 2},
    ),
    Wrong(
        "change in the future",
        "update {raw}.books_clients set updated_at = '2099-01-01' where client_id = 3",
        {CLIENTS + NO_ROWS + "changed_in_the_future": 1},
    ),
    Wrong(
        "rate of zero",
        "update {raw}.books_exchange_rates set eur_per_unit = 0 where valid_from = '2025-12-01'",
        {RATES + BETWEEN + "eur_per_unit": 1, RATES + NO_ROWS + "jump_of_more_than_a_fifth": 1},
    ),
    Wrong(
        "rate from the middle of a month",
        "insert into {raw}.books_exchange_rates (valid_from, currency, eur_per_unit) "
        "values ('2025-10-15', 'USD', 0.9)",
        {RATES + NO_ROWS + "not_from_the_first_of_a_month": 1},
    ),
    Wrong(
        "mail address without domain",
        "update {raw}.shop_customers set email = 'nobody' where id = 3",
        {CUSTOMERS + REGEX + "email": 1},
    ),
    Wrong(
        "declared column dropped",
        "alter table {raw}.shop_customers drop column blood_type",
        {CUSTOMERS + NO_ROWS + "declared_columns_missing_or_of_another_type": 1},
    ),
    Wrong(
        "product for nothing",
        "update {raw}.shop_products set price = 0 where id = 5",
        {PRODUCTS + BETWEEN + "price": 1},
    ),
    Wrong(
        "purchase of an unknown product",
        _purchase("product_id = 77", 2),
        {PURCHASES + NO_ROWS + "product_unknown": 1},
    ),
    Wrong(
        "return of what was never bought",
        _purchase("returned_at = added_to_cart_at", 1),
        {PURCHASES + NO_ROWS + "returned_but_never_bought": 1},
    ),
    Wrong(
        "bought before it was in the cart",
        _purchase("purchased_at = added_to_cart_at - interval 1 day", 3),
        {PURCHASES + LATER + "purchased_at__added_to_cart_at": 1},
    ),
]

IN_THE_MARTS = [
    Wrong(
        "mart with revenue that the books don't have",
        "update marts.revenue_by_month set sold_eur = sold_eur + 100, "
        "revenue_eur = revenue_eur + 100 where revenue_month = '2025-02-01' and stream = 'hourly'",
        {
            "marts.revenue_by_month: " + BETWEEN + "euros_more_or_less_than_the_invoices": 1,
            "marts.client_profitability: "
            + BETWEEN
            + "euros_more_or_less_than_revenue_by_month": 1,
        },
    ),
    Wrong(
        "mart that doesn't add up",
        "update marts.revenue_by_month set corrected_eur = corrected_eur - 1 "
        "where revenue_month = '2025-02-01' and stream = 'shop'",
        {"marts.revenue_by_month: " + NO_ROWS + "revenue_is_not_sold_plus_corrected": 1},
    ),
    Wrong(
        "unknown stream",
        "update marts.revenue_by_month set stream = 'mystery' "
        "where revenue_month = '2025-05-01' and stream = 'hourly'",
        {"marts.revenue_by_month: " + IN_SET + "stream": 1},
    ),
    Wrong(
        "wrong ageing bucket",
        "update marts.receivables_ageing set bucket = '90+' where invoice_id = 19",
        {"marts.receivables_ageing: " + NO_ROWS + "bucket_does_not_fit_days_overdue": 1},
    ),
    Wrong(
        "receivable too high",
        "update marts.receivables_ageing set outstanding_amount = outstanding_amount + 1 "
        "where invoice_id = 20",
        {
            "marts.receivables_ageing: " + NO_ROWS + "outstanding_is_not_what_remains": 1,
            "marts.receivables_ageing: " + NO_ROWS + "differs_from_the_books": 1,
        },
    ),
    Wrong(
        "receivable forgotten",
        "delete from marts.receivables_ageing where invoice_id = 21",
        {"marts.receivables_ageing: " + NO_ROWS + "differs_from_the_books": 1},
    ),
    Wrong(
        "cash that never came",
        "update marts.cash_in set received_amount = received_amount + 1 "
        "where paid_month = '2025-03-01' and currency = 'EUR'",
        {
            "marts.cash_in: " + NO_ROWS + "differs_from_the_payments": 1,
            "marts.cash_in: " + NO_ROWS + "euros_converted": 1,
        },
    ),
    Wrong(
        "month left out of utilisation",
        "delete from marts.utilisation where worked_month = '2025-06-01'",
        {
            "marts.utilisation: " + NO_ROWS + "month_missing": 1,
            "marts.utilisation: " + BETWEEN + "hours_more_or_less_than_the_time_entries": 1,
        },
    ),
    Wrong(
        "profit that doesn't add up",
        "update marts.client_profitability set profit_eur = profit_eur + 1 where client_id = 1",
        {"marts.client_profitability: " + NO_ROWS + "profit_is_not_revenue_less_cost": 1},
    ),
    Wrong(
        "entry lost on the way to the mart",
        "delete from marts.fct_time_entries where time_entry_id = 60",
        {
            "marts.fct_time_entries: " + BETWEEN + "entries_more_or_less_than_the_books": 1,
            "marts.fct_time_entries: " + BETWEEN + "minutes_more_or_less_than_the_books": 1,
        },
    ),
    Wrong(
        "returning customer who isn't",
        "update marts.shop_customers set is_returning = not is_returning where customer_id = 7",
        {"marts.shop_customers: " + NO_ROWS + "returning_does_not_fit_purchases": 1},
    ),
    Wrong(
        "unknown status of a purchase",
        "update marts.fct_shop_purchases set status = 'lost' where purchase_id = 4",
        {
            "marts.fct_shop_purchases: " + IN_SET + "status": 1,
            "marts.fct_shop_purchases: " + NO_ROWS + "date_does_not_fit_status": 1,
        },
    ),
]
