package simulator

import "strings"

// Outcome is what the bank says to a card.
type Outcome string

// The outcomes.
const (
	Success         Outcome = "success"
	Declined        Outcome = "declined"
	Insufficient    Outcome = "insufficient-funds"
	Fraud           Outcome = "fraud"
	Timeout         Outcome = "timeout"
	NoToken         Outcome = "no-token"
	ServerError     Outcome = "error" // the page itself answers 500
	NotATestCard    Outcome = "not-a-test-card"
	WrongCVV        Outcome = "wrong-cvv"
	WrongCredential Outcome = "wrong-pin-or-otp"
)

// outcomes lists those that can be scripted.
func outcomes() []Outcome {
	return []Outcome{Success, Declined, Insufficient, Fraud, Timeout, NoToken, ServerError}
}

// gatewayResponse is the text in gateway_response and on the page.
func (o Outcome) gatewayResponse() string {
	switch o {
	case Success:
		return "Successful"
	case Declined:
		return "Declined"
	case Insufficient:
		return "Insufficient Funds"
	case Fraud:
		return "Denied by fraud system"
	case Timeout:
		return "Transaction cannot be completed. Session timeout exceeded."
	case NoToken:
		return "Token Not Generated. Customer Not Registered on Token Platform"
	case ServerError:
		return "An error occurred while processing the card"
	case NotATestCard:
		return "Declined. Please use the test card since you are doing a test transaction"
	case WrongCVV:
		return "Incorrect CVV"
	case WrongCredential:
		return "Incorrect PIN or OTP"
	}
	return string(o)
}

// Card is a test instrument. Any expiry in the future fits.
type Card struct {
	Number   string  `json:"number"`
	CVV      string  `json:"cvv"`
	PIN      string  `json:"pin,omitempty"`
	Phone    bool    `json:"phone,omitempty"` // asks for a phone number of ten digits or more
	OTP      string  `json:"otp,omitempty"`
	BankPage bool    `json:"bank_page,omitempty"` // asks on a page of the bank
	Outcome  Outcome `json:"outcome"`
	Webhook  string  `json:"webhook"` // a name of WebhookScenarios
	// Refund is how a refund of its payment ends; empty for processed.
	Refund RefundOutcome `json:"refund,omitempty"`
	// Dispute is true when the payer will complain about the payment.
	Dispute     bool   `json:"dispute,omitempty"`
	Description string `json:"description"`
	// Own is true for the simulator's own cards, false for those of Paystack's test page.
	Own bool `json:"own,omitempty"`
}

// brand names the card's scheme.
func brand(number string) string {
	switch {
	case strings.HasPrefix(number, "4"):
		return "visa"
	case strings.HasPrefix(number, "506"), strings.HasPrefix(number, "507"):
		return "verve"
	case strings.HasPrefix(number, "5"):
		return "mastercard"
	}
	return "unknown"
}

// Cards is the table of test cards: Paystack's (Paystack, Test Payments), then one for each habit of webhooks.
func Cards() []Card {
	list := []Card{
		{Number: "4084084084084081", CVV: "408", Outcome: Success, Description: "success"},
		{Number: "507850785078507812", CVV: "081", PIN: "1111", Outcome: Success, Description: "success after a PIN"},
		{Number: "5060666666666666666", CVV: "123", PIN: "1234", OTP: "123456", Outcome: Success, Description: "success after a PIN and an OTP"},
		{Number: "507850785078507804", CVV: "884", PIN: "0000", Phone: true, OTP: "123456", Outcome: Success, Description: "success after a PIN, a phone number and an OTP"},
		{Number: "5192602720584796", CVV: "123", BankPage: true, Outcome: Success, Description: "the bank's own page decides"},
		{Number: "4084080000005408", CVV: "001", Outcome: Declined, Description: "declined"},
		{Number: "4084080000670037", CVV: "787", Outcome: Insufficient, Description: "insufficient funds"},
		{Number: "507850785078507853", CVV: "082", PIN: "0000", Outcome: NoToken, Description: "token not generated, after a PIN"},
		{Number: "4084080000000409", CVV: "000", Outcome: Fraud, Description: "denied by the fraud system (sources label it differently)"},
		{Number: "5060660000000064", CVV: "606", Outcome: Timeout, Description: "session timeout (label uncertain)"},
		{Number: "5060665060665060", CVV: "060", Outcome: ServerError, Description: "the page answers HTTP 500 (number uncertain)"},
		{Number: "5060665060665067", CVV: "060", Outcome: ServerError, Description: "the page answers HTTP 500 (the other spelling of the number)"},
		{Number: "4084080000671803", CVV: "180", Outcome: Success, Refund: RefundFails, Description: "success; a refund would fail"},
		{Number: "4084080000671902", CVV: "190", Outcome: Success, Refund: RefundStalls, Description: "success; a refund would need attention"},
	}
	for i := range list {
		list[i].Webhook = "normal"
	}
	own := []struct{ number, webhook string }{
		{"4084081000000019", "lost"},
		{"4084081000000027", "tripled"},
		{"4084081000000035", "before-redirect"},
		{"4084081000000043", "late"},
		{"4084081000000050", "wrong-amount"},
		{"4084081000000068", "wrong-currency"},
		{"4084081000000076", "bad-signature-first"},
		{"4084081000000084", "junk-first"},
		{"4084081000000092", "live-domain"},
		{"4084081000000100", "unsigned-first"},
	}
	habits := map[string]string{}
	for _, h := range WebhookScenarios() {
		habits[h.Name] = h.Description
	}
	for _, o := range own {
		list = append(list, Card{
			Number: o.number, CVV: "408", Outcome: Success, Webhook: o.webhook, Own: true,
			Description: "success; webhook: " + habits[o.webhook],
		})
	}
	return append(list, Card{
		Number: "4084081000000118", CVV: "408", Outcome: Declined, Webhook: "forged", Own: true,
		Description: "declined; webhook: " + habits["forged"],
	}, Card{
		Number: "4084081000000126", CVV: "408", Outcome: Success, Webhook: "normal", Dispute: true, Own: true,
		Description: "success; the payer disputes it a little later",
	})
}

// luhn checks a card number's last digit.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
