CREATE OR REPLACE VIEW kipay.events
(
    position UInt64 COMMENT 'Place in the log',
    stream String COMMENT 'The stream',
    revision Int64 COMMENT 'Place in the stream, from 0',
    id UUID COMMENT 'The event''s id',
    type LowCardinality(String) COMMENT 'What happened',
    version UInt16 COMMENT 'Version of the type''s wire form',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by our clock',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When the log recorded it',
    actor String COMMENT 'Who did it',
    merchant_id Int64 COMMENT 'The merchant, 0 for the install''s own',
    correlation_id String COMMENT 'Shared by all that one request set off',
    causation_id String COMMENT 'What it follows from directly',
    data String COMMENT 'The event as it stands in the log: JSON, personal fields sealed; empty where it holds an address with a token',
    metadata String COMMENT 'The metadata as it stands in the log: JSON',
    mode LowCardinality(String) COMMENT 'test or live for payments and their receipts; empty for what is the merchant''s in both'
)
AS SELECT position, stream, revision, id, type, version, occurred_at, recorded_at, actor, merchant_id, correlation_id,
    causation_id, if(type = 'C2BUrlsRegistered', '{}', data) AS data, metadata, mode
FROM kipay.events_gN FINAL
COMMENT 'Every event of the log, sealed as it stands there';
