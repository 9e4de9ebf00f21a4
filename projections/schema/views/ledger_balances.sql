CREATE OR REPLACE VIEW kipay.ledger_balances
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    account LowCardinality(String) COMMENT 'The account of the chart',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    channel_id Int64 COMMENT 'The payment channel where the money is',
    debit_minor Int64 COMMENT 'All debits, in minor units',
    credit_minor Int64 COMMENT 'All credits, in minor units',
    postings UInt64 COMMENT 'How many postings these are',
    position UInt64 COMMENT 'Position of the newest event among them'
)
AS SELECT merchant_id, mode, account, currency, channel_id, sum(e.debit_minor) AS debit_minor, sum(e.credit_minor) AS credit_minor,
    count() AS postings, max(e.position) AS position
FROM kipay.ledger_entries_gN AS e FINAL
GROUP BY merchant_id, mode, account, currency, channel_id
COMMENT 'What the postings of each account add up to';
