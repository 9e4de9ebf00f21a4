CREATE OR REPLACE VIEW kipay.ledger_entries
(
    id Int64 COMMENT 'The posting''s number',
    event_id UUID COMMENT 'The event that made it',
    event_type LowCardinality(String) COMMENT 'What happened',
    position UInt64 COMMENT 'Position of that event in the log',
    line UInt8 COMMENT 'Place among the event''s postings, from 0',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    reference String COMMENT 'The transaction',
    account LowCardinality(String) COMMENT 'The account of the chart',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    channel_id Int64 COMMENT 'The payment channel where the money is',
    debit_minor Int64 COMMENT 'In minor units; 0 where it is a credit',
    credit_minor Int64 COMMENT 'In minor units; 0 where it is a debit',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the provider''s clock where that is known',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    period UInt32 COMMENT 'The month in which it is booked, year times 100 and month',
    late_for UInt32 COMMENT 'The month in which it happened, where that was closed before it was known; else 0'
)
AS SELECT id, event_id, event_type, position, line, merchant_id, mode, reference, account, currency, channel_id, debit_minor,
    credit_minor, effective_at, recorded_at, period, late_for
FROM kipay.ledger_entries_gN FINAL
COMMENT 'The postings of every event that moved money, each once';
