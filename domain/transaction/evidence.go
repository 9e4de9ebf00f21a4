package transaction

// Door is where a piece of evidence came in.
type Door string

// The doors.
const (
	DoorStkCallback Door = "stk_callback"     // Daraja's result, at the push's own URL
	DoorStkQuery    Door = "stk_query"        // our status query, answered by Daraja
	DoorStkResponse Door = "stk_response"     // the answer to the push itself
	DoorC2B         Door = "c2b"              // a confirmation at a channel's own URL
	DoorC2BOpen     Door = "c2b_open"         // a confirmation at the URL without a token
	DoorCardWebhook Door = "paystack_webhook" // signed with the channel's secret key
	DoorCardVerify  Door = "paystack_verify"  // our verify call, answered by Paystack
	DoorCardAnswer  Door = "paystack_response"
	DoorStatement   Door = "statement" // a line of a statement that was imported
	DoorClock       Door = "clock"
)

// Method is how the money came.
type Method string

// The methods. A provider may name others (bank, mobile_money …).
const (
	MethodCard     Method = "card"
	MethodMpesaSTK Method = "mpesa_stk"
	MethodMpesaC2B Method = "mpesa_c2b"
)

// ConflictKind is what is contradictory.
type ConflictKind string

// The kinds of conflict.
const (
	ConflictSecondReceipt ConflictKind = "second_receipt"     // another receipt than the one that paid
	ConflictAmount        ConflictKind = "amount_differs"     // another amount than was asked, or than another door said
	ConflictCurrency      ConflictKind = "currency_differs"   // another currency than was asked, or than another door said
	ConflictReceiptTaken  ConflictKind = "receipt_taken"      // the receipt pays another transaction already, or its money went back
	ConflictMismatch      ConflictKind = "identifiers_differ" // it names another request than ours
)

// Kind is a kind of evidence, in the order of its weight.
type Kind int

// The kinds of evidence, weakest first.
const (
	NoNews         Kind = iota // pending, processing, an error, an unknown code
	ClockRanOut                // our own patience
	UnconfirmedIn              // a payment reported at a URL that anyone can call
	FailedByQuery              // the provider, asked by us, calls the attempt failed
	FailedByNotice             // the provider tells us that the attempt failed, or refused it
	ConfirmedPaid              // the provider, asked by us, calls the attempt paid, and names no receipt
	ReceiptGiven               // the provider names receipt and amount, over a door that only it knows
)

// Rule is one line of the table: what a kind of evidence does to a transaction in each public status.
type Rule struct {
	Kind      Kind
	Name      string
	Sources   string
	Pending   Status
	Failed    Status
	Completed Status
	Why       string
}

// Rules is the ranking of evidence. Status derives from it and docs/evidence.md is made from it; the property tests hold
// the code to it. A heavier kind is never undone by a lighter one, so the order of arrival doesn't matter.
var Rules = [...]Rule{
	{
		NoNews, "no news",
		"query: 4999, any 500.001.1001, 5xx, timeout, unknown code; Paystack: abandoned, ongoing, pending; a success without receipt",
		StatusPending, StatusFailed, StatusCompleted,
		"Providers answer like this for paid, unpaid and unknown alike. It only makes us ask again.",
	},
	{
		ClockRanOut, "window ran out", "the clock",
		StatusFailed, StatusFailed, StatusCompleted,
		"Nobody waits for ever, but the lack of news proves nothing: any later success still completes. Not when money came, even too little.",
	},
	{
		UnconfirmedIn, "unconfirmed notice of money", "C2B confirmation of a production shortcode at a URL without a token",
		StatusPending, StatusFailed, StatusCompleted,
		"Anyone on the internet can post there. It is listed as pending and credits nothing until a door that only the provider knows says the same.",
	},
	{
		FailedByQuery, "failed, by query", "STK query with a failure code",
		StatusFailed, StatusFailed, StatusCompleted,
		"The provider's own word, on our question. Of a checkout it fails the attempt only: the customer may try again.",
	},
	{
		FailedByNotice, "failed, by notice", "STK callback with a failure code; push refused; Paystack failed",
		StatusFailed, StatusFailed, StatusCompleted,
		"As above, and it names the reason more exactly than the query does, so its reason is the one shown.",
	},
	{
		ConfirmedPaid, "paid, by query", "STK query with code 0",
		StatusCompleted, StatusCompleted, StatusCompleted,
		"Authenticated, on our question, about our own request for exactly this amount. The receipt is added when a notice brings it.",
	},
	{
		ReceiptGiven, "paid, with receipt", "STK callback at its secret URL; C2B confirmation at the channel's secret URL; signed Paystack webhook; Paystack verify; a line of an imported statement",
		StatusCompleted, StatusCompleted, StatusCompleted,
		"Money moved and has a name. Less than was asked leaves it pending, as underpaid, until more comes or a query confirms the whole.",
	},
}
