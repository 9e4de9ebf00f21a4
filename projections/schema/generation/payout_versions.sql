CREATE TABLE IF NOT EXISTS kipay.payout_versions_gN
(
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    id Int64 COMMENT 'The payout''s number',
    version UInt64 COMMENT 'The event''s position in the log',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What is paid out, in minor units',
    paid_minor Int64 COMMENT 'What was paid, by the provider''s word, in minor units; 0 before',
    status LowCardinality(String) COMMENT 'awaiting_approval, approved, sent, completed, failed or rejected',
    method LowCardinality(String) COMMENT 'mpesa_b2c or manual',
    channel_id Int64 COMMENT 'The payment channel whose money it is',
    destination LowCardinality(String) COMMENT 'phone, bank or till',
    destination_hint String COMMENT 'The last figures of where it goes',
    needs_approval UInt8 COMMENT '1 when a second person has to agree',
    requested_by String COMMENT 'Who asked for it',
    approved_by String COMMENT 'Who agreed; empty when nobody had to, or has',
    rejected_by String COMMENT 'Who stopped it; empty when nobody has',
    sent_at DateTime64(3, 'UTC') COMMENT 'When the provider was asked; 1970 when it was not',
    paid_at DateTime64(3, 'UTC') COMMENT 'When the money had arrived; 1970 when it has not',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it became so, by the clock of whoever paid where that is known'
)
ENGINE = ReplacingMergeTree
ORDER BY (merchant_id, mode, created_at, id, version)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What each payout looked like after each of its events; never changed, for questions as of a moment';
