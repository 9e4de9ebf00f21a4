package paystack

// The lanes of a channel: opening a checkout and asking after one have separate ones, so that a flood of questions does not keep a
// checkout from being opened, nor a long list anything else. Single questions of every kind share that of verify.
const (
	laneInitialize = "initialize"
	laneVerify     = "verify"
	laneRefund     = "refund"
	laneDispute    = "dispute"
	laneList       = "list"

	laneNames = 5 // how many a channel can have
)
