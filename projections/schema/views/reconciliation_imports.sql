CREATE OR REPLACE VIEW kipay.reconciliation_imports
(
    id Int64 COMMENT 'The import''s number',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When the file came',
    finished_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was compared or refused',
    source LowCardinality(String) COMMENT 'mpesa_statement, mpesa_pull, paystack_settlement, paystack_transactions or bank',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    status LowCardinality(String) COMMENT 'processing, done or failed',
    sha256 String COMMENT 'The file''s SHA-256, in hex',
    period_from Nullable(DateTime64(3, 'UTC')) COMMENT 'Begin of the statement''s period',
    period_until Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the statement''s period, not included',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    lines UInt32 COMMENT 'Lines that moved money',
    matched UInt32 COMMENT 'Lines that are tied to an entry of the books',
    statement_minor Int64 COMMENT 'Sum of the lines, in minor units',
    booked_minor Int64 COMMENT 'What the books count in the period, in minor units',
    difference_minor Int64 COMMENT 'Statement less books, in minor units',
    explained_minor Int64 COMMENT 'The part of the difference whose cause is known, in minor units',
    unexplained_minor Int64 COMMENT 'The rest of it, in minor units',
    differences UInt32 COMMENT 'How many differences there are',
    balance_breaks UInt32 COMMENT 'Running balances that do not follow from the line before',
    balance_ties UInt8 COMMENT '1 when every step from the clearing account''s balance to the statement''s is named',
    balance_proven UInt8 COMMENT '1 when, beyond that, nothing is unexplained',
    bad_lines UInt32 COMMENT 'Lines that could not be read, of a file that was refused',
    message String COMMENT 'Why it was refused',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, merchant_id, mode, created_at, nullIf(finished_at, toDateTime64(0, 3, 'UTC')) AS finished_at, source, channel_id, status, sha256,
    nullIf(period_from, toDateTime64(0, 3, 'UTC')) AS period_from, nullIf(period_until, toDateTime64(0, 3, 'UTC')) AS period_until, currency, lines,
    matched, statement_minor, booked_minor, difference_minor, explained_minor, unexplained_minor, differences, balance_breaks, balance_ties,
    balance_proven, bad_lines, message, version AS position
FROM (SELECT * FROM kipay.reconciliation_imports_gN ORDER BY version DESC LIMIT 1 BY merchant_id, mode, id)
COMMENT 'Statements that were compared with the books, each once';
