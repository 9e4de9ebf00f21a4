CREATE OR REPLACE VIEW kipay.reconciliation_differences
(
    id Int64 COMMENT 'The difference''s number',
    import_id Int64 COMMENT 'The import',
    merchant_id Int64 COMMENT 'The merchant',
    mode LowCardinality(String) COMMENT 'test or live',
    channel_id Int64 COMMENT 'The payment channel, 0 for a bank account',
    identity String COMMENT 'What it is about: the same in every import that shows it, when statements overlap',
    cause LowCardinality(String) COMMENT 'Why statement and books differ',
    rule LowCardinality(String) COMMENT 'The rule that decided',
    state LowCardinality(String) COMMENT 'open, explained or resolved',
    line_number UInt32 COMMENT 'The line in the file, 0 for what only the books have',
    line_kind LowCardinality(String) COMMENT 'What the line is',
    receipt String COMMENT 'The provider''s receipt',
    entry LowCardinality(String) COMMENT 'What of the books it is about: payment, fee, refund or payout',
    reference String COMMENT 'Kipay''s name of that',
    candidates String COMMENT 'What else it might be about, separated by spaces',
    event_ids String COMMENT 'The events behind it, separated by spaces',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_minor Int64 COMMENT 'What it adds to statement less books, in minor units',
    stated_minor Int64 COMMENT 'What the statement shows, in minor units',
    booked_minor Int64 COMMENT 'What the books count, in minor units',
    at Nullable(DateTime64(3, 'UTC')) COMMENT 'By the provider''s clock',
    explanation String COMMENT 'The cause in words',
    line String COMMENT 'Personal: the line as it stands in the file, as JSON',
    action LowCardinality(String) COMMENT 'What was decided: recorded, suspended, credit, write_off, return or accept; empty before',
    resolved_to String COMMENT 'The transaction that the money is counted for',
    resolved_by String COMMENT 'Who decided',
    reason String COMMENT 'Personal: why, in that person''s words',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was decided'
)
AS SELECT d.id AS id, d.import_id AS import_id, d.merchant_id AS merchant_id, d.mode AS mode, d.channel_id AS channel_id, d.identity AS identity, d.cause AS cause,
    d.rule AS rule, if(r.action IN ('', 'suspended'), toString(d.found_as), 'resolved') AS state, d.line_number AS line_number,
    d.line_kind AS line_kind, d.receipt AS receipt, d.entry AS entry, d.reference AS reference, d.candidates AS candidates,
    d.event_ids AS event_ids, d.currency AS currency, d.amount_minor AS amount_minor, d.stated_minor AS stated_minor,
    d.booked_minor AS booked_minor, nullIf(d.at, toDateTime64(0, 3, 'UTC')) AS at, d.explanation AS explanation, d.line AS line,
    toString(r.action) AS action, r.resolved_to AS resolved_to, r.resolved_by AS resolved_by, r.reason AS reason,
    nullIf(r.resolved_at, toDateTime64(0, 3, 'UTC')) AS resolved_at
FROM (SELECT * FROM kipay.reconciliation_differences_gN FINAL) AS d
INNER JOIN (SELECT merchant_id, mode, id, differences FROM kipay.reconciliation_imports_gN FINAL WHERE status = 'done') AS i
    ON i.merchant_id = d.merchant_id AND i.mode = d.mode AND i.id = d.import_id
LEFT JOIN (SELECT * FROM kipay.reconciliation_resolutions_gN ORDER BY version DESC LIMIT 1 BY merchant_id, mode, import_id, n) AS r
    ON r.merchant_id = d.merchant_id AND r.mode = d.mode AND r.import_id = d.import_id AND r.n = d.n
WHERE d.n <= i.differences
COMMENT 'Where statements and books differ, once for each import that shows it, as it stands now';
