package paystack

// Bounds on what is decoded. A webhook is a few KiB, but metadata in it is the merchant's own. What Verify takes can be
// read again as a notice, so that both have one bound.
const (
	MaxWebhookBytes = maxResponseBytes
	maxDepth        = 32
)
