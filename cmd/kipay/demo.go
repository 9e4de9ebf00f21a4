package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	mpesasim "github.com/benfex/kipay/commands/mpesa/simulator"
	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/merchant"
)

// demoKeyFile keeps the demo merchant's test key, so that every start can show it. Other keys are kept nowhere.
const demoKeyFile = "demo-api-key"

// firstRun makes the demo merchant if the sandbox is on and nobody is there yet, and prints what a newcomer needs.
func (n *node) firstRun(ctx context.Context, sim *sandbox, out io.Writer) error {
	if sim == nil {
		return nil
	}
	path := filepath.Join(n.cfg.DataDir, demoKeyFile)
	raw, err := os.ReadFile(path)
	key := strings.TrimSpace(string(raw))
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = n.makeDemo(ctx, sim, path); err != nil {
			return fmt.Errorf("demo merchant: %w", err)
		}
	} else if err != nil {
		return fmt.Errorf("demo merchant: %w", err)
	}
	printWelcome(out, n.publicURL(), "http://"+n.cfg.SandboxAddr, key)
	return nil
}

var errSomebody = errors.New("there is a merchant already")

// makeDemo opens the demo merchant with a channel at each simulator; "" when there are merchants already.
func (n *node) makeDemo(ctx context.Context, sim *sandbox, keyFile string) (string, error) {
	err := n.write.EachMerchant(ctx, func(merchant.State) error { return errSomebody })
	if errors.Is(err, errSomebody) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id, keys, err := n.write.CreateMerchant(ctx, commands.NewMerchant{Name: "Demo Duka", Email: "owner@demo.example"})
	if err != nil {
		return "", err
	}
	for _, channel := range []string{
		`{"name":"M-Pesa sandbox","provider":"mpesa","config":{"environment":"sandbox","consumer_key":"` + mpesasim.SandboxConsumerKey +
			`","consumer_secret":"` + mpesasim.SandboxConsumerSecret + `","shortcode":"` + mpesasim.SandboxShortCode + `","passkey":"` + mpesasim.SandboxPasskey + `"}}`,
		`{"name":"Paystack test","provider":"paystack","config":{"public_key":"pk_test_kipaydemo0000000000","secret_key":"sk_test_kipaydemo0000000000"}}`,
	} {
		if err := n.write.CreateChannelFor(ctx, id, []byte(channel)); err != nil {
			return "", err
		}
	}
	m, err := commands.Fold[merchant.State](ctx, n.write, merchant.Stream(id))
	if err != nil {
		return "", err
	}
	// The first channel is M-Pesa's: with an initiator it can give money back.
	if _, err := n.write.SetInitiator(ctx, m.State.Channels[0], mpesasim.SandboxInitiator, mpesasim.SandboxInitiatorPassword, sim.daraja.Certificate(), 0); err != nil {
		return "", err
	}
	return keys[0].Key, writePrivate(keyFile, keys[0].Key+"\n")
}

func printWelcome(out io.Writer, base, sandboxBase, key string) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	p("")
	p("  Kipay is running      %s", base)
	p("  Simulators            %s  (M-Pesa phone: %s%s/)", sandboxBase, sandboxBase, darajaPath)
	if key == "" {
		p("  API key               make one: kipay key issue --merchant 1")
		key = "YOUR_TEST_KEY"
	} else {
		p("  Demo API key (test)   %s", key)
	}
	p("")
	p("  Open a payment, then pay it on the page that authorization_url names:")
	p("")
	p("    curl -s %s/api/transactions/initialize -H 'Content-Type: application/json' -H 'X-API-Key: %s' \\", base, key)
	p(`      -d '{"amount": 1500, "email": "jane@example.com", "first_name": "Jane", "description": "Order 12345"}'`)
	p("")
	p("  Ask a phone for a payment:")
	p("")
	p("    curl -s %s/api/mpesa/stk-push -H 'Content-Type: application/json' -H 'X-API-Key: %s' \\", base, key)
	p(`      -d '{"amount": 1000, "phone_number": "254712345678", "payment_channel_id": 1, "reference": "ORDER123", "description": "Services"}'`)
	p("")
	p("  See what became of it:")
	p("")
	p("    curl -s %s/api/transactions/verify/REFERENCE -H 'X-API-Key: %s'", base, key)
	p("")
	printMagic(out, false)
	p("  Stop with Ctrl-C.")
	p("")
}

// everydayScenarios are the magic numbers that a first look needs; `kipay sandbox` lists all of them.
var everydayScenarios = []string{"0001", "1032", "1037", "2001"}

// printMagic prints the phone numbers and cards that choose an outcome.
func printMagic(out io.Writer, all bool) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	p("  Magic phone numbers (any other 2547… number pays after 2 s)")
	for _, s := range mpesasim.Scenarios() {
		if s.MSISDN == "" || !all && !everyday(s) {
			continue
		}
		p("    %s  %s", s.MSISDN, s.Description)
	}
	p("")
	p("  Test cards (any expiry in the future)")
	for i, c := range paystacksim.Cards() {
		if !all && (c.Own || i > 7) {
			continue
		}
		extra := ""
		if c.PIN != "" {
			extra += " PIN " + c.PIN
		}
		if c.OTP != "" {
			extra += " OTP " + c.OTP
		}
		p("    %-19s  CVV %s%-22s %s", c.Number, c.CVV, extra, c.Description)
	}
	if !all {
		p("")
		p("  All of them: docs/sandbox.md")
	}
	p("")
}

func everyday(s mpesasim.Scenario) bool {
	for _, code := range everydayScenarios {
		if s.MSISDN == "25470000"+code {
			return true
		}
	}
	return s.MSISDN == "254700077777" || s.MSISDN == "254700020001"
}
