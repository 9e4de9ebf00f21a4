CREATE TABLE IF NOT EXISTS kipay.progress
(
    generation UInt32 COMMENT 'The generation whose lists have come this far',
    position UInt64 COMMENT 'Lists show every event at or before this position of the log',
    told_at DateTime64(3, 'UTC') COMMENT 'When it was told'
)
ENGINE = ReplacingMergeTree(position)
ORDER BY generation
COMMENT 'How far lists have come, for nodes that do not project; a projection that starts goes by checkpoints';
