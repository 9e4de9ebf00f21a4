package simulator

// The public sandbox values (Daraja portal, test credentials), and ours where Safaricom's are per developer.
const (
	SandboxConsumerKey    = "sandbox-consumer-key"
	SandboxConsumerSecret = "sandbox-consumer-secret"
	SandboxShortCode      = "174379"
	SandboxPasskey        = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919" //nolint:gosec // Safaricom publishes it
	SandboxTill           = "5000001"
	SandboxMSISDN         = "254708374149"

	SandboxInitiator         = "testapi"
	SandboxInitiatorPassword = "Safaricom999!*!" // Safaricom publishes it
)

// ShortCodeType says how a number is paid.
type ShortCodeType string

// The kinds of number.
const (
	PayBill ShortCodeType = "paybill"
	Till    ShortCodeType = "till"
)

// ShortCode is a merchant's number.
type ShortCode struct {
	Number  string        `json:"number"`
	Type    ShortCodeType `json:"type"`
	Passkey string        `json:"-"` // empty: no STK push on this number
	// Store is, for a till, the store or head-office number that owns the passkey: STK push sends it as
	// BusinessShortCode and the till as PartyB.
	Store string `json:"store,omitempty"`
	// ExternalValidation: a C2B payment asks ValidationURL first. Off by default at Safaricom too.
	ExternalValidation bool `json:"external_validation"`
}

// App is an app of the Daraja portal: a key pair and the numbers it may act for.
type App struct {
	ConsumerKey    string
	ConsumerSecret string
	ShortCodes     []ShortCode
	// Initiator and InitiatorPassword are the API operator of these numbers. Without them no reversal, payout, status or
	// balance query gets further than result 2001.
	Initiator         string
	InitiatorPassword string
}

// DefaultApps is one app with the sandbox's public STK shortcode 174379, a till 5000001 behind it, and the C2B
// shortcodes 600984, 600996 (external validation on) and 600000. Its initiator is testapi.
func DefaultApps() []App {
	return []App{{
		ConsumerKey:    SandboxConsumerKey,
		ConsumerSecret: SandboxConsumerSecret,
		Initiator:      SandboxInitiator, InitiatorPassword: SandboxInitiatorPassword,
		ShortCodes: []ShortCode{
			{Number: SandboxShortCode, Type: PayBill, Passkey: SandboxPasskey},
			{Number: SandboxTill, Type: Till, Store: SandboxShortCode},
			{Number: "600984", Type: PayBill, Passkey: SandboxPasskey},
			{Number: "600996", Type: PayBill, Passkey: SandboxPasskey, ExternalValidation: true},
			{Number: "600000", Type: PayBill, Passkey: SandboxPasskey},
		},
	}}
}

func (a *App) shortCode(number string) (ShortCode, bool) {
	for _, sc := range a.ShortCodes {
		if sc.Number == number {
			return sc, true
		}
	}
	return ShortCode{}, false
}
