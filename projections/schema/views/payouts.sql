CREATE OR REPLACE VIEW kipay.payouts
(
    id Int64 COMMENT 'The payout''s number',
    reference String COMMENT 'Kipay''s name of the payout, and M-Pesa''s',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
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
    created_at DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    sent_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the provider was asked',
    paid_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the money had arrived',
    receipt String COMMENT 'The provider''s receipt; empty until it names one',
    charge_minor Int64 COMMENT 'What the provider took for it, in minor units, as far as it has said',
    bank_reference String COMMENT 'The bank''s reference of a transfer that a person made',
    value_date String COMMENT 'The bank''s day of that transfer, such as 2026-10-31',
    failure_code LowCardinality(String) COMMENT 'Why it failed, for programs',
    failure_reason String COMMENT 'Why it failed, for people',
    outcome_unknown UInt8 COMMENT '1 while the provider''s answer is lost',
    needs_attention String COMMENT 'Why a person has to look; empty when nobody has to',
    position UInt64 COMMENT 'Position in the log of the event that this row shows'
)
AS SELECT id, reference, merchant_id, mode, currency, amount_minor, paid_minor, status, method, channel_id, destination, destination_hint, needs_approval,
    requested_by, approved_by, rejected_by, created_at, nullIf(sent_at, toDateTime64(0, 3, 'UTC')) AS sent_at,
    nullIf(paid_at, toDateTime64(0, 3, 'UTC')) AS paid_at, receipt, charge_minor, bank_reference, value_date, failure_code, failure_reason,
    outcome_unknown, needs_attention, version AS position
FROM kipay.payouts_gN FINAL
COMMENT 'Payouts, each once, as they are now';
