CREATE TABLE IF NOT EXISTS kipay.reconciliation_imports_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    id Int64 COMMENT 'The import''s number',
    version UInt64 COMMENT 'Position in the log of the event that this row shows',
    created_at DateTime64(3, 'UTC') COMMENT 'When the file came',
    finished_at DateTime64(3, 'UTC') COMMENT 'When it was compared or refused; 1970 before',
    source LowCardinality(String) COMMENT 'mpesa_statement, mpesa_pull, paystack_settlement, paystack_transactions or bank',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    status LowCardinality(String) COMMENT 'processing, done or failed',
    sha256 String COMMENT 'The file''s SHA-256, in hex',
    period_from DateTime64(3, 'UTC') COMMENT 'Begin of the statement''s period',
    period_until DateTime64(3, 'UTC') COMMENT 'End of the statement''s period, not included',
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
    message String COMMENT 'Why it was refused'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each statement that is compared with the books came to after each of its events; the newest is what it is now';
